"""Lets pages of other origins call the API; see fetch.spec.whatwg.org/#http-cors-protocol."""

from collections.abc import Collection

import flask

from functions.api.routes import ROUTES

ANY = "*"
"""Stands for every origin."""

_METHODS = ", ".join(sorted({route.verb for route in ROUTES}))
_HEADERS = (
    "authorization, content-type, last-event-id, "
    "x-goog-api-client, x-goog-api-key, x-goog-user-project"
)
_MAX_AGE = 7200
"""Seconds that a browser may remember a preflight; Chromium remembers none for longer."""


def allow_origins(app: flask.Flask, origins: Collection[str]) -> None:
    """Lets pages of these origins read every answer of the app, errors and streams included.

    Without origins, answers stay as they are. Cookies are not allowed: scripts send tokens.
    """
    is_done = __name__ in app.extensions
    if is_done or not origins:
        return
    app.extensions[__name__] = origins

    def allowed_origin() -> str | None:
        origin = flask.request.headers.get("Origin")
        if origin and ANY in origins:
            return ANY
        return origin if origin in origins else None

    # Before the routes: a page may read that there is no such path only if it may ask for it.
    @app.before_request
    def answer_preflight() -> flask.Response | None:
        request = flask.request
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not asks or allowed_origin() is None:
            return None
        answer = flask.Response(status=204)
        del answer.headers["Content-Type"]
        headers = (_HEADERS, request.headers.get("Access-Control-Request-Headers", ""))
        answer.headers["Access-Control-Allow-Headers"] = ", ".join(filter(None, headers))
        answer.headers["Access-Control-Allow-Methods"] = _METHODS
        answer.headers["Access-Control-Max-Age"] = str(_MAX_AGE)
        return answer

    @app.after_request
    def share(answer: flask.Response) -> flask.Response:
        answer.vary.add("Origin")
        if origin := allowed_origin():
            answer.headers["Access-Control-Allow-Origin"] = origin
        return answer
