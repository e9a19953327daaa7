"""The methods of locations, one in each file."""
