"""How much one request does to a SQLite file, and how much of a page is in memory."""

import contextlib
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.rules.limits import MAX_PAGE_BYTES
from functions.rules.names import SessionName
from functions.store.opening import open_store
from functions.store.sqlite import SqliteStore, erasing, members, packing
from functions.store.sqlite.database import Database
from functions.store.sqlite.writers import Result, Work
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION
from tests.support.store_documents import documents_below

ENGINE = f"{LOCATION}/reasoningEngines/1"
EVENT = {"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
FEW_ROWS = 20
MEGABYTE = 1_000_000
PAGE = 4_096


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    settings = Settings(sessions_store=f"sqlite:///{tmp_path}/s.db", min_ttl="0s")
    with contextlib.closing(open_store(settings)) as store:
        yield Api(store, ENGINE, settings=settings)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that each transaction wrote so far."""
    counts: list[int] = []
    write, run = Database.write, Database.run

    @contextlib.contextmanager
    def counted(database: Database) -> Iterator[sqlite3.Connection]:
        with write(database) as db:
            before = db.total_changes
            yield db
            counts.append(db.total_changes - before)

    def counted_run(database: Database, work: Work[Result]) -> Result:
        def counted_work(db: sqlite3.Connection) -> Result:
            before = db.total_changes
            result = work(db)
            counts.append(db.total_changes - before)
            return result

        return run(database, counted_work)

    monkeypatch.setattr(Database, "write", counted)
    monkeypatch.setattr(Database, "run", counted_run)
    return counts


def test_a_batch_asks_as_often_as_two_events_do(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement finds the events that the session has already, or has removed."""
    session, asked = api.create("s"), list[str]()
    write = Database.write

    @contextlib.contextmanager
    def traced(database: Database) -> Iterator[sqlite3.Connection]:
        with write(database) as db:
            db.set_trace_callback(asked.append)
            yield db
            db.set_trace_callback(None)

    monkeypatch.setattr(Database, "write", traced)
    questions = []
    for count in (2, 100):
        asked.clear()
        events = [{**EVENT, "rawEvent": {"id": f"{count}-{number}"}} for number in range(count)]
        assert api.call("POST", f"{session}:batchAppendEvents", {"events": events}).status == 200
        questions.append(sum(statement.startswith("SELECT") for statement in asked))
    assert questions[0] == questions[1] < 4


@pytest.mark.parametrize("scope", ["", "app:", "user:"])
def test_a_small_append_to_a_large_state_writes_little(
    api: Api, tmp_path: Path, scope: str
) -> None:
    """However many keys there are, those that the delta names are written and no others."""
    session = api.create("s", sessionState={f"{scope}{number}": number for number in range(20_000)})
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    delta = {f"{scope}7": "seven", f"{scope}new": None}
    assert api.append(session, actions={"stateDelta": delta}).status == 200
    assert (tmp_path / "s.db-wal").stat().st_size < 25 * PAGE
    state = api.state(session)
    assert (len(state), state[f"{scope}7"], state[f"{scope}8"]) == (20_001, "seven", 8)


@pytest.mark.parametrize("scope", ["", "app:", "user:"])
def test_a_state_keeps_its_limit_over_many_small_changes(api: Api, scope: str) -> None:
    """What is replaced or removed makes room; what would pass the limit changes nothing."""
    session = api.create("s", sessionState={f"{scope}a": "x" * 900_000})

    def put(**values: Any) -> int:
        delta = {f"{scope}{key}": value for key, value in values.items()}
        return api.append(session, actions={"stateDelta": delta}).status

    assert put(b="y" * 100_000) == 400
    assert set(api.state(session)) == {f"{scope}a"}
    assert put(a="x" * 800_000, b="y" * 100_000) == 200
    assert put(c="z" * 100_000) == 400
    assert api.call("PATCH", session, {}, updateMask=f"sessionState.{scope}a").status == 200
    assert [put(**{key: "z" * 200_000}) for key in "cdefg"] == [200] * 4 + [400]


@pytest.mark.parametrize("scope", ["", "app:", "user:"])
def test_a_state_reads_the_same_while_it_grows_and_shrinks(api: Api, scope: str) -> None:
    """The row of a small scope keeps its joined members, and that of a large one does not."""
    kept = {"b": 1}
    session = api.create("s", sessionState={f"{scope}b": 1})
    large = "x" * members._SMALL

    def check() -> None:
        state = api.state(session)
        assert list(state.items()) == sorted((f"{scope}{k}", v) for k, v in kept.items())
        assert api.ok("GET", f"{ENGINE}/sessions")["sessions"][0]["sessionState"] == state

    for delta in ({"a": 2}, {"large": large}, {"é": 3}, {"b": large}, {"b": None}):
        named = {f"{scope}{key}": value for key, value in delta.items()}
        assert api.append(session, actions={"stateDelta": named}).status == 200
        kept |= delta
        check()
    for key in ("large", "a"):
        assert api.call("PATCH", session, {}, updateMask=f"sessionState.{scope}{key}").status == 200
        del kept[key]
        check()


def test_a_large_session_is_deleted_in_small_transactions(api: Api, changed: list[int]) -> None:
    """It is gone at once; no transaction keeps others from writing for long; nothing is left."""
    session = filled(api, "s", erasing.ROWS * 3)
    changed.clear()
    api.ok("DELETE", session)
    assert max(changed) <= erasing.ROWS + FEW_ROWS
    assert not documents_below(api.store, ENGINE)


def test_large_events_are_deleted_a_few_at_a_time(api: Api, changed: list[int]) -> None:
    """A transaction removes about erasing.BYTES, however few rows those are."""
    events = 6 * erasing.BYTES // MEGABYTE
    session = filled(api, "s", events, size=MEGABYTE)
    changed.clear()
    api.ok("DELETE", session)
    assert max(changed) < 2 * erasing.BYTES // MEGABYTE + FEW_ROWS < events
    assert not documents_below(api.store, ENGINE)


def test_large_states_are_purged_a_few_at_a_time(api: Api, changed: list[int]) -> None:
    """A transaction removes the state of no more sessions than have erasing.BYTES together."""
    sessions = 3 * erasing.BYTES // MEGABYTE
    for number in range(sessions):
        api.create(f"s{number}", sessionState={"k": "x" * 900_000}, ttl="10s")
    api.now += 10 * SECOND
    changed.clear()
    purged = api.ok("POST", "sessions:purgeExpired")
    assert (purged["purgedSessions"], purged["done"]) == (sessions, True)
    assert len(changed) >= 3
    assert everything(api)["scopes"] == 0


def test_an_engine_is_deleted_in_small_transactions(api: Api, changed: list[int]) -> None:
    """With its sessions, its events, and what it and its users have of state."""
    api.engine = api.ok("POST", f"{LOCATION}/reasoningEngines", {})["response"]["name"]
    for number in range(300):
        state = {"user:k": 1, **{f"user:{key}": key for key in range(number % 5 * 100)}}
        api.create(f"s{number}", user=f"u{number}", sessionState=state)
    filled(api, "long", erasing.ROWS)
    changed.clear()
    api.ok("DELETE", api.engine, {"force": True})
    # A session that goes makes a move, too, by which those who watch it hear of its end.
    assert max(changed) <= 2 * erasing.ROWS
    assert len(changed) > 2
    assert everything(api) == {"engines": 0, "sessions": 0, "events": 0, "users": 0, "scopes": 0}


def test_a_session_made_again_has_nothing_of_the_expired_one(api: Api, changed: list[int]) -> None:
    """And its making removes no more of the old one's events than a transaction may."""
    filled(api, "s", erasing.ROWS * 2, ttl="10s", sessionState={"old": 1})
    api.now += 10 * SECOND
    changed.clear()
    session = api.create("s")
    assert max(changed) <= erasing.ROWS + FEW_ROWS
    assert api.ok("GET", f"{session}/events") == {}
    assert api.state(session) is None
    api.append(session)
    purged = api.ok("POST", "sessions:purgeExpired")
    assert (purged["purgedSessions"], purged["done"]) == (1, True)
    assert documents_below(api.store, ENGINE) == {"sessions": 1, "events": 1}


@pytest.mark.parametrize("name", ["session", "engine"])
def test_the_purge_finishes_what_a_kill_left_of_a_delete(
    api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is deleted is gone once the first transaction is through, and stays gone.

    A session, and an engine, made again under the same name do not get what the old one had.
    """
    api.engine = api.ok("POST", f"{LOCATION}/reasoningEngines", {})["response"]["name"]
    session = filled(api, "s", erasing.ROWS * 2, sessionState={"app:a": 1, "user:u": 2, "o": 3})
    engine_name = SessionName(*session.split("/sessions/"))
    with contextlib.closing(api.store.watch(engine_name, None, api.now)) as watch:
        monkeypatch.setattr(SqliteStore, "_erase", lambda *_: None)
        api.ok("DELETE", session if name == "session" else api.engine, {"force": True})
        with pytest.raises(Exception, match="not found"):
            watch.read(api.now)
    assert api.call("GET", session).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}
    assert api.ok("GET", f"{LOCATION}/reasoningEngines/-/sessions") == {}
    assert api.call("DELETE", f"{LOCATION}/sessions/s").status == 404
    again = api.create("s")
    assert api.ok("GET", f"{again}/events") == {}
    assert api.state(again) == ({"app:a": 1, "user:u": 2} if name == "session" else None)
    api.append(again)
    while not api.ok("POST", "sessions:purgeExpired")["done"]:
        pass
    assert len(api.ok("GET", f"{again}/events")["sessionEvents"]) == 1
    left = everything(api)
    assert (left["sessions"], left["events"], left["engines"]) == (1, 1, 1)
    assert left["scopes"] == (2 if name == "session" else 0)


@pytest.mark.parametrize(
    ("text", "times"), [("x", 6), ("\N{GRINNING FACE}", 24)], ids=["ASCII", "emoji"]
)
@pytest.mark.parametrize("path", ["events", "sessions", "runs", "filtered events"])
def test_a_page_takes_a_small_number_of_times_its_bytes(
    api: Api, path: str, text: str, times: int
) -> None:
    """A list of 100 MB is answered page by page from a few times 8 MiB of memory.

    One letter beyond the first plane makes Python keep four bytes for each of its text.
    """
    session = api.create("s")
    for number in range(100):
        large = text + "x" * MEGABYTE
        if path == "sessions":
            api.create(f"s{number}", sessionState={"k": large[:900_000]})
        else:
            call = {"functionCall": {"name": "f", "args": {"a": large}}}
            fields = {"content": {"parts": [call]}, "invocationId": f"i{number}"}
            assert api.append(session, **fields).status == 200
    query = {"filter": 'NOT author = "nobody"'} if "filtered" in path else {}
    url = f"{ENGINE}/sessions" if path == "sessions" else f"{session}/{path.split()[-1]}"
    request: Callable[[], Any] = lambda: api.call("GET", url, **query).status  # noqa: E731
    assert request() == 200
    tracemalloc.start()
    try:
        assert request() == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The test itself parses the answer, which is part of the peak.
    assert peak < times * MAX_PAGE_BYTES


@pytest.mark.parametrize(("path", "statements"), [("s/events", 1), ("", 1)])
def test_a_page_of_a_hundred_items_is_one_statement(api: Api, path: str, statements: int) -> None:
    """A page of small items is one statement of SQLite, and one row of its answer."""
    session = api.create("s")
    for number in range(101):
        api.append(session)
        api.create(f"s{number}", sessionState={"own": 1, "user:u": 2, "app:a": 3})
    page = f"{ENGINE}/sessions/{path}".rstrip("/")
    api.ok("GET", page)
    traced: list[str] = []
    assert isinstance(api.store, SqliteStore)
    api.store._database.connection.set_trace_callback(traced.append)
    assert len(next(iter(api.ok("GET", page).values()))) == 100
    assert len([text for text in traced if not text.startswith("PRAGMA")]) <= statements


def test_rows_are_the_same_joined_or_one_by_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their texts hold, and wherever a page is cut."""
    odd = 'a\u0000\u001e\u001f"\\\N{GRINNING FACE}\u2028,'
    for number in range(5):
        session = api.create(f"s{number}", user=odd, displayName=odd, sessionState={odd: odd})
        for size in (1, 10, 5_000):
            part = {"text": odd + "x" * size}
            api.append(session, author=odd, invocationId=odd, content={"parts": [part]})

    def answers() -> list[str]:
        paths = [f"{ENGINE}/sessions", f"{ENGINE}/sessions/s1/events", f"{ENGINE}/sessions/s1/runs"]
        return [
            api.call("GET", path, pageSize=size, **query).text
            for path in paths
            for size in (1, 2, 100)
            for query in ({}, {"filter": 'NOT user_id = ""'} if path == paths[0] else {})
        ]

    joined = answers()
    assert all('"error"' not in answer for answer in joined)
    for limit in (1_000, 200):
        monkeypatch.setattr(packing, "_PACKED_BYTES", limit)
        assert answers() == joined


def filled(api: Api, session_id: str, events: int, size: int = 1, **fields: Any) -> str:
    """A session with events of `size` bytes that were put into the file in bulk."""
    session = api.create(session_id, **fields)
    assert isinstance(api.store, SqliteStore)
    with api.store._database.write() as db:
        db.execute(
            "INSERT INTO events (session, timestamp_key, id, author, invocation_id, text) "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "SELECT (SELECT max(id) FROM sessions), printf('%018x', i), 'e' || i, 'u', 'i', "
            "printf('%.*c', ?, '}') FROM n",
            (events, size),
        )
    return session


def everything(api: Api) -> dict[str, int]:
    """How many rows each table has."""
    assert isinstance(api.store, SqliteStore)
    with api.store._database.snapshot() as db:
        tables = ("engines", "sessions", "events", "users", "scopes")
        return {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
        }
