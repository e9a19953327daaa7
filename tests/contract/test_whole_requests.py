"""A request's time is when it is whole: its body may take long to arrive."""

import io
import json
from collections.abc import Callable
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.aip.timestamp import parse_timestamp
from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from tests.support.api import SECOND, Api

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}


class Slow(io.BytesIO):
    """A body whose first byte comes when something else has happened."""

    def __init__(self, body: bytes, happen: Callable[[], None]) -> None:
        super().__init__(body)
        self._happen = happen

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            self._happen()
        return super().read(size)


def send_slowly(api: Api, seconds: int, verb: str, path: str, body: Any) -> flask.Response:
    """The answer to a request whose body takes that long."""

    def pass_time() -> None:
        api.now += seconds * SECOND

    data = json.dumps(body).encode()
    environ = EnvironBuilder(f"/v1beta1/{path}", method=verb, data=data).get_environ()
    environ["wsgi.input"] = Slow(data, pass_time)
    endpoint = Endpoint(METHODS, api.settings, lambda: api.store, lambda: api.now)
    return endpoint(flask.Request(environ))


@pytest.mark.parametrize(
    ("verb", "suffix", "body"),
    [
        ("PATCH", "", {"ttl": "172800s"}),
        ("PATCH", "", {"displayName": "x"}),
        ("POST", ":appendEvent", EVENT),
    ],
)
def test_a_session_that_expires_while_a_body_arrives_is_gone(
    api: Api, verb: str, suffix: str, body: Any
) -> None:
    """404, and a `ttl` does not bring it back."""
    session = api.create(ttl="86400s")
    api.now += 86_395 * SECOND
    assert send_slowly(api, 10, verb, f"{session}{suffix}", body).status_code == 404
    assert api.call("GET", session).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}


def test_a_session_is_as_old_as_its_whole_request(api: Api) -> None:
    """Its createTime and updateTime are those of the last byte, and the life counts from there."""
    body = {"userId": "u", "ttl": "86400s"}
    sent = api.now
    session = json.loads(send_slowly(api, 20, "POST", f"{api.engine}/sessions", body).get_data())[
        "response"
    ]
    assert api.now == sent + 20 * SECOND
    same = api.ok("POST", f"{api.engine}/sessions", body)["response"]
    for field in ("createTime", "updateTime", "expireTime"):
        assert session[field] == same[field]


def test_an_append_moves_the_session_to_when_it_was_whole(api: Api) -> None:
    """The updateTime does not fall behind that of an append that came between."""
    session = api.create()
    assert send_slowly(api, 8, "POST", f"{session}:appendEvent", EVENT).status_code == 200
    slow = api.ok("GET", session)
    assert api.append(session).status == 200
    last = api.ok("GET", session)
    created, moved, moved_again = (
        parse_timestamp(time)
        for time in (slow["createTime"], slow["updateTime"], last["updateTime"])
    )
    assert created < moved <= moved_again
