"""The methods of reasoning engines, one in each file."""
