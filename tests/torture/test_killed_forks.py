"""SIGKILL while the server forks a session: the fork is there whole, or not at all."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.store_documents import documents_below
from tests.support.stores import STORES
from tests.support.torture.client import Client
from tests.support.torture.figures import Rounds
from tests.support.torture.killable_server import killable

PARENT = "projects/torture/locations/us-central1/reasoningEngines"
EVENTS = 40
"""So large that no transaction copies them all."""


@pytest.mark.shares(2)
@pytest.mark.parametrize("store_name", STORES)
def test_a_server_that_is_killed_while_it_forks_a_session_shows_no_part_of_it(
    store_name: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    rounds: Rounds,
) -> None:
    """The kill comes when some events are copied. The same request then completes the fork."""
    path = tmp_path_factory.mktemp("forks") / "sessions.db"
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", "WORK_TIME_LIMIT": "60s"}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://forks"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    with (
        killable({**environment, "THREADS": "8"}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
        ThreadPoolExecutor(1) as pool,
    ):
        for number in rounds(2):
            with closing(Client(server.url)) as client:
                engine = client.ok("POST", PARENT, {})["response"]["name"]
                source = filled(client, engine)
            with watched(server.url, f"{engine}/sessions/f") as seen:
                forking = pool.submit(fork, server.url, source)
                while documents_below(store, engine)["events"] == EVENTS and not forking.done():
                    pass
                server.kill(whole=number % 2 == 1)
                assert forking.result() in {0, 200}
                left = documents_below(store, engine)
                print(f"{store_name}: the kill left {dict(left)}")
                while fork(server.url, source) != 200:
                    pass
            assert seen <= {EVENTS}
            assert documents_below(store, engine) == {"sessions": 2, "events": 2 * EVENTS}
            with closing(Client(server.url)) as client:
                assert counted(client, f"{engine}/sessions/f") == EVENTS
                for session in (source, f"{engine}/sessions/f"):
                    client.ok("DELETE", session)


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


def fork(url: str, source: str) -> int:
    """The status of the fork, whose name is always the same; 0 where the server was killed."""
    with closing(Client(url)) as client:
        return client.call("POST", f"{source}:fork", {"sessionId": "f"}).status


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
