"""Users as rows, and their erasure.

An erasure takes everything of a user away from its engine and puts it below an engine of the
erasure's own. This engine is hidden like a deleted one, so that no method finds what is below it,
and the removal of deleted engines removes it. The first transaction moves the user's state and
notes which session was the last one; then all sessions up to that one follow, some in each
transaction. Only `erasures` and what is moved hold the userId.

    engines     name "/{engine}/users/{hash}", location ""
    erasures    its id, the user's engine and userId, and last, the key of the last session

The row of `erasures` goes with the last session that is moved. The row of `engines` goes when the
file has been rewritten: SQLite keeps copies of rows in pages that it has rearranged, also with
`PRAGMA secure_delete`, and only VACUUM drops them.
"""

import hashlib
import sqlite3
from collections.abc import Sequence

from functions.calls.filters import PageQuery
from functions.rules.names import EngineName, UserName
from functions.rules.user import UserRecord
from functions.store.paging import Page, fill_page
from functions.store.protocol import Purged
from functions.store.users import user_behind, user_cursor

_SESSIONS = "FROM sessions WHERE engine IN ({engine}, -{engine}) AND user_id = :user"
"""The sessions of a user; one that a fork still fills has its engine's negated key."""

_HOLDS = (
    f"(EXISTS (SELECT 1 {_SESSIONS.format(engine='e.id')}) "
    "OR EXISTS (SELECT 1 FROM users WHERE engine = e.id AND user_id = :user))"
)


def list_users(
    db: sqlite3.Connection, engine: EngineName, query: PageQuery, owner: str | None
) -> Page[UserRecord]:
    """One page of an engine's users by userId; with `owner`, that user alone."""
    rows = db.execute(
        "SELECT u.user_id, u.create_time FROM engines e JOIN users u ON u.engine = e.id "
        "WHERE e.name = :engine AND u.user_id > :behind AND u.user_id = coalesce(:owner, u.user_id)"
        " ORDER BY u.user_id",
        {"engine": str(engine), "behind": user_behind(query), "owner": owner},
    )
    records = (UserRecord(UserName(engine, user_id), created) for user_id, created in rows)
    return fill_page(
        ((user_cursor(record), record) for record in records), query, None, UserRecord.size
    )


def begin_erasures(db: sqlite3.Connection, user: UserName) -> list[int]:
    """The keys of the erasures of a user, in one engine or in all of a location.

    Begins one in each engine that holds anything of the user, unless one is under way there.
    """
    for engine, name in _engines_of(db, user):
        added = db.execute(
            "INSERT OR IGNORE INTO engines (name, location) VALUES (?, '')",
            (_erasure_name(UserName(EngineName.parse(name), user.user_id)),),
        )
        if not added.rowcount:
            continue
        row = {"id": added.lastrowid, "engine": engine, "user": user.user_id}
        db.execute(
            "INSERT INTO erasures (id, engine, user_id, last) "
            "SELECT :id, :engine, :user, coalesce(max(id), 0) FROM sessions",
            row,
        )
        db.execute("UPDATE users SET engine = :id WHERE engine = :engine AND user_id = :user", row)
    return _under_way(db, user)


def hide_some(db: sqlite3.Connection, erasure: int, most: int) -> bool:
    """Takes up to `most` sessions of an erasure from their engine; returns whether none is left."""
    moved = db.execute(
        "UPDATE sessions SET engine = CASE WHEN engine < 0 THEN -:id ELSE :id END WHERE id IN ("
        "SELECT s.id FROM erasures e CROSS JOIN sessions s ON s.engine IN (e.engine, -e.engine) "
        "AND s.user_id = e.user_id AND s.id <= e.last WHERE e.id = :id LIMIT :most)",
        {"id": erasure, "most": most},
    ).rowcount
    is_last = moved < most
    if is_last:
        db.execute("DELETE FROM erasures WHERE id = ?", (erasure,))
    return is_last


def emptied_erasures(db: sqlite3.Connection) -> list[int]:
    """The keys of erasures below which nothing is left."""
    rows = db.execute(
        "SELECT id FROM engines e WHERE name GLOB '/*' "
        "AND NOT EXISTS (SELECT 1 FROM erasures WHERE id = e.id) "
        "AND NOT EXISTS (SELECT 1 FROM sessions WHERE engine IN (e.id, -e.id)) "
        "AND NOT EXISTS (SELECT 1 FROM users WHERE engine = e.id)"
    )
    return [key for (key,) in rows]


def end_erasures(db: sqlite3.Connection, erasures: Sequence[int]) -> None:
    """Ends erasures below which nothing was left when the file was rewritten.

    SQLite overwrites their rows, which hold the users' hashes.
    """
    (before,) = db.execute("PRAGMA secure_delete").fetchone()
    db.execute("PRAGMA secure_delete = ON")
    try:
        db.executemany("DELETE FROM engines WHERE id = ?", ((key,) for key in erasures))
    finally:
        # The connection makes all writes of the process, and overwriting would slow each of them.
        db.execute(f"PRAGMA secure_delete = {('OFF', 'ON', 'FAST')[before]}")


def count_user(db: sqlite3.Connection, user: UserName) -> Purged:
    """Counts the sessions and events that the erasure of a user would remove."""
    keys = [*(key for key, _ in _engines_of(db, user)), *_under_way(db, user)]
    counts = [
        db.execute(
            "SELECT count(*), coalesce(sum(event_count), 0) " + _SESSIONS.format(engine=":engine"),
            {"engine": key, "user": user.user_id},
        ).fetchone()
        for key in keys
    ]
    sessions, events = (sum(column) for column in zip((0, 0), *counts, strict=True))
    return Purged(sessions, events, done=True)


def _engines_of(db: sqlite3.Connection, user: UserName) -> list[tuple[int, str]]:
    """The keys and names of the engines that hold anything of a user."""
    scope, name = "name", str(user.engine)
    if user.engine.is_wildcard:
        scope, name = "location", user.engine.location
    return db.execute(
        f"SELECT e.id, e.name FROM engines e WHERE e.{scope} = :name AND {_HOLDS}",
        {"name": name, "user": user.user_id},
    ).fetchall()


def _under_way(db: sqlite3.Connection, user: UserName) -> list[int]:
    """The keys of the erasures of a user that are under way."""
    name = _erasure_name(user)
    if user.engine.is_wildcard:
        # Neither a location nor a hash has a character that GLOB does not take literally.
        parent, _, hashed = name.rpartition("/-/users/")
        name = f"{parent}/*/users/{hashed}"
    rows = db.execute("SELECT id FROM engines WHERE name GLOB ? ORDER BY id", (name,))
    return [key for (key,) in rows]


def _erasure_name(user: UserName) -> str:
    """A name that no engine has, and that is not below one."""
    hashed = hashlib.sha256(user.user_id.encode()).hexdigest()[:40]
    return f"/{user.engine}/users/{hashed}"
