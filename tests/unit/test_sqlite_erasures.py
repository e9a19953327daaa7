"""An erasure leaves nothing of a user in the bytes of a SQLite file and its log."""

import itertools
import random
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.names import EngineName, SessionName, UserName
from functions.rules.session_rules import new_session
from functions.store.sqlite import SqliteStore
from tests.support.api import START

ENGINE = "projects/p/locations/l/reasoningEngines/1"
ADA = "ada-9431c0"
USER = UserName(EngineName.parse(ENGINE), ADA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(str(path), 10 * 10**9)) as opened:
        opened._database.connection.execute("PRAGMA synchronous = OFF")
        yield opened


def live(store: SqliteStore, steps: int) -> None:
    """Ada and others create sessions, append to them and delete some, in turns."""
    dice = random.Random(3)
    sessions: list[tuple[SessionName, str]] = []
    for number in range(steps):
        now = START + number * 1000
        kind = dice.random()
        if kind < 0.3 or not sessions:
            user = dice.choice([ADA, f"bob{number % 7}"])
            name = SessionName(ENGINE, f"s{number}")
            message = Session(user_id=user, session_state={"user:a": user, "b": user})
            store.create_session(*new_session(name, message, now, 0), now, require_engine=False)
            sessions.append((name, user))
        elif kind < 0.4:
            name, _ = sessions.pop(dice.randrange(len(sessions)))
            store.delete_session(name, now)
        else:
            name, user = dice.choice(sessions)
            text = f"I am {user} " * dice.choice([1, 5, 50])
            event = SessionEvent(
                author="user",
                invocation_id=user,
                timestamp="2026-01-01T00:00:00Z",
                raw_event={"text": text},
            )
            store.append_events(name, [new_event(event, "")], now)


def places(path: Path) -> dict[str, int]:
    """File → how often the user stands in its bytes."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    return {file.name: file.read_bytes().count(ADA.encode()) for file in files}


def test_no_page_has_a_copy_of_what_was_erased(store: SqliteStore, path: Path) -> None:
    """Not those that SQLite rearranged either, which `PRAGMA secure_delete` leaves as they are."""
    live(store, 3000)
    assert sum(places(path).values()) > 1000
    assert store.erase_user(USER, START, lambda: False).done
    assert set(places(path).values()) == {0}
    (result,) = sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()
    assert result == "ok"


def test_an_erasure_is_not_done_while_a_reader_holds_the_log(
    store: SqliteStore, path: Path
) -> None:
    """The next call finishes it."""
    live(store, 100)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        erased = store.erase_user(USER, START, lambda: True)
        assert erased.sessions
        assert not erased.done
        assert not store.erase_user(USER, START, lambda: True).done
    assert store.erase_user(USER, START, lambda: True).done
    assert set(places(path).values()) == {0}
    assert store._database.connection.execute("SELECT count(*) FROM erasures").fetchone() == (0,)


def test_a_writer_waits_for_no_more_than_a_batch(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are hidden and removed in transactions of so many, however many a user has."""
    monkeypatch.setattr("functions.store.sqlite.store.ROWS", 10)
    monkeypatch.setattr("functions.store.sqlite.erasing.ROWS", 20)
    live(store, 1000)
    changes: list[int] = []
    write = store._database.write

    def counting_write() -> AbstractContextManager[sqlite3.Connection]:
        changes.append(store._database.connection.total_changes)
        return write()

    monkeypatch.setattr(store._database, "write", counting_write)
    store.erase_user(USER, START, lambda: False)
    changes.append(store._database.connection.total_changes)
    per_write = [after - before for before, after in itertools.pairwise(changes)]
    assert len(per_write) > 20
    # A session takes the rows of its state along, and notes of its moves.
    assert max(per_write) <= 200
