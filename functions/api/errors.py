"""Errors as HTTP answers, in the JSON shape of the API; see google.aip.dev/193."""

from typing import Any

import flask

from functions.aip.errors import ApiError, Internal, MethodNotAllowed, Unauthenticated
from functions.api.body import ENCODING, UnsupportedEncoding
from functions.messages.json_text import write_plain

CONTENT_TYPE = "application/json; charset=UTF-8"

INTERNAL = Internal("Internal error encountered.")
"""What clients read of an unexpected exception; the log has its traceback."""


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
    answer = flask.Response(
        write_plain({"error": body}), status=error.code, content_type=CONTENT_TYPE
    )
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, MethodNotAllowed):
        # RFC 9110 requires the header with every 405.
        answer.headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, UnsupportedEncoding):
        answer.headers["Accept-Encoding"] = ENCODING
    return answer
