"""App and user state by themselves, as rows of their scopes."""

import sqlite3
from typing import Any

from functions.rules.errors import ParentEngineNotFound
from functions.rules.names import UserName
from functions.rules.session import later
from functions.rules.shared_state import SharedState, SharedStateChange, StateOwner, engine_of
from functions.store.sqlite.engines import add_engine
from functions.store.sqlite.members import merge

_APP = "SELECT scope, state_time FROM engines WHERE name = :engine"
_USER = (
    "SELECT u.scope, u.state_time FROM engines e JOIN users u ON u.engine = e.id "
    "WHERE e.name = :engine AND u.user_id = :user"
)


def get_shared_state(db: sqlite3.Connection, owner: StateOwner) -> SharedState:
    """Reads app or user state, which may be empty."""
    scope, state_time = _scope(db, owner)
    members = db.execute("SELECT key || ':' || value FROM members WHERE scope = ?", (scope,))
    return SharedState(owner, [member for (member,) in members], state_time)


def update_shared_state(
    db: sqlite3.Connection,
    owner: StateOwner,
    change: SharedStateChange,
    now: int,
    *,
    require_engine: bool,
) -> SharedState:
    """Changes app or user state; raises TooLarge, and ParentEngineNotFound."""
    name = engine_of(owner)
    is_there = "SELECT 1 FROM engines WHERE name = ? AND create_time IS NOT NULL"
    if require_engine and db.execute(is_there, (str(name),)).fetchone() is None:
        raise ParentEngineNotFound
    if not change.is_empty:
        scope, state_time = _scope(db, owner)
        row = {
            "engine": add_engine(db, name),
            "user": owner.user_id if isinstance(owner, UserName) else None,
            "scope": merge(db, scope, change.members, replace=change.replace),
            "time": change.update_time or later(state_time or 0, now),
            "now": now,
        }
        if isinstance(owner, UserName):
            db.execute(
                "INSERT INTO users (engine, user_id, create_time, scope, state_time) "
                "VALUES (:engine, :user, :now, :scope, :time) ON CONFLICT DO UPDATE "
                "SET scope = excluded.scope, state_time = excluded.state_time",
                row,
            )
        else:
            db.execute(
                "UPDATE engines SET scope = :scope, state_time = :time WHERE id = :engine", row
            )
    return get_shared_state(db, owner)


def _scope(db: sqlite3.Connection, owner: StateOwner) -> tuple[int | None, int | None]:
    """The key of the state's scope and the time of its last change; None for what is missing."""
    named: dict[str, Any] = {"engine": str(engine_of(owner))}
    statement = _APP
    if isinstance(owner, UserName):
        statement, named["user"] = _USER, owner.user_id
    found: tuple[int | None, int | None] | None = db.execute(statement, named).fetchone()
    return found or (None, None)
