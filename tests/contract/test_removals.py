"""The removal of a session takes everything that its store keeps of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from functions.store.firestore import FirestoreStore
from functions.store.firestore.queries import documents_below
from functions.store.firestore.values import creation
from functions.store.sqlite import SqliteStore
from tests.support.api import SECOND, Api

Removal = Callable[[Api, str], object]


def delete(api: Api, session: str) -> object:
    return api.ok("DELETE", session)


def expire(api: Api, session: str) -> object:
    api.now += 60 * SECOND
    return api.ok("POST", "sessions:purgeExpired")


def delete_engine(api: Api, session: str) -> object:
    return api.ok("DELETE", api.engine, force="true")


def fill(api: Api, *, neighbours: bool) -> str:
    """A session with events, a deleted event, changes of state and parts of a large event.

    With or without live neighbours on both sides, between which the purge looks for others.
    """
    # After a purge by a clock that is far ahead, the next one begins at the start.
    api.store.purge(api.now + 7200 * SECOND, lambda: False)
    api.settings = replace(api.settings, min_ttl=0)
    parent = api.engine.partition("/reasoningEngines/")[0]
    api.engine = api.ok("POST", f"{parent}/reasoningEngines", {})["response"]["name"]
    names = ("a", "b", "c") if neighbours else ("b",)
    for name in names:
        life = {"ttl": "30s"} if name == "b" else {}
        session = api.create(name, sessionState={"k": 1}, **life)
        for _ in range(3):
            assert api.append(session).status == 200
        api.ok("PATCH", session, {"sessionState": {"l": 2}})
    session = f"{api.engine}/sessions/b"
    _add_what_other_methods_keep(api, session)
    return session


def _add_what_other_methods_keep(api: Api, session: str) -> None:
    if isinstance(api.store, SqliteStore):
        with api.store._database.write() as db:
            db.execute(
                "UPDATE events SET session = -session, original = 'o' WHERE seq = "
                "(SELECT max(seq) FROM events WHERE session = "
                "(SELECT id FROM sessions WHERE session_id = 'b' ORDER BY id DESC LIMIT 1))"
            )
        return
    assert isinstance(api.store, FirestoreStore)
    rpc = api.store._rpcs.get()
    event = api.ok("GET", f"{session}/events")["sessionEvents"][0]["name"]
    for path in (f"{event}/parts/1", f"{event}/originals/1", f"{session}/later/1/versions/2"):
        rpc.commit([creation(f"{rpc.root}/{path}", {"text": "t"})])
    deleted = f"{rpc.root}/{session}/events/deleted"
    rpc.commit([creation(deleted, {"deleted": "{}", "counted": True})])


def left_of(api: Api, session: str) -> list[str]:
    """What the store still has of a session, whatever its collection or table."""
    if isinstance(api.store, SqliteStore):
        with api.store._database.snapshot() as db:
            found = db.execute(
                "SELECT 'events' FROM events WHERE abs(session) NOT IN (SELECT id FROM sessions) "
                "UNION ALL SELECT 'changes' FROM changes "
                "WHERE session NOT IN (SELECT id FROM sessions) "
                "UNION ALL SELECT 'sessions' FROM sessions WHERE session_id LIKE 'b%' "
                "AND engine = (SELECT id FROM engines WHERE name = :engine)",
                {"engine": api.engine},
            ).fetchall()
        return [name for (name,) in found]
    assert isinstance(api.store, FirestoreStore)
    rpc = api.store._rpcs.get()
    below = [found.name for found, _ in rpc.run_query(session, documents_below("", 0)) if found]
    itself = [found.name for found in rpc.batch_get([session])() if found]
    return [*itself, *below]


@pytest.mark.parametrize("neighbours", [False, True], ids=["alone", "between others"])
@pytest.mark.parametrize("remove", [delete, expire, delete_engine])
def test_a_removal_leaves_nothing_of_a_session(
    api: Api, remove: Removal, *, neighbours: bool
) -> None:
    """Events, deleted events, changes of state, parts and originals; the live ones stay whole."""
    session = fill(api, neighbours=neighbours)
    assert left_of(api, session) or isinstance(api.store, SqliteStore)
    remove(api, session)
    assert left_of(api, session) == []
    if neighbours and remove is not delete_engine:
        for name in ("a", "c"):
            kept = f"{api.engine}/sessions/{name}"
            assert len(api.ok("GET", f"{kept}/events")["sessionEvents"]) == 3
            assert api.state(kept) == {"l": 2}


def test_a_purge_counts_the_events_that_a_session_still_had(api: Api) -> None:
    """No deleted event, no change of state and no part of an event is an event."""
    fill(api, neighbours=False)
    api.now += 60 * SECOND
    live = 3 if isinstance(api.store, FirestoreStore) else 2
    purged = api.ok("POST", "sessions:purgeExpired")
    assert purged == {"purgedSessions": 1, "deletedEvents": live, "done": True}


def test_a_session_of_many_documents_goes_in_several_commits(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever collections they are in, and wherever a commit ends."""
    monkeypatch.setattr("functions.store.firestore.erasure.BATCH", 2)
    monkeypatch.setattr("functions.store.sqlite.erasing.ROWS", 2)
    session = fill(api, neighbours=False)
    delete(api, session)
    expire(api, session)
    assert left_of(api, session) == []
