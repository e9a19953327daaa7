"""Removes what was deleted or has expired, a few rows in each transaction, so that others write.

Deleting hides a session or an engine at once, in one small write. Its rows go in the
transactions that follow, at once or by the next purge, whatever ends the server in between.
"""

import sqlite3

from functions.store.protocol import Part, Purged
from functions.store.sqlite.rows import touch

ROWS = 2_000
"""Rows that one transaction removes at most."""

_SESSIONS = 100


def condemn_session(db: sqlite3.Connection, session: int, now: int) -> None:
    """Ends a session at once, frees its id and wakes its watches, which find it gone."""
    (session_id,) = db.execute(
        "SELECT session_id FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    changed = {"expiry": 0, "expire_rest": 0, "session_id": f"{session_id}/{session}"}
    touch(db, session, now, changed)


class Erasure:
    """What one transaction removes; `is_full` once it must end for others to write."""

    def __init__(self, db: sqlite3.Connection, now: int) -> None:
        """`now` is nanoseconds since the epoch, in whole microseconds."""
        self._db, self._now = db, now
        self._left = ROWS
        self._sessions = self._events = 0

    @property
    def is_full(self) -> bool:
        """Whether as many rows were removed as one transaction may."""
        return self._left <= 0

    def purged(self, *, done: bool) -> Purged:
        """How many sessions and events this transaction removed."""
        return Purged(self._sessions, self._events, done=done)

    def session(self, session: int) -> bool:
        """Removes a session with its events and its state; whether it is gone by now."""
        rest = "seq IN (SELECT seq FROM events WHERE session = :key LIMIT :left)"
        self._events += self._delete("events", rest, session)
        scope = self._db.execute("SELECT scope FROM sessions WHERE id = ?", (session,)).fetchone()
        if self.is_full or (scope is not None and not self._members(scope[0])):
            return False
        self._sessions += self._delete("sessions", "id = :key", session)
        return True

    def engine(self, engine: int) -> bool:
        """Removes a condemned engine with its sessions and all state; whether it is gone by now."""
        found = self._db.execute(
            "SELECT scope FROM engines WHERE id = ? AND location = ''", (engine,)
        ).fetchone()
        # Once it is gone, by somebody else's purge, its key may be a new engine's.
        if found is None:
            return True
        for (session,) in self._db.execute(
            "SELECT id FROM sessions WHERE engine = ? LIMIT ?", (engine, _SESSIONS)
        ).fetchall():
            # A move wakes the session's watches, which find its engine gone.
            touch(self._db, session, self._now)
            if not self.session(session):
                return False
        if self._db.execute("SELECT 1 FROM sessions WHERE engine = ?", (engine,)).fetchone():
            return False
        users = self._db.execute(
            "SELECT user_id, scope FROM users WHERE engine = ? LIMIT ?", (engine, self._left)
        ).fetchall()
        for user_id, scope in users:
            if not self._members(scope):
                return False
            self._left -= 1
            self._db.execute(
                "DELETE FROM users WHERE engine = ? AND user_id = ?", (engine, user_id)
            )
        if self.is_full or not self._members(found[0]):
            return False
        self._delete("engines", "id = :key", engine)
        return True

    def _members(self, scope: int | None) -> bool:
        """Empties a scope, which goes with the row that it is of; whether it is empty by now."""
        rest = "scope = :key AND key IN (SELECT key FROM members WHERE scope = :key LIMIT :left)"
        self._delete("members", rest, scope)
        return not self.is_full

    def _delete(self, table: str, condition: str, key: int | None) -> int:
        deleted = self._db.execute(
            f"DELETE FROM {table} WHERE {condition}", {"key": key, "left": self._left}
        ).rowcount
        self._left -= deleted
        return deleted


def purge_some(db: sqlite3.Connection, now: int, part: Part) -> Purged:
    """Removes some of what has expired and of what was deleted, of a part of all keys."""
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
