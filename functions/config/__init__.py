"""Every setting, read from environment variables and checked at the start."""
