"""Agent Engine Sessions; docs/architecture.md has the map of the rooms."""

__version__ = "0.1.0"
"""The release, which `GET /health` tells and traces carry."""
