"""The methods of runs, one a file."""
