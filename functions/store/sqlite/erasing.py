"""Removes deleted and expired sessions in small transactions, so that other writers get between.

A delete hides a session or an engine in one small write. The transactions that follow remove its
rows. If the server stops before the last of them, the next purge removes the rest.
"""

import sqlite3

from functions.store.protocol import Backlog, Part, Purged
from functions.store.sqlite.rows import touch
from functions.store.sqlite.users import hide_some

ROWS = 2_000
BYTES = 8 * 2**20
"""The rows and bytes of one transaction; it ends with the row that reaches either."""

_SESSIONS = 100


def _some_of_session(table: str, key: str, size: str) -> str:
    """Selects row by row: SQLite reads a text to know its size."""
    following = f"(SELECT min({key}) FROM {table} WHERE session = :parent AND {key} > some.key)"
    size_of = f"(SELECT {size} FROM {table} WHERE {key} = {{}})"
    size_of_following = size_of.format(following)
    return f"""WITH RECURSIVE some (key, size, rows, bytes) AS (
    SELECT first, {size_of.format("first")}, 1, 0
    FROM (SELECT min({key}) AS first FROM {table} WHERE session = :parent)
    UNION ALL
    SELECT {following}, {size_of_following}, rows + 1, bytes + size
    FROM some WHERE key IS NOT NULL AND rows < :rows AND bytes + size < :bytes
) SELECT key, size FROM some WHERE key IS NOT NULL"""


_SOME_EVENTS = _some_of_session("events", "seq", "length(text) + coalesce(length(original), 0)")
_SOME_CHANGES = _some_of_session("changes", "id", "length(members)")

_SOME_MEMBERS = "SELECT key, size FROM members WHERE scope = :parent LIMIT :rows"
"""Members of one scope have MAX_STATE_BYTES together at most."""


def condemn_session(db: sqlite3.Connection, session: int, now: int) -> None:
    """Hides a session, frees its id and wakes its watches, which then end."""
    (session_id,) = db.execute(
        "SELECT session_id FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    changed = {"expiry": 0, "expire_rest": 0, "session_id": f"{session_id}/{session}"}
    touch(db, session, now, changed)


class Erasure:
    """The removals of one transaction, which ends once `is_full`."""

    def __init__(self, db: sqlite3.Connection, now: int) -> None:
        """`now` is nanoseconds since the epoch, in whole microseconds."""
        self._db, self._now = db, now
        self._left, self._bytes_left = ROWS, BYTES
        self._sessions = self._events = 0

    @property
    def is_full(self) -> bool:
        """Whether a transaction may remove no more."""
        return self._left <= 0 or self._bytes_left <= 0

    def purged(self, *, done: bool) -> Purged:
        """How many sessions and events this transaction removed."""
        return Purged(self._sessions, self._events, done=done)

    def session(self, session: int) -> bool:
        """Removes a session with its events and its state; False if rows are left."""
        self._events += self._rows("events", "seq", session, _SOME_EVENTS)
        if not self.is_full:
            self._rows("events", "seq", -session, _SOME_EVENTS)
        if not self.is_full:
            self._rows("changes", "id", session, _SOME_CHANGES)
        scope = self._db.execute("SELECT scope FROM sessions WHERE id = ?", (session,)).fetchone()
        if self.is_full or (scope is not None and not self._members(scope[0])):
            return False
        self._sessions += self._delete("sessions", session)
        return True

    def engine(self, engine: int) -> bool:
        """Removes a condemned engine with its sessions and all state; False if rows are left.

        The engine of a user's erasure first takes in the user's sessions, and its own row stays.
        """
        found = self._db.execute(
            "SELECT scope, name GLOB '/*' FROM engines WHERE id = ? AND location = ''", (engine,)
        ).fetchone()
        # After the purge of another server has removed it, its key may belong to a new engine.
        if found is None:
            return True
        scope, is_of_user = found
        if is_of_user and not hide_some(self._db, engine, self._left):
            return False
        for (session,) in self._db.execute(
            "SELECT id FROM sessions WHERE engine IN (?, ?) LIMIT ?", (engine, -engine, _SESSIONS)
        ).fetchall():
            # A move wakes the session's watches, which end since the engine is gone.
            touch(self._db, session, self._now)
            if not self.session(session):
                return False
        left = "SELECT 1 FROM sessions WHERE engine IN (?, ?)"
        if self._db.execute(left, (engine, -engine)).fetchone():
            return False
        users = self._db.execute(
            "SELECT user_id, scope FROM users WHERE engine = ? LIMIT ?", (engine, self._left)
        ).fetchall()
        for user_id, own in users:
            if not self._members(own):
                return False
            self._left -= 1
            self._db.execute(
                "DELETE FROM users WHERE engine = ? AND user_id = ?", (engine, user_id)
            )
        if self.is_full or not self._members(scope):
            return False
        if not is_of_user:
            self._delete("engines", engine)
        return True

    def _members(self, scope: int | None) -> bool:
        """Removes a scope's members; False if some are left. A trigger removes the scope itself."""
        self._rows("members", "scope = :parent AND key", scope, _SOME_MEMBERS)
        return not self.is_full

    def _rows(self, table: str, key: str, parent: int | None, some: str) -> int:
        """Removes the rows of a parent that `some` selects, and returns how many they were.

        `some` is SQL for their keys and sizes.
        """
        left = {"parent": parent, "rows": self._left, "bytes": self._bytes_left}
        keys, count, size = self._db.execute(
            f"SELECT json_group_array(key), count(*), coalesce(sum(size), 0) FROM ({some})", left
        ).fetchone()
        self._db.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(:keys))",
            {"parent": parent, "keys": keys},
        )
        self._left -= count
        self._bytes_left -= size
        return int(count)

    def _delete(self, table: str, key: int) -> int:
        deleted = self._db.execute(f"DELETE FROM {table} WHERE id = ?", (key,)).rowcount
        self._left -= deleted
        return deleted


def purge_some(db: sqlite3.Connection, now: int, part: Part) -> Purged:
    """Removes some expired and deleted sessions and some deleted engines, of a part of all keys."""
    erasure = Erasure(db, now)
    expired = db.execute(
        "SELECT id FROM sessions WHERE expiry <= ? AND id % ? = ? ORDER BY expiry LIMIT ?",
        (now // 1000, part.of, part.number, _SESSIONS),
    ).fetchall()
    condemned = db.execute(
        "SELECT id FROM engines WHERE location = '' AND id % ? = ?", (part.of, part.number)
    ).fetchall()
    are_gone = all(erasure.session(session) for (session,) in expired)
    is_last = len(expired) < _SESSIONS and are_gone
    done = is_last and all(erasure.engine(engine) for (engine,) in condemned)
    return erasure.purged(done=done)


def count_expired(db: sqlite3.Connection, now: int, most: int) -> Backlog:
    """Up to `most` sessions that have expired; those that were deleted do not count."""
    count, oldest = db.execute(
        "SELECT count(*), min(expiry) FROM (SELECT s.expiry FROM sessions s "
        "JOIN engines e ON e.id = s.engine WHERE s.expiry > 0 AND s.expiry <= ? "
        "AND e.location != '' ORDER BY s.expiry LIMIT ?)",
        (now // 1000, most + 1),
    ).fetchone()
    return Backlog(min(count, most), None if oldest is None else oldest * 1000, count > most)
