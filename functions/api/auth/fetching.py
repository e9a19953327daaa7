"""Asks other servers about tokens: issuers for their keys, Google for what a token stands for."""

import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError

from functions.aip.errors import Unavailable
from functions.config.opener import opener

_TIMEOUT = 5
"""Seconds, for each wait."""

_MAX_BYTES = 2**20
_NO_HEADERS: Mapping[str, str] = {}


class Answer(NamedTuple):
    """An HTTP status and the JSON below it."""

    status: int
    json: Any


def fetch_json(
    url: str, body: bytes | None = None, headers: Mapping[str, str] = _NO_HEADERS
) -> Answer:
    """GET, or POST with a body; raises Unavailable if the answer is no JSON object."""
    request = urllib.request.Request(url, body, dict(headers))
    try:
        try:
            answer = opener.open(request, timeout=_TIMEOUT)
        except HTTPError as error:
            answer = error
        with answer:
            found = json.loads(answer.read(_MAX_BYTES))
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise Unavailable("Credentials cannot be checked now. Try again.") from error
    if not isinstance(found, dict):
        raise Unavailable("Credentials cannot be checked now. Try again.")
    return Answer(answer.status, found)
