"""The official clients of the API, connected to a server that a test started."""
