"""Creates a session, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.rules.errors import ParentEngineNotFound, SessionAlreadyExists
from functions.rules.names import EngineName
from functions.rules.state import StateChange, join_members
from functions.store.sqlite import engines
from functions.store.sqlite.erasing import Erasure, condemn_session
from functions.store.sqlite.members import merge
from functions.store.sqlite.rows import (
    SessionKeys,
    add_user,
    insert,
    keep_change,
    live_session,
    merge_state,
    session_row,
)

if TYPE_CHECKING:
    from sqlite3 import Connection

    from functions.rules.session import SessionRecord

_NOTHING: tuple[Any, ...] = (None,) * 8
"""Stands for the row of an engine that the file does not have."""


def create_session(
    db: Connection,
    record: SessionRecord,
    state: StateChange,
    now: int,
    *,
    require_engine: bool,
    keeps_change: bool,
) -> SessionRecord:
    """Adds the session and its state; see functions.store.protocol.Store."""
    engine_name, session_id = record.name
    row = db.execute(
        "SELECT e.id, e.create_time, e.scope, u.user_id, u.scope, s.id, s.expiry, f.expiry "
        "FROM engines e LEFT JOIN users u ON u.engine = e.id AND u.user_id = :user "
        "LEFT JOIN sessions s ON s.engine = e.id AND s.session_id = :session "
        "LEFT JOIN sessions f ON f.engine = -e.id AND f.session_id = :session "
        "WHERE e.name = :engine",
        {"user": record.user_id, "session": session_id, "engine": engine_name},
    ).fetchone()
    engine, engine_time, app, user_id, user, old, old_expiry, lease = row or _NOTHING
    if require_engine and engine_time is None:
        raise ParentEngineNotFound
    if engine is None:
        engine = engines.add_engine(db, EngineName.parse(engine_name))
    if max(old_expiry or 0, lease or 0) > now // 1000:
        raise SessionAlreadyExists(str(record.name))
    if old is not None:
        condemn_session(db, old, now)
        Erasure(db, now).session(old)
    scope = None if record.state is None else merge(db, None, state.session)
    session = insert(
        db,
        "sessions",
        {
            "engine": engine,
            "session_id": session_id,
            "user_id": record.user_id,
            "create_time": record.create_time,
            "update_time": record.update_time,
            "scope": scope,
            "forked_from": record.forked_from,
            **session_row(record),
        },
    )
    keys = SessionKeys(session, engine, record.user_id, record.update_time, scope, app, user)
    if user_id is None:
        add_user(db, session)
    if keeps_change:
        keep_change(db, session, state, is_first=True)
    if app is not None or user is not None or state.app or state.user:
        merge_state(db, keys, StateChange(app=state.app, user=state.user))
        return live_session(db, record.name, now)[1]
    # Most users and engines have no state, so the record says all that a read would find.
    if scope is not None:
        record.state = join_members(filter(None, state.session.values()))
    record.version, record.event_count = keys.version, 0
    return record
