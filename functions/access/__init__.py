"""The rights of callers: principals, roles, policies and permissions."""
