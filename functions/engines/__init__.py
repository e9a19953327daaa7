"""The methods of reasoning engines, one a file."""
