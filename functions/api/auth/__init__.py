"""Who sends a request, by which credential, and the store as they may see it."""
