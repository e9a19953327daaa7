"""The official clients of the API, each with one way to write and to read a conversation."""
