"""The Store protocol in SQL: a write is one transaction, a read one statement."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import read_json, write_json
from functions.rules.engine import EngineRecord
from functions.rules.errors import (
    EngineHasSessions,
    EngineMissing,
    EngineNotFound,
    SessionAlreadyExists,
    SessionNotFound,
)
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.filters import PageQuery, engine_matches, event_matches, session_matches
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionChange, SessionRecord
from functions.rules.state import StateChange, join_members, merge_members, split_members
from functions.store.paging import Cursor, Page, fill_page, text_size
from functions.store.sqlite.database import Database
from functions.store.sqlite.listing import session_rows

_SESSION = (
    "s.session_id, s.user_id, s.display_name, s.labels, s.create_time, s.update_time, "
    "s.expiry, s.expire_rest, s.state, u.state"
)
_LIVE_SESSION = (
    f"SELECT s.id, s.engine, e.app, {_SESSION} "
    "FROM engines e JOIN sessions s ON s.engine = e.id "
    "LEFT JOIN users u ON u.engine = e.id AND u.user_id = s.user_id "
    "WHERE e.name = ? AND s.session_id = ? AND s.expiry > ?"
)
_EVENT = "seq, timestamp_key, id, author, invocation_id, text"
_ENGINE = "SELECT name, create_time, update_time, resource FROM engines"


class SqliteStore:
    """Sessions in one SQLite file; see functions.store.protocol.Store."""

    def __init__(self, path: str, timeout: int) -> None:
        self._database = Database(path, timeout)

    def create_session(
        self, record: SessionRecord, state: StateChange, now: int, *, require_engine: bool
    ) -> SessionRecord:
        engine_name, session_id = record.name
        with self._database.write() as db:
            row = db.execute(
                "SELECT id, create_time FROM engines WHERE name = ?", (engine_name,)
            ).fetchone()
            if require_engine and (row is None or row[1] is None):
                raise EngineMissing
            engine = row[0] if row else _add_engine(db, EngineName.parse(engine_name))
            old = db.execute(
                "SELECT id, expiry FROM sessions WHERE engine = ? AND session_id = ?",
                (engine, session_id),
            ).fetchone()
            if old and old[1] > now // 1000:
                raise SessionAlreadyExists(str(record.name))
            if old:
                _erase(db, [old[0]])
            expiry, rest = _split_expiry(record.expire_time)
            members = merge_members({}, state.session)
            db.execute(
                "INSERT INTO sessions (engine, session_id, user_id, display_name, labels, "
                "create_time, update_time, expiry, expire_rest, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    engine,
                    session_id,
                    record.user_id,
                    record.display_name,
                    write_json(record.labels),
                    record.create_time,
                    record.update_time,
                    expiry,
                    rest,
                    None if record.state is None else join_members(members.values()),
                ),
            )
            _merge_shared(db, engine, record.user_id, state)
            return _get(db, record.name, now)[2]

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        with self._database.read() as db:
            return _get(db, name, now)[2]

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        with self._database.read() as db:
            found = db.execute(
                "SELECT id, app FROM engines WHERE name = ?", (str(engine),)
            ).fetchone()
            if not found:
                return Page([], None)
            return fill_page(
                (
                    (cursor, _record(str(engine), found[1], row))
                    for cursor, row in session_rows(db, _SESSION, found[0], query, now)
                ),
                query.page_size,
                lambda record: session_matches(query.filter, record),
                lambda record: text_size(record.state or "") + text_size(record.shared),
            )

    def update_session(
        self, name: SessionName, change: Callable[[SessionRecord], SessionChange], now: int
    ) -> SessionRecord:
        with self._database.write() as db:
            session, engine, record = _get(db, name, now)
            changes = change(record)
            if changes.display_name is not None:
                record.display_name = changes.display_name
            if changes.labels is not None:
                record.labels = changes.labels
            if changes.expire_time is not None:
                record.expire_time = changes.expire_time
            if changes.state is not None:
                if changes.state.replace or changes.state.session:
                    record.state = _merge_state(record.state, changes.state)
                _merge_shared(db, engine, record.user_id, changes.state)
            expiry, rest = _split_expiry(record.expire_time)
            db.execute(
                "UPDATE sessions SET display_name = ?, labels = ?, update_time = ?, expiry = ?, "
                "expire_rest = ?, state = ? WHERE id = ?",
                (
                    record.display_name,
                    write_json(record.labels),
                    now,
                    expiry,
                    rest,
                    record.state,
                    session,
                ),
            )
            return _get(db, name, now)[2]

    def delete_session(self, name: SessionName, now: int) -> None:
        with self._database.write() as db:
            session, _, _ = _get(db, name, now)
            _erase(db, [session])

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        with self._database.read() as db:
            rows = db.execute(
                "SELECT e.name FROM sessions s JOIN engines e ON e.id = s.engine "
                "WHERE s.session_id = ? AND s.expiry > ? AND e.location = ? ORDER BY e.name",
                (session, now // 1000, location),
            ).fetchall()
        return [SessionName(engine, session) for (engine,) in rows]

    def append_event(
        self, name: SessionName, event: EventRecord, state: StateChange, now: int
    ) -> None:
        with self._database.write() as db:
            session, engine, record = _get(db, name, now)
            added = db.execute(
                "INSERT OR IGNORE INTO events "
                "(session, timestamp_key, id, author, invocation_id, text) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    session,
                    timestamp_key(event.timestamp),
                    event.id,
                    event.author,
                    event.invocation_id,
                    event.text,
                ),
            )
            is_retry = added.rowcount == 0
            if is_retry:
                return
            if state.session:
                record.state = _merge_state(record.state, state)
            db.execute(
                "UPDATE sessions SET update_time = ?, state = ? WHERE id = ?",
                (now, record.state, session),
            )
            _merge_shared(db, engine, record.user_id, state)

    def list_events(self, name: SessionName, query: PageQuery, now: int) -> Page[EventRecord]:
        with self._database.read() as db:
            session, _, _ = _get(db, name, now)
            return fill_page(
                _events(db, session, query),
                query.page_size,
                lambda event: event_matches(query.filter, event),
                lambda event: text_size(event.text),
            )

    def create_engine(self, record: EngineRecord) -> None:
        with self._database.write() as db:
            engine = _add_engine(db, record.name)
            db.execute(
                "UPDATE engines SET create_time = ?, update_time = ?, resource = ? WHERE id = ?",
                (record.create_time, record.update_time, write_json(record.resource), engine),
            )

    def get_engine(self, name: EngineName) -> EngineRecord:
        with self._database.read() as db:
            return _get_engine(db, name)

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        with self._database.read() as db:
            rows = db.execute(
                f"{_ENGINE} WHERE location = ? AND create_time IS NOT NULL "
                "AND (create_time, name) > (?, ?) ORDER BY create_time, name",
                (location, *(query.cursor or [0, ""])),
            )
            return fill_page(
                (([row[1], row[0]], _engine_record(row)) for row in rows),
                query.page_size,
                lambda record: engine_matches(query.filter, record),
                lambda record: text_size(record.to_json()),
            )

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        with self._database.write() as db:
            record = change(_get_engine(db, name))
            db.execute(
                "UPDATE engines SET update_time = ?, resource = ? WHERE name = ?",
                (record.update_time, write_json(record.resource), str(name)),
            )
            return record

    def delete_engine(self, name: EngineName, now: int, *, force: bool) -> None:
        with self._database.write() as db:
            _get_engine(db, name)
            engine = db.execute("SELECT id FROM engines WHERE name = ?", (str(name),)).fetchone()[0]
            sessions = db.execute(
                "SELECT id, expiry > ? FROM sessions WHERE engine = ?", (now // 1000, engine)
            ).fetchall()
            if not force and any(is_live for _, is_live in sessions):
                raise EngineHasSessions(name)
            _erase(db, [session for session, _ in sessions])
            db.execute("DELETE FROM users WHERE engine = ?", (engine,))
            db.execute("DELETE FROM engines WHERE id = ?", (engine,))

    def close(self) -> None:
        self._database.close()


def _get(db: sqlite3.Connection, name: SessionName, now: int) -> tuple[int, int, SessionRecord]:
    """The keys of the session and of its engine, and the record."""
    row = db.execute(_LIVE_SESSION, (name.engine, name.session, now // 1000)).fetchone()
    if row is None:
        raise SessionNotFound(name)
    session, engine, app, *columns = row
    return session, engine, _record(name.engine, app, columns)


def _record(engine: str, app: str, columns: Sequence[Any]) -> SessionRecord:
    (
        session_id,
        user_id,
        display_name,
        labels,
        create_time,
        update_time,
        expiry,
        rest,
        state,
        user_state,
    ) = columns
    return SessionRecord(
        name=SessionName(engine, session_id),
        user_id=user_id,
        display_name=display_name,
        labels={} if labels == "{}" else read_json(labels.encode()),
        create_time=create_time,
        update_time=update_time,
        expire_time=expiry * 1000 - rest,
        state=state,
        shared=",".join(filter(None, (app, user_state))),
    )


def _split_expiry(expire_time: int) -> tuple[int, int]:
    expiry = -(-expire_time // 1000)
    return expiry, expiry * 1000 - expire_time


def _merge_state(text: str | None, change: StateChange) -> str:
    members = {} if change.replace else split_members(text or "")
    return join_members(merge_members(members, change.session).values())


def _merge_shared(db: sqlite3.Connection, engine: int, user_id: str, change: StateChange) -> None:
    if change.app:
        (app,) = db.execute("SELECT app FROM engines WHERE id = ?", (engine,)).fetchone()
        merged = join_members(merge_members(split_members(app), change.app).values())
        db.execute("UPDATE engines SET app = ? WHERE id = ?", (merged, engine))
    if change.user:
        found = db.execute(
            "SELECT state FROM users WHERE engine = ? AND user_id = ?", (engine, user_id)
        ).fetchone()
        members = split_members(found[0]) if found else {}
        merged = join_members(merge_members(members, change.user).values())
        db.execute("REPLACE INTO users VALUES (?, ?, ?)", (engine, user_id, merged))


def _erase(db: sqlite3.Connection, sessions: list[int]) -> None:
    keys = [(session,) for session in sessions]
    db.executemany("DELETE FROM events WHERE session = ?", keys)
    db.executemany("DELETE FROM sessions WHERE id = ?", keys)


def _events(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions: list[str] = ["session = ?"]
    parameters: list[str | int] = [session]
    lower, upper = query.filter.bounds("timestamp")
    for bound, sign in ((lower, ">="), (upper, "<=")):
        if bound is not None:
            conditions.append(f"timestamp_key {sign} ?")
            parameters.append(timestamp_key(max(bound, MIN_TIMESTAMP)))
    if query.cursor:
        conditions.append(f"(timestamp_key, seq) {beyond} (?, ?)")
        parameters.extend(query.cursor)
    rows = db.execute(
        f"SELECT {_EVENT} FROM events WHERE {' AND '.join(conditions)} "
        f"ORDER BY timestamp_key {direction}, seq {direction}",
        parameters,
    )
    for seq, key, *columns in rows:
        id_, author, invocation_id, text = columns
        timestamp = int(key, 16) + MIN_TIMESTAMP
        yield [key, seq], EventRecord(id_, timestamp, author, invocation_id, text)


def _add_engine(db: sqlite3.Connection, name: EngineName) -> int:
    db.execute(
        "INSERT OR IGNORE INTO engines (name, location) VALUES (?, ?)", (str(name), name.location)
    )
    (engine,) = db.execute("SELECT id FROM engines WHERE name = ?", (str(name),)).fetchone()
    return int(engine)


def _get_engine(db: sqlite3.Connection, name: EngineName) -> EngineRecord:
    row = db.execute(
        f"{_ENGINE} WHERE name = ? AND create_time IS NOT NULL", (str(name),)
    ).fetchone()
    if row is None:
        raise EngineNotFound(name)
    return _engine_record(row)


def _engine_record(row: tuple[str, int, int, str]) -> EngineRecord:
    name, create_time, update_time, resource = row
    return EngineRecord(
        EngineName.parse(name), create_time, update_time, read_json(resource.encode())
    )
