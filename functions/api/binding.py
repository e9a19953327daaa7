"""Turns an HTTP request into the Request that a method takes."""

import time
from collections.abc import Callable, Mapping
from functools import cache

import flask

from functions.aip.errors import FieldViolation, InvalidArgument
from functions.aip.field_mask import snake_case
from functions.api.body import read_body
from functions.api.path_table import Match
from functions.api.query import is_long_get, parameters
from functions.calls.request import Request
from functions.config.settings import Settings

_SYSTEM_PARAMETERS = frozenset(
    {
        "$.xgafv",
        "$alt",
        "$callback",
        "$fields",
        "$prettyPrint",
        "access_token",
        "alt",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
        "userIp",
    }
)
"""Accepted everywhere and ignored, but for the enum encoding in alt; see
cloud.google.com/apis/docs/system-parameters."""


def bind(request: flask.Request, match: Match, settings: Settings) -> Request:
    """The Request; raises InvalidArgument for a query parameter that the method does not take.

    Also raises the errors of `read_body`.
    """
    body = b"" if is_long_get(request) else read_body(request, settings.max_body_bytes)
    query, system = {}, {}
    spellings = _spellings(match.route.query)
    conditions: Mapping[str, str] = request.environ if settings.extensions else {}
    for name, value in parameters(request).items():
        if name in spellings:
            query[spellings[name]] = value
        elif name in _SYSTEM_PARAMETERS:
            system[name] = value
        else:
            raise _unknown_parameter(name)
    return Request(
        version=match.version,
        name=match.name or query.get("parent", ""),
        name_field=match.name_field,
        query=query,
        body=body,
        settings=settings,
        enum_numbers="enum-encoding=int" in (system.get("$alt") or system.get("alt", "")),
        last_event_id=request.environ.get("HTTP_LAST_EVENT_ID", ""),
        match_header=conditions.get("HTTP_IF_MATCH", ""),
        none_match_header=conditions.get("HTTP_IF_NONE_MATCH", ""),
        is_time_up=_deadline(settings.store_timeout / 2e9),
    )


def _deadline(seconds: float) -> Callable[[], bool]:
    """Tells whether so much time has passed since this call."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


@cache
def _spellings(parameters: tuple[str, ...]) -> Mapping[str, str]:
    """Both spellings of each parameter → its camelCase name."""
    return {spelling: name for name in parameters for spelling in (name, snake_case(name))}


def _unknown_parameter(name: str) -> InvalidArgument:
    message = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return InvalidArgument(message, [FieldViolation(name, message)])
