"""Makes the OpenAPI 3.1 description of the whole API from its routes and its messages.

    python -m infra.generate.description > functions/api/openapi.json

infra/generate/openapi.py makes API Gateway's document, which has neither schemas nor streams.
"""
