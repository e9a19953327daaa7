"""GET /openapi.json: the description of the whole API, whatever a target serves of it."""

from functools import cache
from pathlib import Path

import flask

from functions.api.errors import CONTENT_TYPE

DESCRIPTION_PATH = "/openapi.json"


def description() -> flask.Response:
    """The OpenAPI document; nobody needs a credential for it, since it says nothing of data."""
    return flask.Response(_document(), content_type=CONTENT_TYPE)


@cache
def _document() -> bytes:
    return (Path(__file__).parent / "openapi.json").read_bytes()
