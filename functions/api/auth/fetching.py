"""Asks those who know about tokens: issuers for their keys, Google for what a token is worth."""

import json
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode

from functions.aip.errors import Unavailable

_TIMEOUT = 5
"""Seconds, for each wait."""

_MAX_BYTES = 2**20


class Answer(NamedTuple):
    """An HTTP status and the JSON below it."""

    status: int
    json: Any


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """What was configured is asked, and nobody else."""


_opener = urllib.request.build_opener(_NoRedirects)


def fetch_json(url: str, **form: str) -> Answer:
    """GET, or POST with a form; raises Unavailable where no JSON object comes back."""
    data = urlencode(form).encode() if form else None
    try:
        try:
            answer = _opener.open(urllib.request.Request(url, data), timeout=_TIMEOUT)
        except HTTPError as error:
            answer = error
        with answer:
            found = json.loads(answer.read(_MAX_BYTES))
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise Unavailable("Credentials cannot be checked now. Try again.") from error
    if not isinstance(found, dict):
        raise Unavailable("Credentials cannot be checked now. Try again.")
    return Answer(answer.status, found)
