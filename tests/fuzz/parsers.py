"""For each parser of what callers send, what must hold of any input.

A check returns where the input is taken and all is well, or where it is refused by the error that
the parser promises; anything else it raises is a finding.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import flask
from werkzeug.test import EnvironBuilder

from functions.access.policy import Policy
from functions.access.principal import Principal
from functions.aip.duration import MAX_DURATION, format_duration, parse_duration
from functions.aip.errors import InvalidArgument, Unauthenticated
from functions.aip.field_mask import parse_field_mask
from functions.aip.ordering import parse_order_by
from functions.aip.page_token import InvalidPageToken, decode_page_token, encode_page_token
from functions.aip.timestamp import (
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    format_timestamp,
    parse_timestamp,
)
from functions.api.auth.credentials import read_credentials
from functions.api.auth.iam import Iam
from functions.calls.filters import SESSION_DEFAULT_ORDER, SESSION_ORDERS
from functions.messages.session import Session
from functions.rules.session_rules import check_update_mask
from tests.fuzz.bodies import check_json, check_messages
from tests.fuzz.filters import check_filter
from tests.fuzz.names import check_ids, check_names, check_run_names

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_timestamp(text: str) -> None:
    """To the nanosecond the same when written and read again, and Python's own reading of it."""
    try:
        ns = parse_timestamp(text)
    except ValueError:
        return
    assert MIN_TIMESTAMP <= ns <= MAX_TIMESTAMP
    assert parse_timestamp(format_timestamp(ns)) == ns
    expected = datetime.fromisoformat(text.upper()) - _EPOCH
    assert ns // 1000 == expected // timedelta(microseconds=1)


def check_duration(text: str) -> None:
    """To the nanosecond the same when written and read again, and the number that it says."""
    with suppress(ValueError):
        ns = parse_duration(text)
        assert abs(ns) <= MAX_DURATION
        assert parse_duration(format_duration(ns)) == ns
        assert ns == Decimal(text.removesuffix("s")) * 10**9


def check_order(text: str) -> None:
    """One of the fields, and the same when spelled out."""
    with suppress(InvalidArgument):
        order = parse_order_by(text, SESSION_ORDERS, SESSION_DEFAULT_ORDER)
        assert order.field in SESSION_ORDERS
        assert order.descending == (text.split()[-1:] in ([], ["desc"]))
        spelled = f"{order.field} {'desc' if order.descending else 'asc'}"
        assert parse_order_by(spelled, SESSION_ORDERS, SESSION_DEFAULT_ORDER) == order


def check_field_mask(text: str) -> None:
    """The same paths when they are joined again, and when their keys are quoted."""
    with suppress(InvalidArgument):
        paths = parse_field_mask(text)
        assert parse_field_mask(",".join(path.text for path in paths)) == paths
        for path in paths:
            if path.key is not None:
                quoted = path.key.replace("`", "``")
                assert path.text.endswith((f".{path.key}", f".`{quoted}`"))
                (found,) = parse_field_mask(f"{path.field}.`{quoted}`")
                assert (found.field, found.key) == (path.field, path.key)
        check_update_mask(paths, Session())


def check_page_token(text: str) -> None:
    """A token of ours opens to its cursor in its scope alone; any other text is refused."""
    cursor: list[str | int] = [text[:500], len(text)]
    token = encode_page_token(cursor, text, "a")
    assert decode_page_token(token, text, "a") == cursor
    for opened, *scope in ((token, text, "b"), (token, text + "a"), (f"{token}A", text, "a")):
        with suppress(InvalidPageToken):
            decode_page_token(opened, *scope)
            raise AssertionError(opened)
    with suppress(InvalidPageToken):
        assert encode_page_token(decode_page_token(text, "a"), "a") == text


def check_policy(text: str) -> None:
    """A policy decides on anybody, or is refused at the start."""
    try:
        policy = Policy.parse(text, {"123": "p"})
    except ValueError:
        return
    claims = {"sub": "s", "email": "a@b.c", "email_verified": True, "aud": ["x", 1]}
    for principal in (Principal(), Principal(claims), Principal(key="k")):
        access = policy.access(principal)
        access.on("projects/p/locations/l/reasoningEngines/1")


def check_credentials(text: str) -> None:
    """Whoever sends this is somebody, nobody or refused."""
    # Headers are bytes on the wire, which WSGI hands on as Latin-1.
    header = text.encode().decode("latin-1").translate(dict.fromkeys(range(32)))
    environ = EnvironBuilder(path="/", query_string={"access_token": text, "key": text})
    request = flask.Request({**environ.get_environ(), "HTTP_AUTHORIZATION": header})
    credentials = read_credentials(request)
    with suppress(Unauthenticated):
        principal = Iam(takes_signed=True).principal(credentials, 0) or Principal()
        assert principal.log_name
        assert isinstance(principal.user_id("sub"), str)
        principal.has("aud", "x")


PARSERS: dict[str, Callable[[str], None]] = {
    "filter": check_filter,
    "order": check_order,
    "field_mask": check_field_mask,
    "page_token": check_page_token,
    "timestamp": check_timestamp,
    "duration": check_duration,
    "names": check_names,
    "run_names": check_run_names,
    "ids": check_ids,
    "policy": check_policy,
    "credentials": check_credentials,
    "json": lambda text: check_json(text.encode()),
    "messages": lambda text: check_messages(text.encode()),
}
"""By name, each for any text that UTF-8 can carry."""


def check_bytes(name: str, data: bytes) -> None:
    """Checks a parser with bytes as they come over the wire."""
    if name == "json":
        check_json(data)
    elif name == "messages":
        check_messages(data)
    else:
        PARSERS[name](data.decode(errors="replace"))
