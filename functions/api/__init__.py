"""The HTTP edge: the table of routes, and the way from a request to an answer."""
