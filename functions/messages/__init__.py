"""The wire shapes: pydantic messages that read and write the API's proto3 JSON."""
