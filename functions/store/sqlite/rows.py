"""Rows: how records become columns, and back, the shared state of sessions joined in."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import read_json
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import StateChange, join_members, merge_members, split_members
from functions.store.protocol import Purged

SESSION_COLUMNS = (
    "s.session_id, s.user_id, s.display_name, s.labels, s.create_time, s.update_time, "
    "s.expiry, s.expire_rest, s.state, s.unknown, u.state"
)
EVENT_COLUMNS = "seq, timestamp_key, id, author, invocation_id, text"
_PURGED_SESSIONS = 100
_PURGED_EVENTS = 2_000
"""Rows that one transaction of a purge removes."""

_LIVE_SESSION = (
    f"SELECT s.id, s.engine, e.app, {SESSION_COLUMNS} "
    "FROM engines e JOIN sessions s ON s.engine = e.id "
    "LEFT JOIN users u ON u.engine = e.id AND u.user_id = s.user_id "
    "WHERE e.name = ? AND s.session_id = ? AND s.expiry > ?"
)

LIVE_KEY = """(SELECT s.id FROM engines n JOIN sessions s ON s.engine = n.id WHERE n.name = :engine
    AND s.session_id = :id AND s.expiry > :now AND coalesce(:owner, s.user_id) = s.user_id)"""
"""The key of what `live_session` finds, within another statement."""


def live_session(
    db: sqlite3.Connection, name: SessionName, now: int, owner: str | None = None
) -> tuple[int, int, SessionRecord]:
    """The keys of the session and of its engine, and the record; raises SessionNotFound."""
    row = db.execute(_LIVE_SESSION, (name.engine, name.session, now // 1000)).fetchone()
    if row is None:
        raise SessionNotFound(name)
    session, engine, app, *columns = row
    record = session_record(name.engine, app, columns)
    if owner not in (None, record.user_id):
        raise SessionNotFound(name)
    return session, engine, record


def session_record(engine: str, app: str, columns: Sequence[Any]) -> SessionRecord:
    """The record of SESSION_COLUMNS; `app` is the engine's joined members."""
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
        unknown,
        user_state,
    ) = columns
    return SessionRecord(
        SessionName(engine, session_id),
        user_id,
        display_name,
        {} if labels == "{}" else read_json(labels.encode()),
        create_time,
        update_time,
        expiry * 1000 - rest,
        state,
        f"{app},{user_state}" if app and user_state else app or user_state or "",
        unknown,
    )


def event_record(row: Sequence[Any]) -> EventRecord:
    """The record of EVENT_COLUMNS."""
    _, key, id_, author, invocation_id, text = row
    return EventRecord(id_, int(key, 16) + MIN_TIMESTAMP, author, invocation_id, text)


def split_expiry(expire_time: int) -> tuple[int, int]:
    """expire_time as the two columns that hold it."""
    expiry = -(-expire_time // 1000)
    return expiry, expiry * 1000 - expire_time


def merge_state(text: str | None, change: StateChange) -> str:
    """A session's joined members after a change."""
    members = {} if change.replace else split_members(text or "")
    return join_members(merge_members(members, change.session).values())


def merge_shared(db: sqlite3.Connection, engine: int, user_id: str, change: StateChange) -> None:
    """Merges what a change does to app and user state."""
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


def erase(db: sqlite3.Connection, sessions: list[int]) -> None:
    """Removes sessions by key, with their events."""
    keys = [(session,) for session in sessions]
    db.executemany("DELETE FROM events WHERE session = ?", keys)
    db.executemany("DELETE FROM sessions WHERE id = ?", keys)


def purge_some(db: sqlite3.Connection, now: int) -> Purged:
    """Removes a few expired sessions, few enough that writers hardly wait for it."""
    sessions = db.execute(
        "SELECT id FROM sessions WHERE expiry <= ? ORDER BY expiry LIMIT ?",
        (now // 1000, _PURGED_SESSIONS),
    ).fetchall()
    purged = events = 0
    for (session,) in sessions:
        deleted = db.execute(
            "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE session = ? LIMIT ?)",
            (session, _PURGED_EVENTS - events),
        ).rowcount
        events += deleted
        if events == _PURGED_EVENTS:
            return Purged(purged, events, done=False)
        db.execute("DELETE FROM sessions WHERE id = ?", (session,))
        purged += 1
    return Purged(purged, events, done=len(sessions) < _PURGED_SESSIONS)
