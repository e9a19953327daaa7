"""Errors as HTTP answers, in the JSON shape of the API; see google.aip.dev/193."""

from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from functions.aip.errors import ApiError, Internal, InvalidArgument, MethodNotAllowed, NotFound
from functions.messages.json_text import write_json

CONTENT_TYPE = "application/json; charset=UTF-8"

INTERNAL = Internal("Internal error encountered.")
"""What a client learns of anything unforeseen; the rest is in the log."""


def error_response(error: ApiError) -> flask.Response:
    """`{"error": {"code", "message", "status", "details"?}}` under the error's own HTTP code."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "status": error.status,
    }
    if error.violations:
        body["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": violation.field, "description": violation.description}
                    for violation in error.violations
                ],
            }
        ]
    return flask.Response(write_json({"error": body}), status=error.code, content_type=CONTENT_TYPE)


def adopt_framework_errors(app: flask.Flask) -> None:
    """Answers in our shape where the framework would answer a page of HTML or text."""
    app.url_map.merge_slashes = False
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, lambda error: error_response(INTERNAL))


def _framework_error(error: HTTPException) -> flask.Response:
    path = flask.request.path
    if error.code == NotFound.code:
        return error_response(NotFound(f"There is no path {path}."))
    if error.code == MethodNotAllowed.code:
        return error_response(MethodNotAllowed(f"{path} does not take {flask.request.method}."))
    if error.code is not None and error.code < 500:
        return error_response(InvalidArgument(error.description or error.name))
    return error_response(INTERNAL)
