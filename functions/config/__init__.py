"""Every setting, read from environment variables and checked at the start.

And `opener`, which asks the URLs that settings name.
"""
