"""watch_events over real HTTP: frames, resuming, ends, limits, and clients that misbehave."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.server_sent_events import Frame, frames, next_events, watching
from tests.support.servers import serving

ENGINE = "projects/test-project/locations/us-central1/reasoningEngines/9"
END = 60
"""Seconds until a test gives up."""


@pytest.fixture(scope="module")
def environment(store_environment: dict[str, str]) -> dict[str, str]:
    return {**store_environment, "MIN_TTL": "0s", "THREADS": "16"}


@pytest.fixture(scope="module")
def url(environment: dict[str, str]) -> Iterator[str]:
    with serving("sessions_api", environment) as url:
        yield url


def create(url: str, **fields: Any) -> str:
    body = {"userId": "u", **fields}
    answer = httpx.post(f"{url}/v1beta1/{ENGINE}/sessions", json=body, timeout=END).json()
    name: str = answer["response"]["name"]
    return name


def append(url: str, session: str, *invocations: str, author: str = "user") -> None:
    for invocation in invocations:
        body = {
            "author": author,
            "invocationId": invocation,
            "timestamp": "2026-01-01T00:00:00.123456789Z",
            "content": {"parts": [{"text": "line one\nline two"}]},
        }
        answer = httpx.post(f"{url}/v1beta1/{session}:appendEvent", json=body, timeout=END)
        assert answer.status_code == 200, answer.text


def invocations(found: list[Frame]) -> list[str]:
    return [frame.event["invocationId"] for frame in found]


def test_a_stream_carries_each_event_as_list_answers_it(url: str) -> None:
    session = create(url)
    append(url, session, "a")
    with watching(url, session) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        stream = frames(answer)
        found = next_events(stream, 1)
        append(url, session, "b", "c")
        found += next_events(stream, 2)
    listed = httpx.get(f"{url}/v1beta1/{session}/events", timeout=END).json()["sessionEvents"]
    assert [frame.event for frame in found] == listed


def test_the_last_event_id_and_the_page_token_resume_exactly(url: str) -> None:
    """From any position, by the header of an EventSource or by the query of a page's reload."""
    session = create(url)
    append(url, session, "a", "b", "c")
    with watching(url, session) as answer:
        found = next_events(frames(answer), 3)
    with watching(url, session, last_id=found[0].id) as answer:
        assert invocations(next_events(frames(answer), 2)) == ["b", "c"]
    with watching(url, session, pageToken=found[1].id) as answer:
        assert invocations(next_events(frames(answer), 1)) == ["c"]
    # An EventSource keeps its URL when it connects again; where it came to counts more.
    with watching(url, session, last_id=found[1].id, pageToken=found[0].id) as answer:
        assert invocations(next_events(frames(answer), 1)) == ["c"]


def test_a_filter_and_a_view_shape_a_stream(url: str) -> None:
    session = create(url)
    with watching(url, session, filter='author="agent"', view="FULL") as answer:
        append(url, session, "a")
        append(url, session, "b", author="agent")
        (found,) = next_events(frames(answer), 1)
    assert found.event["invocationId"] == "b"
    assert found.event["eventType"] == "AGENT_OUTPUT"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("none/events:watch", 404),
        ("SESSION/events:watch?pageToken=x", 400),
        ("SESSION/events:watch?filter=nobody=1", 400),
        ("SESSION/events:watch?view=HALF", 400),
        ("SESSION/events:watch?pageSize=1", 400),
    ],
)
def test_a_wrong_request_is_answered_in_json(url: str, path: str, status: int) -> None:
    session = create(url).rpartition("/")[2]
    path = f"{url}/v1beta1/{ENGINE}/sessions/{path.replace('SESSION', session)}"
    with httpx.stream("GET", path, timeout=END) as answer:
        assert answer.status_code == status
        answer.read()
        assert answer.json()["error"]["code"] == status


def test_a_position_of_another_session_is_refused(url: str) -> None:
    one, other = create(url), create(url)
    append(url, one, "a")
    with watching(url, one) as answer:
        (found,) = next_events(frames(answer), 1)
    path = f"{url}/v1beta1/{other}/events:watch"
    answer = httpx.get(path, headers={"Last-Event-ID": found.id}, timeout=END)
    assert answer.status_code == 400


def test_a_stream_says_that_its_session_was_deleted_and_ends(url: str) -> None:
    session = create(url)
    append(url, session, "a")
    with watching(url, session) as answer:
        stream = frames(answer)
        next_events(stream, 1)
        httpx.delete(f"{url}/v1beta1/{session}", timeout=END)
        rest = [frame.fields for frame in stream if not frame.is_comment]
    assert [fields["event"] for fields in rest] == ["deleted"]
    assert session in rest[0]["data"]


def test_a_stream_ends_when_its_session_expires(url: str) -> None:
    session = create(url, ttl="1s")
    with watching(url, session) as answer:
        assert list(frames(answer))[-1].fields["event"] == "deleted"


@pytest.mark.parametrize("end", ["deleted", "expired"])
def test_a_client_that_comes_back_after_its_sessions_end_is_told_of_it(url: str, end: str) -> None:
    """With its position; `deleted` takes the position away, and without one it is 404."""
    session = create(url, **({"ttl": "2s"} if end == "expired" else {}))
    append(url, session, "a")
    with watching(url, session) as answer:
        stream = frames(answer)
        (found,) = next_events(stream, 1)
        if end == "deleted":
            httpx.delete(f"{url}/v1beta1/{session}", timeout=END)
        deleted = list(stream)[-1].fields
    assert (deleted["event"], deleted["id"], session in deleted["data"]) == ("deleted", "", True)
    for way in ({"last_id": found.id}, {"pageToken": found.id}):
        with watching(url, session, **way) as answer:
            assert [frame.fields for frame in frames(answer)] == [{"retry": "250"}, deleted]
    assert httpx.get(f"{url}/v1beta1/{session}/events:watch", timeout=END).status_code == 404


def test_a_quiet_stream_beats_and_ends_in_time_with_where_to_go_on(
    environment: dict[str, str], url: str
) -> None:
    """Comments keep it open; at its time limit it ends whole, and goes on exactly after that."""
    limits = {"WATCH_HEARTBEAT": "0.05s", "WATCH_TIME_LIMIT": "1s"}
    with serving("watch_events", {**environment, **limits}) as watcher:
        session = create(url)
        append(url, session, "a")
        with watching(watcher, session) as answer:
            seen = list(frames(answer))
        assert any(frame.is_comment for frame in seen)
        assert set(seen[-1].fields) == {"retry"}
        last = next(frame.id for frame in reversed(seen) if "id" in frame.fields)
        append(url, session, "b")
        with watching(watcher, session, last_id=last) as answer:
            assert invocations(next_events(frames(answer), 1)) == ["b"]


def test_more_streams_than_a_process_holds_are_refused_and_others_go_on(
    environment: dict[str, str],
) -> None:
    with serving("sessions_api", {**environment, "WATCHERS": "2"}) as url:
        session = create(url)
        with watching(url, session) as one, watching(url, session) as other:
            refused = httpx.get(f"{url}/v1beta1/{session}/events:watch", timeout=END)
            assert refused.status_code == 429
            assert refused.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
            append(url, session, "a")
            for answer in (one, other):
                assert invocations(next_events(frames(answer), 1)) == ["a"]


@contextmanager
def watching_once_there_is_room(url: str, session: str) -> Iterator[httpx.Response]:
    end = time.monotonic() + END
    while True:
        path = f"{url}/v1beta1/{session}/events:watch"
        with httpx.stream("GET", path, timeout=END) as answer:
            if answer.status_code == 200:
                yield answer
                return
        assert time.monotonic() < end, "streams whose clients are gone still count"


def test_a_client_that_leaves_makes_room_at_once(environment: dict[str, str]) -> None:
    """Long before the server would send to it, or end its stream."""
    limits = {"WATCHERS": "2", "WATCH_HEARTBEAT": "3600s", "WATCH_TIME_LIMIT": "3600s"}
    with serving("sessions_api", {**environment, **limits}) as url:
        session = create(url)
        append(url, session, "a")
        with watching(url, session) as one, watching(url, session) as other:
            for answer in (one, other):
                next_events(frames(answer), 1)
        with (
            watching_once_there_is_room(url, session) as one,
            watching_once_there_is_room(url, session) as other,
        ):
            for answer in (one, other):
                assert invocations(next_events(frames(answer), 1)) == ["a"]


def test_a_reader_that_takes_nothing_harms_nobody(url: str) -> None:
    """Its stream stands still; appends and other streams do not."""
    session = create(url)
    host = urlsplit(url)
    with socket.create_connection((host.hostname, host.port), timeout=END) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /v1beta1/{session}/events:watch HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        slow.recv(10)
        big = {
            "author": "user",
            "invocationId": "big",
            "timestamp": "2026-01-01T00:00:00Z",
            "content": {"parts": [{"text": "x" * 500_000}]},
        }
        with watching(url, session) as answer:
            stream = frames(answer)
            for _ in range(20):
                path = f"{url}/v1beta1/{session}:appendEvent"
                assert httpx.post(path, json=big, timeout=END).status_code == 200
            assert len(next_events(stream, 20)) == 20


def test_a_server_that_stops_ends_its_streams_first(environment: dict[str, str]) -> None:
    """SIGTERM ends each whole, with where to go on; nobody waits for a time limit."""
    is_open = threading.Event()

    def follow(url: str, session: str) -> list[Frame]:
        with watching(url, session) as answer:
            is_open.set()
            return list(frames(answer))

    with ThreadPoolExecutor(1) as pool:
        with serving("sessions_api", environment) as url:
            seen = pool.submit(follow, url, create(url))
            assert is_open.wait(END)
        assert set(seen.result()[-1].fields) == {"retry"}
