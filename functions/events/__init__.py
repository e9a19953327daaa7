"""The methods of events, one in each file."""
