"""Describes the whole API as OpenAPI 3.1, made from its routes and its messages.

    python -m infra.description > docs/openapi.json

What API Gateway is given is another document, without schemas and streams: infra/openapi.py.
"""
