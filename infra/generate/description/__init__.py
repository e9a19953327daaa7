"""Describes the whole API as OpenAPI 3.1, made from its routes and its messages.

    python -m infra.generate.description > docs/openapi.json

API Gateway is given another document, without schemas and streams: infra/generate/openapi.py.
"""
