"""Lets pages of other origins call the API; see fetch.spec.whatwg.org/#http-cors-protocol."""

from collections.abc import Collection

import flask

from functions.aip.errors import PermissionDenied
from functions.api.errors import error_response
from functions.api.framework import Target
from functions.api.routes import ROUTES

ANY = "*"
"""Stands for every origin."""

_METHODS = ", ".join(sorted({route.verb for route in ROUTES}))
_HEADERS = (
    "authorization, content-type, if-match, if-none-match, last-event-id, "
    "x-goog-api-client, x-goog-api-key, x-goog-user-project"
)
_EXPOSED = ("ETag", "Retry-After")
"""Headers of answers that scripts may read besides those that are always theirs."""

_MAX_AGE = 7200
"""Seconds that a browser may keep the answer to a preflight; Chromium keeps none for longer."""


def allow_origins(serve: Target, origins: Collection[str]) -> Target:
    """Lets pages of these origins read every answer, errors and streams included.

    The preflight of another page gets an error that says why. Without origins, all other answers
    stay as they are. Browsers send no cookies: scripts send tokens.
    """

    def shared(request: flask.Request) -> flask.Response:
        sent = request.environ.get("HTTP_ORIGIN", "")
        is_allowed = bool(sent) and (ANY in origins or sent in origins)
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        # On every path: a page can read a 404 only if its preflight was allowed.
        if asks and is_allowed:
            answer = _preflight(request)
        elif asks and sent:
            answer = error_response(PermissionDenied(_refusal(sent, origins)))
        else:
            answer = serve(request)
        if origins:
            answer.vary.add("Origin")
        if is_allowed:
            answer.headers["Access-Control-Allow-Origin"] = ANY if ANY in origins else sent
            if any(name in answer.headers for name in _EXPOSED):
                answer.headers["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED)
        return answer

    return shared


def _refusal(origin: str, origins: Collection[str]) -> str:
    reason = f"CORS_ORIGINS does not name {origin}" if origins else "CORS_ORIGINS is not set"
    return f"Pages of {origin} cannot call this server: {reason}."


def _preflight(request: flask.Request) -> flask.Response:
    answer = flask.Response(status=204)
    del answer.headers["Content-Type"]
    headers = (_HEADERS, request.headers.get("Access-Control-Request-Headers", ""))
    answer.headers["Access-Control-Allow-Headers"] = ", ".join(filter(None, headers))
    answer.headers["Access-Control-Allow-Methods"] = _METHODS
    answer.headers["Access-Control-Max-Age"] = str(_MAX_AGE)
    return answer
