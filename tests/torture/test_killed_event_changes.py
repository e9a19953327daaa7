"""SIGKILL while the server compacts or purges events of a session: each event is whole or gone."""

from typing import Any

import pytest

from tests.support.store_documents import documents_below
from tests.support.torture.figures import Rounds
from tests.support.torture.killing import PARENT, Killing

EVENTS = 1_500
KEPT = 5
"""Invocations at the end of a session that a compaction leaves as they are."""

COMPACTION = {"compaction": {"eventEditing": {"mode": "AUTO"}}}
PURGE = {"filter": 'author="tool"', "force": True}


@pytest.mark.shares(2)
def test_a_server_that_is_killed_while_it_compacts_loses_nothing(
    killing: Killing, rounds: Rounds
) -> None:
    """Each event is unchanged or compacted, its original exists, and a second call finishes."""
    for number in rounds(2):
        compact_and_kill(killing, number)


@pytest.mark.shares(2)
def test_a_server_that_is_killed_while_it_purges_events_counts_what_is_left(
    killing: Killing, rounds: Rounds
) -> None:
    """Events that do not match stay, and the same request removes the rest."""
    for number in rounds(2):
        purge_and_kill(killing, number)


def compact_and_kill(killing: Killing, number: int) -> None:
    session = f"{PARENT}/compacted/sessions/s{number}"
    killing.fill(session, map(event, range(EVENTS)))
    before = listed(killing, session)
    # The first page of a compaction has the newest events.
    first = before[-1 - KEPT]["name"]
    with killing.client() as client:

        def compact() -> int:
            return killing.call("POST", f"{session}:compact", COMPACTION).status

        def has_begun() -> bool:
            return is_compacted(client.ok("GET", first))

        assert killing.kill_during(compact, has_begun, whole=number % 2 == 1) in {0, 200}
    after = listed(killing, session)
    print(f"the kill left {sum(map(is_compacted, after))} of {EVENTS} events compacted")
    for old, new in zip(before, after, strict=True):
        assert new == old or (is_compacted(new) and new["name"] == old["name"])
    assert listed(killing, session, view="ORIGINAL") == before
    while compact() != 200:
        pass
    after = listed(killing, session)
    assert list(map(is_compacted, after)) == [True] * (EVENTS - KEPT) + [False] * KEPT
    assert listed(killing, session, view="ORIGINAL") == before


def purge_and_kill(killing: Killing, number: int) -> None:
    engine = f"{PARENT}/purged{number}"
    session = f"{engine}/sessions/s"
    killing.fill(session, map(event, range(EVENTS)))
    others = [each for each in listed(killing, session) if each["author"] != "tool"]
    with killing.client() as client:

        def purge() -> Any:
            return killing.call("POST", f"{session}/events:purge", PURGE)

        def has_begun() -> bool:
            return bool(client.ok("GET", session, view="FULL")["eventCount"] < EVENTS)

        killed = killing.kill_during(purge, has_begun, whole=number % 2 == 1)
    assert killed.status in {0, 200}
    left = listed(killing, session)
    print(f"the kill left {len(left)} events of {EVENTS}, of which {len(others)} stay")
    assert [each for each in left if each["author"] != "tool"] == others
    while (answer := purge()).status != 200 or not answer.json.get("done", True):
        pass
    assert answer.json["purgeCount"] == len(left) - len(others)
    assert listed(killing, session) == others
    assert documents_below(killing.store, engine)["events"] == EVENTS


def event(number: int) -> dict[str, Any]:
    """An event to import, of an invocation of its own; that of a tool has a large response."""
    response = {"functionResponse": {"id": "c", "name": "f", "response": {"rows": "x" * 6_000}}}
    return {
        "name": f"e{number}",
        "author": "agent" if number % 4 == 0 else "tool",
        "invocationId": f"i{number}",
        "timestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
        "content": {"parts": [response]},
    }


def listed(killing: Killing, session: str, **query: str) -> list[Any]:
    """All events of a session; checks that the session counts as many."""
    with killing.client() as client:
        events = client.walk(f"{session}/events", "sessionEvents", pageSize="1000", **query)
        assert client.ok("GET", session, view="FULL")["eventCount"] == len(events)
        return events


def is_compacted(event: Any) -> bool:
    (part,) = event["content"]["parts"]
    return "compacted" in part["functionResponse"]["response"]
