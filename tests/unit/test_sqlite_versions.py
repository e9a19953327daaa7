"""SQLite files of earlier versions are brought up to date when they are opened."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.store.opening import open_store
from functions.store.sqlite import database
from functions.store.sqlite.schema import STEPS
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION

VERSION_1 = """
CREATE TABLE engines (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    create_time INTEGER,
    update_time INTEGER,
    resource TEXT,
    app TEXT NOT NULL DEFAULT ''
);
CREATE INDEX engines_by_create_time ON engines (location, create_time, name);

CREATE TABLE users (
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (engine, user_id)
) WITHOUT ROWID;

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    engine INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    labels TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    expire_rest INTEGER NOT NULL,
    state TEXT,
    unknown TEXT NOT NULL,
    UNIQUE (engine, session_id)
);
CREATE INDEX sessions_by_update_time ON sessions (engine, update_time, session_id);
CREATE INDEX sessions_by_create_time ON sessions (engine, create_time, session_id);
CREATE INDEX sessions_by_user ON sessions (engine, user_id, update_time, session_id);
CREATE INDEX sessions_by_id ON sessions (session_id);
CREATE INDEX sessions_by_expiry ON sessions (expiry);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    timestamp_key TEXT NOT NULL,
    id TEXT NOT NULL,
    author TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX events_in_order ON events (session, timestamp_key);
CREATE UNIQUE INDEX events_by_id ON events (session, id);

CREATE TABLE moves (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    time INTEGER NOT NULL,
    previous INTEGER NOT NULL
);
CREATE TRIGGER session_moves AFTER UPDATE OF update_time ON sessions BEGIN
    INSERT INTO moves (session, time, previous)
    VALUES (old.id, new.update_time, old.update_time);
    DELETE FROM moves
    WHERE seq IN (SELECT seq FROM moves ORDER BY seq LIMIT 2)
    AND time < new.update_time - 3600 * 1000000000;
END;
"""
"""What the first release wrote, to the letter."""

OF_VERSION_3 = {
    "get, append, list_events, watch": (
        "SELECT s.id, s.engine, e.app, s.session_id, s.user_id, s.display_name, s.labels, "
        "s.create_time, s.update_time, s.expiry, s.expire_rest, s.state, s.unknown, u.state "
        "FROM engines e JOIN sessions s ON s.engine = e.id "
        "LEFT JOIN users u ON u.engine = e.id AND u.user_id = s.user_id "
        "WHERE e.name = ? AND s.session_id = ? AND s.expiry > ?"
    ),
    "list_sessions": "SELECT id, app FROM engines WHERE name = ?",
    "create": (
        "INSERT INTO sessions (engine, session_id, user_id, display_name, labels, "
        "create_time, update_time, expiry, expire_rest, state, unknown, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "update": (
        "UPDATE sessions SET display_name = ?, labels = ?, update_time = ?, expiry = ?, "
        "expire_rest = ?, state = ?, unknown = ?, text = ? WHERE id = ?"
    ),
    "append": "UPDATE sessions SET update_time = ?, state = ?, text = ? WHERE id = ?",
    "app state": "UPDATE engines SET app = ? WHERE id = ?",
    "user state": "SELECT state FROM users WHERE engine = ? AND user_id = ?",
}
"""Every method of a server of version 3 on sessions needs one of these, to the letter."""

VERSION_5 = Path(__file__).with_name("sqlite_version_5.sql")
"""What the code of commit 356ec79, the last one of version 5, wrote while a test called it."""

ENGINE = f"{LOCATION}/reasoningEngines/1"
LATER_THAN_ANY_TEST = 2**62


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1: a session with an app state, a user state and three events."""
    path = tmp_path / "sessions.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
        db.execute("PRAGMA user_version = 1")
        db.execute(
            "INSERT INTO engines (name, location, app) VALUES (?, ?, ?)",
            (ENGINE, LOCATION, '"app:a":1'),
        )
        db.execute("INSERT INTO users VALUES (1, 'u', '\"user:b\":2')")
        db.execute(
            "INSERT INTO sessions (engine, session_id, user_id, display_name, labels, create_time, "
            "update_time, expiry, expire_rest, state, unknown) "
            "VALUES (1, 's', 'u', 'Old', '{\"k\":\"v\"}', 0, 0, ?, 0, '\"c\":3', '')",
            (LATER_THAN_ANY_TEST // 1000,),
        )
        for number, run in enumerate("aba"):
            text = (
                f'"author":"user","content":{{}},"invocationId":"{run}","actions":{{}},'
                f'"timestamp":"1970-01-01T00:00:0{number}Z"}}'
            )
            key = f"{62_135_596_800 * 10**9 + number * 10**9:018x}"
            db.execute(
                "INSERT INTO events (session, timestamp_key, id, author, invocation_id, text) "
                "VALUES (1, ?, ?, 'user', ?, ?)",
                (key, f"e{number}", run, text),
            )
        db.commit()
    return path


@pytest.fixture
def of_version_5(tmp_path: Path) -> Path:
    """A file of version 5: sessions with and without events, one expired, one deleted."""
    path = tmp_path / "version_5.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_5.read_text())
        db.execute("PRAGMA user_version = 5")
        db.commit()
    return path


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Api]:
    settings = Settings.from_environment({"SESSIONS_STORE": f"sqlite:///{path}"})
    with contextlib.closing(open_store(settings)) as store:
        yield Api(store, ENGINE)


def schema(path: Path) -> tuple[int, set[tuple[Any, ...]]]:
    """The version, and everything that there is in a file."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        found = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return version, set(found)


def test_an_old_file_and_a_new_one_have_the_same_schema(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for path in (old, new):
        with opened(path):
            pass
    assert schema(old) == schema(new)
    assert schema(new)[0] == len(STEPS)


def test_an_old_file_keeps_all_that_is_in_it(old: Path) -> None:
    with opened(old) as api:
        session = api.ok("GET", f"{ENGINE}/sessions/s")
        events = api.ok("GET", f"{ENGINE}/sessions/s/events")["sessionEvents"]
    assert (session["displayName"], session["labels"]) == ("Old", {"k": "v"})
    assert session["sessionState"] == {"app:a": 1, "user:b": 2, "c": 3}
    assert [event["name"].rpartition("/")[2] for event in events] == ["e0", "e1", "e2"]


def test_an_old_file_does_what_a_new_one_does(old: Path) -> None:
    """Sessions list as get answers them, before and after a write; runs list, events append."""
    with opened(old) as api:
        session = f"{ENGINE}/sessions/s"
        assert api.ok("GET", f"{ENGINE}/sessions") == {"sessions": [api.ok("GET", session)]}
        assert api.append(session, invocationId="c").status == 200
        assert api.ok("GET", f"{ENGINE}/sessions") == {"sessions": [api.ok("GET", session)]}
        runs = api.ok("GET", f"{session}/runs")["runs"]
        of_a = api.ok("GET", f"{session}/runs/a")["sessionEvents"]
    assert [(run["invocationId"], run["eventCount"]) for run in runs] == [
        *(("a", 2), ("b", 1), ("c", 1))
    ]
    assert [event["timestamp"] for event in of_a] == [
        *("1970-01-01T00:00:00Z", "1970-01-01T00:00:02Z")
    ]


def test_an_event_under_its_former_id_is_met_by_its_retry(old: Path) -> None:
    """Earlier versions made the id of the text as it was sent."""
    text = (
        '"author":"a","content":{},"invocationId":"i","actions":{"stateDelta":{"c":1,"app:n":1}},'
        '"timestamp":"2026-01-01T00:00:00Z","rawEvent":{"id":"e","b":1,"a":2}}'
    )
    with opened(old), contextlib.closing(sqlite3.connect(old)) as db:
        db.execute(
            "INSERT INTO events (session, timestamp_key, id, author, invocation_id, text) "
            "VALUES (1, '', ?, 'a', 'i', ?)",
            ("25r5goglrhn6bkzw2eeh5chu", text),
        )
        db.commit()
    with opened(old) as api:
        session = f"{ENGINE}/sessions/s"
        before = api.ok("GET", session)
        for _ in range(2):
            api.ok("POST", f"{session}:appendEvent", f"{{{text}".encode())
        assert api.ok("GET", session) == before


def test_a_step_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step did before it failed is undone; the next opening takes the step again."""
    before = schema(old)
    broken = (*STEPS[:1], ("CREATE TABLE half (id INTEGER);\nCREATE TABLE half (id INTEGER);\n",))
    with monkeypatch.context() as patch:
        patch.setattr("functions.store.sqlite.database.STEPS", broken)
        with pytest.raises(StoreUnavailable), opened(old):
            pass
    assert schema(old) == before
    with opened(old) as api:
        assert len(api.ok("GET", f"{ENGINE}/sessions/s/runs")["runs"]) == 2


def test_a_file_of_a_version_to_come_is_refused_and_left_alone(old: Path) -> None:
    with contextlib.closing(sqlite3.connect(old)) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = schema(old)
    with pytest.raises(StoreUnavailable), opened(old):
        pass
    assert schema(old) == before


@pytest.mark.parametrize("statement", OF_VERSION_3.values(), ids=OF_VERSION_3)
def test_a_server_of_version_3_that_still_runs_is_refused(old: Path, statement: str) -> None:
    """SQLite names the column that is gone; that server answers 503 and rolls back."""
    with opened(old), contextlib.closing(sqlite3.connect(old)) as of_version_3:
        values = ["x"] * statement.count("?")
        with pytest.raises(sqlite3.OperationalError, match=r"no (such )?column"):
            of_version_3.execute(statement, values)


def test_what_version_3_may_still_remove_takes_its_state_along(old: Path) -> None:
    """Its purge, and its removal of engines: both name no column that is gone."""
    with opened(old) as api, contextlib.closing(sqlite3.connect(old)) as of_version_3:
        assert count(of_version_3, "members") == 3
        with of_version_3:
            of_version_3.execute("DELETE FROM events WHERE session = 1")
            of_version_3.execute("DELETE FROM sessions WHERE id = 1")
        assert api.call("GET", f"{ENGINE}/sessions/s").status == 404
        assert api.state(api.create("s")) == {"app:a": 1, "user:b": 2}
        with of_version_3:
            of_version_3.execute("DELETE FROM users WHERE engine = 1")
            of_version_3.execute("DELETE FROM engines WHERE id = 1")
        assert (count(of_version_3, "members"), count(of_version_3, "scopes")) == (0, 0)


def test_a_server_of_this_version_leaves_a_file_alone_once_a_newer_one_came(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write answers 503, every read a moment later, and nothing is written."""
    monkeypatch.setattr(database, "_READS_UNCHECKED", 0)
    with opened(old) as api, contextlib.closing(sqlite3.connect(old)) as newer:
        session = f"{ENGINE}/sessions/s"
        assert api.append(session).status == 200
        with newer:
            newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        before = list(newer.iterdump())
        answers = [
            api.append(session),
            api.call("GET", session),
            api.call("GET", f"{ENGINE}/sessions"),
            api.call("GET", f"{session}/events"),
            api.call("GET", f"{session}/runs"),
            api.call("GET", f"{session}/events:watch"),
            api.call("POST", f"{ENGINE}/sessions", {"userId": "u"}),
            api.call("PATCH", session, {"displayName": "d"}),
            api.call("DELETE", session),
            api.call("GET", ENGINE),
            api.call("POST", "sessions:purgeExpired"),
        ]
        assert [answer.status for answer in answers] == [503] * len(answers)
        assert "newer version" in answers[0].json["error"]["message"]
        assert list(newer.iterdump()) == before


def test_sessions_of_version_5_count_the_events_that_they_have(of_version_5: Path) -> None:
    """All spellings of usage; a time that 64 bits cannot say is left out."""
    with opened(of_version_5) as api:
        api.now += 60 * SECOND
        told = api.ok("GET", f"{ENGINE}/sessions/told", view="FULL")
        assert api.append(told["name"], "2026-01-01T00:00:03Z").status == 200
        listed = api.ok("GET", f"{ENGINE}/sessions", view="FULL", orderBy="create_time")
    assert told["sessionState"] == {"patched": True, "app:k": 1, "user:k": 1}
    facts = [
        {
            name: session[name]
            for name in ("eventCount", "usage", "lastEventTime")
            if name in session
        }
        for session in listed["sessions"]
    ]
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 7, "totalTokenCount": 16}
    assert {name: told[name] for name in ("eventCount", "usage", "lastEventTime")} == {
        "eventCount": 3,
        "usage": usage,
        "lastEventTime": "2026-01-01T00:00:02Z",
    }
    assert facts == [
        {"eventCount": 4, "usage": usage, "lastEventTime": "2026-01-01T00:00:03Z"},
        {"eventCount": 1},
        {"eventCount": 0},
    ]


def test_everybody_of_version_5_has_a_row_that_says_since_when(of_version_5: Path) -> None:
    """Since the first session; since the step for who has state and no session."""
    with opened(of_version_5), contextlib.closing(sqlite3.connect(of_version_5)) as db:
        users = db.execute("SELECT user_id, create_time, scope FROM users ORDER BY user_id")
        (u, since, scope), (v, *_), (w, *_), (x, later, left) = users.fetchall()
    assert (u, v, w, x) == ("u", "v", "w", "x")
    assert since == 1_795_305_600_000_000_000
    assert later > 10**18
    assert (scope, left) == (3, 6)


def test_a_file_of_version_5_and_a_new_one_have_the_same_schema(
    of_version_5: Path, tmp_path: Path
) -> None:
    """Tables, columns, indexes and triggers."""
    new = tmp_path / "new.db"
    for path in (of_version_5, new):
        with opened(path):
            pass
    assert schema(of_version_5) == schema(new)


def test_a_purge_of_version_6_removes_what_version_5_left(of_version_5: Path) -> None:
    """The expired session and its event."""
    with opened(of_version_5) as api:
        api.now += 60 * SECOND
        purged = api.ok("POST", "sessions:purgeExpired")
    assert purged == {"purgedSessions": 1, "deletedEvents": 1, "done": True}


def count(db: sqlite3.Connection, table: str) -> int:
    (found,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)
