"""SIGKILL while the server imports: each line is there whole, and the same body completes it."""

import json
from typing import Any

from tests.support.store_documents import documents_below
from tests.support.torture.client import Client
from tests.support.torture.figures import Rounds, dice
from tests.support.torture.killing import PARENT, Killing

SESSIONS, EVENTS = 60, 10
TIME = "2026-01-01T00:00:00Z"


def test_a_server_that_is_killed_while_it_imports_has_whole_lines(
    killing: Killing, rounds: Rounds
) -> None:
    """An event is there with its count and as it was sent; a second request adds the others."""
    for number in rounds(2):
        import_and_kill(killing, number)


def import_and_kill(killing: Killing, number: int) -> None:
    engine = f"{PARENT}/i{number}"
    stored = dice("imports", type(killing.store).__name__, number).randrange(SESSIONS)

    def is_due() -> bool:
        return documents_below(killing.store, engine)["sessions"] >= stored

    answered = killing.kill_during(lambda: send(killing, engine), is_due, whole=number % 2 == 1)
    with killing.client() as client:
        there = check(client, engine)
    print(f"the kill left {there[0]} sessions with {there[1]} events")
    if answered is not None:
        assert there == (SESSIONS, SESSIONS * EVENTS)
    while (answer := send(killing, engine)) is None:
        pass
    added = answer["importedSessions"], answer["importedEvents"]
    assert added == (SESSIONS - there[0], SESSIONS * EVENTS - there[1])
    assert answer["conflicts"] == []
    with killing.client() as client:
        assert check(client, engine) == (SESSIONS, SESSIONS * EVENTS)
    expected = {"sessions": SESSIONS, "events": SESSIONS * EVENTS}
    assert documents_below(killing.store, engine) == expected


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


def send(killing: Killing, engine: str) -> Any:
    """The answer to an import; None where the server was killed."""
    body = "\n".join(json.dumps(line) for line in lines(engine)).encode()
    with killing.client() as client:
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
