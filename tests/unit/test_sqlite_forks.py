"""A fork on SQLite begins again when one of the events that it copies has changed."""

from contextlib import closing
from pathlib import Path

import pytest

from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.fork import Fork, Point
from functions.rules.fork_rules import new_fork
from functions.rules.names import SessionName
from functions.rules.session_rules import new_session
from functions.store.sqlite import SqliteStore, forking

NOW = 1_795_305_600 * 10**9
SOURCE = SessionName("projects/p/locations/l/reasoningEngines/1", "s")
PATIENCE = 60 * 10**9


def filled(store: SqliteStore, events: int) -> Fork:
    """A session of so many events, and a fork of it."""
    record, state = new_session(SOURCE, Session(user_id="u"), NOW, 0)
    store.create_session(record, state, NOW, require_engine=False)
    for number in range(events):
        body = {"author": "a", "invocationId": f"i{number}", "timestamp": "2026-01-01T00:00:00Z"}
        event = SessionEvent.read(body, "event")
        store.append_event(SOURCE, *new_event(event, ""), NOW)
    limits = {"min_ttl": 0, "time_limit": 0, "require_engine": False}
    return new_fork(SOURCE, "f", Point(), Session(), NOW, **limits)


def authors(store: SqliteStore, name: SessionName) -> list[str]:
    with store._database.snapshot() as db:
        rows = db.execute(
            "SELECT e.author FROM events e JOIN sessions s ON s.id = e.session "
            "WHERE s.session_id = ? ORDER BY e.seq",
            (name.session,),
        ).fetchall()
    return [author for (author,) in rows]


def change(store: SqliteStore, author: str, invocation: str) -> None:
    with store._database.write() as db:
        db.execute(
            "UPDATE events SET author = ? WHERE invocation_id = ? AND session IN "
            "(SELECT id FROM sessions WHERE session_id = ?)",
            (author, invocation, SOURCE.session),
        )


def test_a_fork_has_no_event_of_before_a_change_beside_one_of_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the copy has come to the changed events or not."""
    with closing(SqliteStore(str(tmp_path / "s.db"), PATIENCE)) as store:
        fork = filled(store, 10)
        monkeypatch.setattr(forking, "ROWS", 3)
        for changed in ("changed", "changed again"):
            assert store.fork_session(fork, NOW, lambda: True) is None
            change(store, changed, "i0")
            change(store, changed, "i9")
        done = store.fork_session(fork, NOW, lambda: False)
        assert done is not None
        assert done.event_count == 10
        assert authors(store, fork.name) == authors(store, SOURCE)
        assert authors(store, SOURCE)[::9] == ["changed again"] * 2
