"""How much of a body is read before its sender is known, and beyond the limits: bytes, counted."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from tests.support.authentication import (
    API_KEYS,
    KEY,
    SESSIONS_PATH,
    AuthApi,
    open_api,
)

LIMIT = 1_000_000
FORM_LIMIT = 131_072
GIGABYTE = 10**9
LONG_GET = {
    "X-HTTP-Method-Override": "GET",
    "Content-Type": "application/x-www-form-urlencoded",
}


class Endless:
    """A body that goes on and on; `taken` is how many bytes were asked of it."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self.taken = 0

    def read(self, size: int) -> bytes:
        self.taken += size
        return (self._piece * (size // len(self._piece) + 1))[:size]


class Malformed:
    """A body as gunicorn hands it on whose chunks are none."""

    def read(self, size: int) -> bytes:
        raise InvalidChunkSize(b"zz")


@pytest.fixture(params=["chunked", "long"])
def framing(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A body without a length, and one of a gigabyte."""
    if request.param == "chunked":
        return {"HTTP_TRANSFER_ENCODING": "chunked"}
    return {"CONTENT_LENGTH": str(GIGABYTE)}


@pytest.fixture
def api(tmp_path: Path) -> AuthApi:
    """For those who have the key."""
    return open_api(tmp_path, auth="api_key", api_keys=API_KEYS, policy="", max_body_bytes=LIMIT)


def post(
    api: AuthApi, body: Any, framing: dict[str, Any], headers: dict[str, str], path: str = ""
) -> flask.Response:
    """The answer to a POST."""
    builder = EnvironBuilder(path or SESSIONS_PATH, method="POST", headers=headers)
    environ = {**builder.get_environ(), "wsgi.input": body, "wsgi.input_terminated": True}
    environ.pop("CONTENT_LENGTH", None)
    endpoint = Endpoint(METHODS, api.settings, lambda: api.store, lambda: 1)
    return endpoint(flask.Request({**environ, **framing}))


@pytest.mark.parametrize("kind", ["application/json", LONG_GET["Content-Type"], "text/plain", ""])
@pytest.mark.parametrize("key", [{}, {"X-Goog-Api-Key": "junk"}], ids=["no key", "bad key"])
def test_nothing_is_read_of_a_body_whose_sender_is_not_let_in(
    api: AuthApi, framing: dict[str, Any], kind: str, key: dict[str, str]
) -> None:
    """401, and the body is where it was."""
    body = Endless(b"x")
    assert post(api, body, framing, {"Content-Type": kind, **key}).status_code == 401
    assert body.taken == 0


@pytest.mark.parametrize("key", [{}, {"X-Goog-Api-Key": KEY}], ids=["no key", "good key"])
def test_little_is_read_of_a_form_that_may_hold_the_credential(
    api: AuthApi, framing: dict[str, Any], key: dict[str, str]
) -> None:
    """413: it stands for a query, and no query that is taken is larger."""
    body = Endless(b"a=&")
    answer = post(api, body, framing, {**LONG_GET, **key})
    assert answer.status_code == 413
    assert f"{FORM_LIMIT} bytes" in answer.get_json()["error"]["message"]
    assert body.taken <= (0 if "CONTENT_LENGTH" in framing else FORM_LIMIT + 1)


def test_no_more_than_the_limit_is_read_for_those_who_are_let_in(
    api: AuthApi, framing: dict[str, Any]
) -> None:
    """413: a length that is too large is enough, and without one the limit is where it ends."""
    body = Endless(b"x")
    answer = post(api, body, framing, {"X-Goog-Api-Key": KEY})
    assert answer.status_code == 413
    assert f"{LIMIT} bytes" in answer.get_json()["error"]["message"]
    assert body.taken <= (0 if "CONTENT_LENGTH" in framing else LIMIT + 1)


@pytest.mark.parametrize("headers", [{}, {"X-Goog-Api-Key": KEY}], ids=["no key", "good key"])
def test_an_encoding_that_is_not_taken_leaves_the_body_unread(
    api: AuthApi, framing: dict[str, Any], headers: dict[str, str]
) -> None:
    """415 says so in a header, too, for those who are let in."""
    body = Endless(b"x")
    answer = post(api, body, framing, {"Content-Encoding": "br", **headers})
    assert answer.status_code == (415 if headers else 401)
    assert answer.headers.get("Accept-Encoding") == ("gzip" if headers else None)
    assert body.taken == 0


@pytest.mark.parametrize("headers", [{}, {"X-Goog-Api-Key": KEY}], ids=["no key", "good key"])
def test_malformed_chunks_are_the_senders_fault_before_and_after_they_are_known(
    api: AuthApi, headers: dict[str, str]
) -> None:
    """400 where the body had to be read, 401 where it had not."""
    framing = {"HTTP_TRANSFER_ENCODING": "chunked"}
    assert post(api, Malformed(), framing, {**LONG_GET, **headers}).status_code == 400
    answer = post(api, Malformed(), framing, headers)
    assert answer.status_code == (400 if headers else 401)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_longest_filter_and_token_fit_in_a_form(
    api: AuthApi, pack: Callable[[bytes], bytes]
) -> None:
    """Whatever letters they are of; the key stands in the form, too, and gzip packs it."""
    encoded = "%F0%9F%98%80" * 8_100
    form = f'filter=display_name%3D"{encoded}"&pageToken={"A" * 8192}&key={KEY}'.encode()
    headers = {**LONG_GET, **({"Content-Encoding": "gzip"} if pack is gzip.compress else {})}
    answer = api.send("POST", SESSIONS_PATH, pack(form), headers)
    assert answer.status_code == 400
    assert "pageToken" in answer.get_json()["error"]["message"]


def test_a_form_has_a_number_of_fields(api: AuthApi) -> None:
    """400 before any of them is looked at."""
    answer = api.send("POST", SESSIONS_PATH, b"a=&" * 40_000, LONG_GET)
    assert answer.status_code == 400
    assert "100 fields" in answer.get_json()["error"]["message"]


def test_a_parameter_of_the_url_comes_before_that_of_the_form(api: AuthApi) -> None:
    """As where a URL has a parameter twice: the first counts."""
    path = SESSIONS_PATH
    answer = api.send("POST", path, b"pageSize=-1", LONG_GET, key=KEY, pageSize="1")
    assert (answer.status_code, json.loads(answer.get_data())) == (200, {})
