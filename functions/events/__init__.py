"""The methods of events, one a file."""
