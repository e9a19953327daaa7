"""The wire shapes: pydantic messages that read and write the API's proto3 JSON."""

import os

# Pydantic would look for plugins in every installed package, which a start has to wait for.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
