"""The methods of users and their state, one in each file."""
