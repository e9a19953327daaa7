"""SIGKILL while the server forks a session: the fork is there whole, or not at all.

`FORKED_EVENTS=100000 FORK_TIME_LIMIT=20s make test ARGS=tests/torture/test_killed_forks.py` forks
a session of so many events.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest

from tests.support.store_documents import documents_below
from tests.support.torture.client import Answer, Client
from tests.support.torture.figures import Rounds
from tests.support.torture.killing import PARENT, Killing, killed_server

EVENTS = 40
"""So large that no transaction copies them all."""

MANY = int(os.environ.get("FORKED_EVENTS", "4500"))
LIMIT = os.environ.get("FORK_TIME_LIMIT", "0.001s")
MOST_BYTES = 200 * 2**20
"""Memory that a process may use for a fork of any number of events."""


@pytest.mark.shares(2)
def test_a_server_that_is_killed_while_it_forks_a_session_shows_no_part_of_it(
    killing: Killing, rounds: Rounds
) -> None:
    """The kill comes when some events are copied. The same request then completes the fork."""
    for number in rounds(2):
        fork_and_kill(killing, whole=number % 2 == 1)


def fork_and_kill(killing: Killing, *, whole: bool) -> None:
    store = killing.store
    with killing.client() as client:
        engine = client.ok("POST", PARENT, {})["response"]["name"]
        source = filled(client, engine)

    def fork() -> int:
        return killing.call("POST", f"{source}:fork", {"sessionId": "f"}).status

    def has_begun() -> bool:
        return documents_below(store, engine)["events"] > EVENTS

    with watched(killing.server.url, f"{engine}/sessions/f") as seen:
        assert killing.kill_during(fork, has_begun, whole=whole) in {0, 200}
        print(f"the kill left {dict(documents_below(store, engine))}")
        while fork() != 200:
            pass
    assert seen <= {EVENTS}
    assert documents_below(store, engine) == {"sessions": 2, "events": 2 * EVENTS}
    with killing.client() as client:
        assert counted(client, f"{engine}/sessions/f") == EVENTS
        for session in (source, f"{engine}/sessions/f"):
            client.ok("DELETE", session)


def test_a_fork_of_many_events_goes_on_after_each_kill(store_environment: dict[str, str]) -> None:
    """A fork takes several requests of little memory; no method shows it before its end."""
    engine = f"{PARENT}/many"
    source, name = f"{engine}/sessions/source", f"{engine}/sessions/f"
    with killed_server({**store_environment, "WORK_TIME_LIMIT": LIMIT}) as killing:
        killing.fill(source, map(small_event, range(MANY)))

        def fork() -> Answer:
            return killing.call("POST", f"{source}:fork", {"sessionId": "f"})

        def goes_on(before: int) -> bool:
            return documents_below(killing.store, engine)["events"] > before

        there = MANY
        for kill in range(2):
            while not goes_on(there):
                answer = killing.kill_during(fork, partial(goes_on, there), whole=kill == 1)
                assert answer.status == 0 or not answer.json["done"]
            there = documents_below(killing.store, engine)["events"]
            assert there < 2 * MANY
            assert killing.call("GET", name).status == 404
        calls = 1
        while not (answer := fork()).json["done"]:
            assert killing.call("GET", name).status == 404
            calls += 1
        peak = killing.server.peak_bytes()
        print(f"{MANY} events: {calls} calls after two kills, {peak / 2**20:.0f} MiB")
        assert peak < MOST_BYTES
        with killing.client() as client:
            assert client.ok("GET", name, view="FULL")["eventCount"] == MANY
            events = client.walk(f"{name}/events", "sessionEvents", pageSize="1000")
        ids = [event["name"].rpartition("/")[2] for event in events]
        assert ids == [f"e{number}" for number in range(MANY)]


def small_event(number: int) -> dict[str, Any]:
    """An event to import."""
    content = {"parts": [{"text": f"event {number}"}]}
    time = "2026-01-01T00:00:00Z"
    fields = {"author": "a", "invocationId": f"i{number}", "timestamp": time, "content": content}
    return {"name": f"e{number}", **fields}


def filled(client: Client, engine: str) -> str:
    """A session of EVENTS events of 900 KB each."""
    body = {"userId": "u", "sessionState": {"given": 1}}
    session: str = client.ok("POST", f"{engine}/sessions", body)["response"]["name"]
    for number in range(EVENTS):
        event: dict[str, Any] = {
            "author": "a",
            "invocationId": f"i{number}",
            "timestamp": "2026-01-01T00:00:00Z",
            "content": {"parts": [{"text": "x" * 900_000}]},
            "actions": {"stateDelta": {"number": number}},
        }
        client.ok("POST", f"{session}:appendEvent", event)
    return session


def counted(client: Client, session: str) -> int | None:
    """How many events a session has; None where there is none."""
    answer = client.call("GET", session, view="FULL")
    if answer.status != 200:
        return None
    token, count = "", 0
    while True:
        page = client.call("GET", f"{session}/events", pageSize="8", pageToken=token)
        if page.status != 200:
            return None
        count += len(page.json.get("sessionEvents", []))
        token = page.json.get("nextPageToken", "")
        if not token:
            assert answer.json["eventCount"] == count
            return count


@contextmanager
def watched(url: str, session: str) -> Iterator[set[int]]:
    """The numbers of events that a reader sees in a session until the block ends."""
    seen: set[int] = set()
    is_over = threading.Event()

    def look() -> None:
        with closing(Client(url)) as client:
            while not is_over.is_set():
                count = counted(client, session)
                if count is not None:
                    seen.add(count)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield seen
        finally:
            is_over.set()
        looking.result()
