"""Agent Engine Sessions; docs/architecture.md has the map of the rooms."""
