"""Turns an HTTP request into what a method is asked."""

import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl

import flask
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from functions.aip.errors import FieldViolation, InvalidArgument, PayloadTooLarge
from functions.aip.field_mask import snake_case
from functions.api.path_table import Match
from functions.api.query import parameters
from functions.rules.request import Request
from functions.rules.settings import Settings

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

_FORM = "application/x-www-form-urlencoded"


def effective_verb(request: flask.Request) -> str:
    """The HTTP method, or the one a POST says it stands for.

    The discovery client sends long GETs as POSTs, the query in the body.
    """
    if request.method == "POST":
        return request.headers.get("X-HTTP-Method-Override", "POST").upper()
    return request.method


def bind(request: flask.Request, match: Match, settings: Settings) -> Request:
    """The Request; raises InvalidArgument for a query parameter that the method does not take.

    And PayloadTooLarge for a body of which no more than the limit was read.
    """
    body = _body(request, settings.max_body_bytes)
    is_long_get = request.method == "POST" and match.route.verb == "GET"
    sent: Iterable[tuple[str, str]] = parameters(request).items()
    if is_long_get and (request.content_type or "").startswith(_FORM):
        sent = [*sent, *parse_qsl(body.decode(errors="replace"), keep_blank_values=True)]
        body = b""
    query, system = {}, {}
    spellings = _spellings(match.route.query)
    for name, value in sent:
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
        last_event_id=request.headers.get("Last-Event-ID", ""),
        is_time_up=_deadline(settings.store_timeout / 2e9),
    )


def _deadline(seconds: float) -> Callable[[], bool]:
    """Tells whether so much time has passed since this call."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _body(request: flask.Request, limit: int) -> bytes:
    environ = request.environ
    if not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    # At its own limit werkzeug ends a chunked body as if it were whole.
    request.max_content_length = limit + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise PayloadTooLarge(limit) from None
    except (BadRequest, ParseException) as error:
        raise _broken_body() from error
    if len(body) > limit:
        raise PayloadTooLarge(limit)
    if len(body) < (request.content_length or 0):
        raise _broken_body()
    return body


def _broken_body() -> InvalidArgument:
    return InvalidArgument("The body ended early, came too slowly, or is in malformed chunks.")


def _spellings(parameters: tuple[str, ...]) -> Mapping[str, str]:
    """Both spellings of each parameter → its camelCase name."""
    return {spelling: name for name in parameters for spelling in (name, snake_case(name))}


def _unknown_parameter(name: str) -> InvalidArgument:
    message = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return InvalidArgument(message, [FieldViolation(name, message)])
