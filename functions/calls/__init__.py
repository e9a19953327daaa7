"""Readers of one request: names, pages, filters and messages from its path, query and body."""
