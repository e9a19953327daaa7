"""The methods of runs, one in each file."""
