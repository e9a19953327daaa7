"""What one request asks: names, pages, filters and messages, read from path, query and body."""
