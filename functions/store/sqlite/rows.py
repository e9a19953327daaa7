"""Makes rows of records, and records of rows."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import read_json, write_json
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.event_text import whole_text
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import StateChange
from functions.store.sqlite.members import joined_members, merge
from functions.store.sqlite.packing import Columns

SESSION_COLUMNS = Columns(
    "s.*, u.scope AS user_scope",
    (
        *("r.id", "r.session_id", "r.user_id", "r.display_name", "r.create_time"),
        *("r.update_time", "r.expiry", "r.expire_rest", "r.scope"),
    ),
    ("r.labels", "r.unknown", joined_members("r.scope"), joined_members("r.user_scope")),
)
EVENT_ROW = Columns(
    "e.*", ("r.seq", "r.timestamp_key", "r.id", "r.author", "r.invocation_id"), ("r.text",)
)

USERS = "LEFT JOIN users u ON u.engine = s.engine AND u.user_id = s.user_id"
_LIVE = (
    f"FROM (SELECT {SESSION_COLUMNS.source}, e.scope AS app_scope "
    f"FROM engines e JOIN sessions s ON s.engine = e.id {USERS} "
    "WHERE e.name = :engine AND s.session_id = :session AND s.expiry > :now) r"
)
LIVE_KEY = """(SELECT s.id FROM engines n JOIN sessions s ON s.engine = n.id WHERE n.name = :engine
    AND s.session_id = :id AND s.expiry > :now AND coalesce(:owner, s.user_id) = s.user_id)"""
"""The key of the session that `live_keys` finds, within another statement."""

_KEYS = "r.id, r.engine, r.user_id, r.scope, r.app_scope, r.user_scope"


@dataclass(slots=True)
class SessionKeys:
    """The keys of a session's row and of the rows around it; a scope without state is None."""

    session: int
    engine: int
    user_id: str
    own: int | None = None
    app: int | None = None
    user: int | None = None


def live_keys(
    db: sqlite3.Connection, name: SessionName, now: int, owner: str | None = None
) -> SessionKeys:
    """Finds a live session of the owner, of any without one; raises SessionNotFound."""
    row = db.execute(f"SELECT {_KEYS} {_LIVE}", _named(name, now)).fetchone()
    if row is None or owner not in (None, row[2]):
        raise SessionNotFound(name)
    return SessionKeys(*row)


def live_session(
    db: sqlite3.Connection, name: SessionName, now: int
) -> tuple[SessionKeys, SessionRecord]:
    """Reads a session with its state; raises SessionNotFound."""
    row = db.execute(
        f"SELECT {_KEYS}, {SESSION_COLUMNS.plain}, {joined_members('r.app_scope')} {_LIVE}",
        _named(name, now),
    ).fetchone()
    if row is None:
        raise SessionNotFound(name)
    return SessionKeys(*row[:6]), session_record(name.engine, row[6:])


def session_record(engine: str, columns: Sequence[Any]) -> SessionRecord:
    """The record of SESSION_COLUMNS and, behind those, the joined members of the engine's state."""
    _, session_id, user_id, display_name, created, updated, expiry, rest, scope = columns[:9]
    labels, unknown, own, user, app = columns[9:14]
    return SessionRecord(
        SessionName(engine, session_id),
        user_id,
        display_name,
        {} if labels == "{}" else read_json(labels.encode()),
        created,
        updated,
        expiry * 1000 - rest,
        None if scope is None else own,
        f"{app},{user}" if app and user else app or user,
        unknown,
    )


def session_row(record: SessionRecord) -> dict[str, Any]:
    """The columns that an update may change."""
    expiry, rest = split_expiry(record.expire_time)
    return {
        "display_name": record.display_name,
        "labels": write_json(record.labels),
        "expiry": expiry,
        "expire_rest": rest,
        "unknown": record.unknown,
    }


def event_record(columns: Sequence[Any]) -> EventRecord:
    """The record of EVENT_ROW."""
    _, key, event_id, author, invocation_id, text = columns
    timestamp = int(key, 16) + MIN_TIMESTAMP
    return EventRecord(event_id, timestamp, author, invocation_id, whole_text(text))


def event_row(session: int, event: EventRecord) -> dict[str, Any]:
    """An event's columns."""
    return {
        "session": session,
        "timestamp_key": timestamp_key(event.timestamp),
        "id": event.id,
        "author": event.author,
        "invocation_id": event.invocation_id,
        "text": event.stored,
    }


def has_event(db: sqlite3.Connection, session: int, event_id: str) -> bool:
    """Whether a session has an event of that id; no event has the id ""."""
    query = "SELECT 1 FROM events WHERE session = ? AND id = ?"
    return bool(event_id) and db.execute(query, (session, event_id)).fetchone() is not None


def insert(
    db: sqlite3.Connection, table: str, row: Mapping[str, Any], *, or_ignore: bool = False
) -> int:
    """Adds a row and returns its key; 0 where `or_ignore` found the row there already."""
    ignoring = " OR IGNORE" if or_ignore else ""
    added = db.execute(
        f"INSERT{ignoring} INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})", row
    )
    return (added.lastrowid or 0) if added.rowcount else 0


def touch(
    db: sqlite3.Connection, session: int, now: int, changed: Mapping[str, Any] | None = None
) -> None:
    """Changes columns of a session; its update_time becomes now, or a microsecond more than before.

    The latter happens if the last writer's clock was ahead, or if this write waited for one that
    began later.
    """
    columns = "".join(f"{column} = :{column}, " for column in changed or ())
    db.execute(
        f"UPDATE sessions SET {columns}update_time = max(:touched, update_time + 1000), "
        "touched = :touched WHERE id = :id",
        {**(changed or {}), "touched": now, "id": session},
    )


def split_expiry(expire_time: int) -> tuple[int, int]:
    """The columns `expiry` and `expire_rest` of an expire_time."""
    expiry = -(-expire_time // 1000)
    return expiry, expiry * 1000 - expire_time


def merge_state(db: sqlite3.Connection, keys: SessionKeys, change: StateChange) -> None:
    """Merges a change into the scopes that it names; raises TooLarge."""
    if change.is_of_session:
        own = merge(db, keys.own, change.session, replace=change.replace)
        if keys.own is None:
            db.execute("UPDATE sessions SET scope = ? WHERE id = ?", (own, keys.session))
    if change.app:
        app = merge(db, keys.app, change.app)
        if keys.app is None:
            db.execute("UPDATE engines SET scope = ? WHERE id = ?", (app, keys.engine))
    if change.user:
        user = merge(db, keys.user, change.user)
        if keys.user is None:
            db.execute("INSERT INTO users VALUES (?, ?, ?)", (keys.engine, keys.user_id, user))


def _named(name: SessionName, now: int) -> dict[str, Any]:
    return {"engine": name.engine, "session": name.session, "now": now // 1000}
