"""The methods of sessions, one in each file."""
