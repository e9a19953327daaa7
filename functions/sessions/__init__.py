"""The methods of sessions, one a file."""
