"""The requests of one process share a number of bytes for bodies and pages."""

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import flask
import pytest
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.store import paging
from functions.store.in_flight import BytesInFlight, in_flight
from tests.support.authentication import ENGINE_PATH, SESSIONS_PATH, AuthApi, open_api

SESSIONS = f"{ENGINE_PATH}/sessions"
LIMIT = 1_000_000
BODY = json.dumps({"userId": "u", "sessionState": {"k": "x" * 500_000}}).encode()


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthApi]:
    """An API with room for one large request at a time, whatever other tests left open."""
    in_flight.release()
    monkeypatch.setattr(BytesInFlight, "_total", 0)
    yield open_api(tmp_path, policy="", max_bytes_in_flight=LIMIT)
    in_flight.release()


class Other:
    """A request of another thread that holds bytes until it is told to end."""

    def __init__(self, count: int) -> None:
        self._is_over, is_there = threading.Event(), threading.Event()

        def hold() -> None:
            in_flight.begin(0)
            in_flight.take(count)
            is_there.set()
            self._is_over.wait()
            in_flight.release()

        self._thread = threading.Thread(target=hold)
        self._thread.start()
        is_there.wait()

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()


@pytest.fixture
def other() -> Iterator[Other]:
    """Holds six tenths of what the process may."""
    other = Other(600_000)
    yield other
    other.end()


def chunked(api: AuthApi, body: bytes) -> flask.Response:
    """The answer to a body that comes without a length."""
    builder = EnvironBuilder(SESSIONS, method="POST", data=body)
    environ = builder.get_environ()
    del environ["CONTENT_LENGTH"]
    more = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    endpoint = Endpoint(METHODS, api.settings, lambda: api.store, lambda: api.now)
    return endpoint(flask.Request({**environ, **more}))


def send(api: AuthApi, way: str) -> flask.Response:
    """The answer to a create of half a megabyte."""
    if way == "chunked":
        return chunked(api, BODY)
    if way == "gzip":
        return api.send("POST", SESSIONS, gzip.compress(BODY), {"Content-Encoding": "gzip"})
    return api.send("POST", SESSIONS, BODY)


@pytest.mark.parametrize("way", ["with a length", "chunked", "gzip"])
def test_a_body_for_which_there_is_no_room_is_503(api: AuthApi, other: Other, way: str) -> None:
    """The answer says when to try again, and then the same request succeeds."""
    answer = send(api, way)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "MAX_BYTES_IN_FLIGHT" in answer.get_json()["error"]["message"]
    answer.close()
    other.end()
    assert send(api, way).status_code == 200


def test_a_page_for_which_there_is_no_room_is_503(api: AuthApi) -> None:
    """Pages and bodies count together; a small page has room."""
    for number in range(4):
        body = {"userId": "u", "sessionState": {"k": "x" * 120_000}}
        assert api.send("POST", SESSIONS_PATH, body, sessionId=f"s{number}").status_code == 200
    in_flight.release()
    other = Other(600_000)
    try:
        answer = api.send("GET", SESSIONS_PATH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        answer.close()
        assert api.send("GET", SESSIONS_PATH, pageSize="1").status_code == 200
    finally:
        other.end()
    assert api.send("GET", SESSIONS_PATH).status_code == 200


def test_a_stream_for_whose_events_there_is_no_room_ends(api: AuthApi) -> None:
    """Its client connects again behind the last event that it got; small events have room."""
    for session, size in (("small", 100), ("large", 500_000)):
        api.send("POST", SESSIONS_PATH, {"userId": "u"}, sessionId=session)
        event = {"author": "a", "invocationId": session, "timestamp": "2026-01-01T00:00:00Z"}
        body = {**event, "content": {"parts": [{"text": "x" * size}]}}
        api.send("POST", f"{SESSIONS_PATH}/{session}:appendEvent", body).close()
    api.settings = replace(api.settings, watch_time_limit=10**8)
    other = Other(600_000)
    try:
        assert told(api, "small") == ["small"]
        assert told(api, "large") == []
    finally:
        other.end()
    before = in_flight.total
    assert told(api, "large") == ["large"]
    assert in_flight.total == before


def told(api: AuthApi, session: str) -> list[str]:
    """The invocations of the events of a stream, which is read to its end."""
    answer = api.send("GET", f"{SESSIONS_PATH}/{session}/events:watch")
    lines = answer.get_data(as_text=True).splitlines()
    answer.close()
    assert answer.status_code == 200
    return [json.loads(line[6:])["invocationId"] for line in lines if line.startswith("data: ")]


def append(api: AuthApi, session: str) -> None:
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    body = {**event, "content": {"parts": [{"text": "x" * 120_000}]}}
    api.send("POST", f"{SESSIONS_PATH}/{session}:appendEvent", body).close()


def test_an_export_holds_one_page_at_a_time(api: AuthApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six pages of one session go by, and at its end it holds nothing."""
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 100_000)
    for number in range(6):
        body = {"userId": "u", "sessionState": {"k": "x" * 120_000}}
        api.send("POST", SESSIONS_PATH, body, sessionId=f"s{number}").close()
    before = in_flight.total
    answer = api.send("GET", f"{ENGINE_PATH}:export", filter='user_id="u"')
    held = [in_flight.total - before for _ in answer.response]
    assert 120_000 < max(held) < 240_000, held
    answer.close()
    assert in_flight.total == before


def test_a_run_is_read_one_page_at_a_time(
    api: AuthApi, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer and one page have room where the whole run has none."""
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 100_000)
    api.send("POST", SESSIONS_PATH, {"userId": "u"}, sessionId="s")
    for _ in range(6):
        append(api, "s")
    in_flight.release()
    answer = api.send("GET", f"{SESSIONS_PATH}/s/runs/i")
    assert (answer.status_code, answer.get_json().get("eventCount")) == (200, 6)


def test_a_request_that_comes_alone_always_has_room(api: AuthApi) -> None:
    """However small the setting is: the limits of one body and one page hold."""
    api.settings = replace(api.settings, max_bytes_in_flight=1)
    assert send(api, "with a length").status_code == 200


def test_bytes_are_held_until_the_answer_is_sent(api: AuthApi) -> None:
    """A slow client keeps the answer in memory."""
    before = in_flight.total
    answer = send(api, "with a length")
    assert in_flight.total == before + len(BODY)
    answer.close()
    assert in_flight.total == before


def test_a_request_without_a_large_body_or_page_counts_nothing(api: AuthApi) -> None:
    """The common request takes no lock."""
    answer = api.send("GET", SESSIONS_PATH)
    assert (answer.status_code, in_flight.held) == (200, 0)
