"""The service at SUMMARIZER_URL, which answers a summary of events.

POST {"session": Session, "events": [SessionEvent, …]}  →  {"content": Content}
"""

import json
import logging
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from functions.aip.errors import Unavailable
from functions.config.opener import opener
from functions.config.settings import Settings
from functions.rules.session import SessionRecord

_MAX_BYTES = 2**20
"""Bytes of an answer of the service."""

_log = logging.getLogger(__name__)


class SummarizerFailed(Unavailable):
    """The summarizer does not answer, or answers no content; the log says why.

    `why` has nothing of an answer but its kind and its size: it may hold what people said.
    """

    def __init__(self, why: str) -> None:
        super().__init__("The summarizer at SUMMARIZER_URL answers no summary now. Try again.")
        _log.warning("the summarizer failed: %.300s", why)


def ask_for_summary(
    settings: Settings, session: SessionRecord, events: Sequence[str]
) -> dict[str, Any]:
    """Returns the JSON of the Content that stands for the events, which are JSON texts.

    Waits WORK_TIME_LIMIT for each answer of the network. Raises SummarizerFailed.
    """
    body = f'{{"session":{session.to_json()},"events":[{",".join(events)}]}}'
    headers = {"Content-Type": "application/json"}
    url = settings.summarizer_url
    try:
        if settings.k_service:
            headers["Authorization"] = f"Bearer {_identity_token(url)}"
        request = urllib.request.Request(url, body.encode(), headers)
        with opener.open(request, timeout=settings.work_time_limit / 1e9) as answer:
            text = answer.read(_MAX_BYTES)
        found = json.loads(text)
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise SummarizerFailed(_kind_of(error)) from error
    content = found.get("content") if isinstance(found, dict) else None
    if not isinstance(content, dict):
        kind = type(found).__name__
        raise SummarizerFailed(f"its answer, a {kind} of {len(text)} bytes, has no content")
    return content


def _kind_of(error: Exception) -> str:
    """An error in words that quote no answer."""
    if isinstance(error, HTTPError):
        return f"it answers {error.code}"
    return repr(error) if isinstance(error, OSError) else type(error).__name__


def _identity_token(url: str) -> str:
    """A token of the function's service account for the host of a URL, as Cloud Run checks it."""
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request
    from google.oauth2.id_token import fetch_id_token

    parts = urlsplit(url)
    try:
        fetch: Callable[..., str] = fetch_id_token
        return fetch(Request(), f"{parts.scheme}://{parts.netloc}")
    except GoogleAuthError as error:
        raise OSError(f"no identity token: {error}") from error
