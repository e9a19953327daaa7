"""Who may do what: callers, roles, policies and permissions."""
