"""SIGKILL while the server imports: each line is there whole, and the same body completes it."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.store_documents import documents_below
from tests.support.stores import STORES
from tests.support.torture.client import Client
from tests.support.torture.figures import Rounds, dice
from tests.support.torture.killable_server import killable

PARENT = "projects/torture/locations/us-central1/reasoningEngines"
SESSIONS, EVENTS = 60, 10
TIME = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("store_name", STORES)
def test_a_server_that_is_killed_while_it_imports_has_whole_lines(
    store_name: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    rounds: Rounds,
) -> None:
    """An event is there with its count and as it was sent; a second request adds the others."""
    path = tmp_path_factory.mktemp("imports") / "sessions.db"
    environment = {"SESSIONS_STORE": f"sqlite:///{path}", "STORE_TIMEOUT": "60s"}
    if store_name == "firestore":
        environment["SESSIONS_STORE"] = "firestore://imports"
        environment["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator")
    with (
        killable({**environment, "THREADS": "8"}) as server,
        closing(open_store(Settings.from_environment(environment))) as store,
        ThreadPoolExecutor(1) as pool,
    ):
        for number in rounds(2):
            engine = f"{PARENT}/i{number}"
            stored = dice("imports", store_name, number).randrange(SESSIONS)
            importing = pool.submit(send, server.url, engine)
            while documents_below(store, engine)["sessions"] < stored and not importing.done():
                pass
            server.kill(whole=number % 2 == 1)
            answered = importing.result()
            with closing(Client(server.url)) as client:
                there = check(client, engine)
            print(f"{store_name}: the kill left {there[0]} sessions with {there[1]} events")
            if answered is not None:
                assert there == (SESSIONS, SESSIONS * EVENTS)
            while (answer := send(server.url, engine)) is None:
                pass
            added = answer["importedSessions"], answer["importedEvents"]
            assert added == (SESSIONS - there[0], SESSIONS * EVENTS - there[1])
            assert answer["conflicts"] == []
            with closing(Client(server.url)) as client:
                assert check(client, engine) == (SESSIONS, SESSIONS * EVENTS)
            expected = {"sessions": SESSIONS, "events": SESSIONS * EVENTS}
            assert documents_below(store, engine) == expected


def lines(engine: str) -> list[dict[str, Any]]:
    """Sessions with their events, which together make the state of their session."""
    made: list[dict[str, Any]] = []
    for session in range(SESSIONS):
        name = f"{engine}/sessions/s{session}"
        state = {f"k{number}": number for number in range(EVENTS)}
        fields = {"name": name, "userId": "u", "createTime": TIME, "updateTime": TIME}
        made.append({"session": {**fields, "sessionState": state}})
        for number in range(EVENTS):
            event = {
                "name": f"{name}/events/e{number}",
                "author": "a",
                "invocationId": f"i{number}",
                "timestamp": TIME,
                "actions": {"stateDelta": {f"k{number}": number}},
                "rawEvent": {"id": str(number), "usageMetadata": {"totalTokenCount": 1}},
            }
            made.append({"event": event})
    return made


def send(url: str, engine: str) -> Any:
    """The answer to an import; None where the server was killed."""
    body = "\n".join(json.dumps(line) for line in lines(engine)).encode()
    with closing(Client(url)) as client:
        answer = client.send("POST", f"{engine}:import", body)
        return answer.json if answer.status == 200 else None


def check(client: Client, engine: str) -> tuple[int, int]:
    """How many sessions and events are there, each whole, in their order and counted."""
    sessions = client.walk(f"{engine}/sessions", "sessions", view="FULL")
    total = 0
    for session in sessions:
        events = client.walk(f"{session['name']}/events", "sessionEvents")
        found = [event["invocationId"] for event in events]
        assert found == [f"i{number}" for number in range(len(found))]
        assert session["eventCount"] == len(found)
        assert session.get("usage", {}).get("totalTokenCount", 0) == len(found)
        assert session["sessionState"] == {f"k{number}": number for number in range(EVENTS)}
        total += len(events)
    return len(sessions), total
