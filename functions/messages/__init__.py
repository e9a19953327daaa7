"""Pydantic messages that read and write the API's proto3 JSON."""

import os

# Pydantic would search every installed package for plugins, which makes a start slower.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
