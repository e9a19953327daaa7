"""Removes what was deleted or has expired, a few rows in each transaction, so that others write.

Deleting hides a session or an engine at once, in one small write. Its rows go in the
transactions that follow, at once or by the next purge, whatever ends the server in between.
"""

import sqlite3

from functions.store.protocol import Purged
from functions.store.sqlite.rows import touch

ROWS = 2_000
BYTES = 8 * 2**20
"""Rows that one transaction removes at most, and bytes of them, by at most one row more."""

_SESSIONS = 100

_NEXT = "(SELECT min(seq) FROM events WHERE session = :parent AND seq > some.key)"
_SIZE = "(SELECT length(text) FROM events WHERE seq = {})"
_SOME_EVENTS = f"""WITH RECURSIVE some (key, size, rows, bytes) AS (
    SELECT seq, {_SIZE.format("seq")}, 1, 0
    FROM (SELECT min(seq) AS seq FROM events WHERE session = :parent)
    UNION ALL
    SELECT {_NEXT}, {_SIZE.format(_NEXT)}, rows + 1, bytes + size
    FROM some WHERE key IS NOT NULL AND rows < :rows AND bytes + size < :bytes
) SELECT key, size FROM some WHERE key IS NOT NULL"""
"""Goes from event to event, since the size of a text costs reading it."""

_SOME_MEMBERS = "SELECT key, size FROM members WHERE scope = :parent LIMIT :rows"
"""Those of one scope have no more than MAX_STATE_BYTES together."""


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
        """Removes a session with its events and its state; whether it is gone by now."""
        self._events += self._rows("events", "seq", session, _SOME_EVENTS)
        scope = self._db.execute("SELECT scope FROM sessions WHERE id = ?", (session,)).fetchone()
        if self.is_full or (scope is not None and not self._members(scope[0])):
            return False
        self._sessions += self._delete("sessions", session)
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
        self._delete("engines", engine)
        return True

    def _members(self, scope: int | None) -> bool:
        """Empties a scope, which goes with the row that it is of; whether it is empty by now."""
        self._rows("members", "scope = :parent AND key", scope, _SOME_MEMBERS)
        return not self.is_full

    def _rows(self, table: str, key: str, parent: int | None, some: str) -> int:
        """Removes what `some`, SQL for keys and sizes, chooses of a parent; how many rows."""
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


def purge_some(db: sqlite3.Connection, now: int) -> Purged:
    """Removes some of what has expired and of what was deleted."""
    erasure = Erasure(db, now)
    expired = db.execute(
        "SELECT id FROM sessions WHERE expiry <= ? ORDER BY expiry LIMIT ?",
        (now // 1000, _SESSIONS),
    ).fetchall()
    condemned = db.execute("SELECT id FROM engines WHERE location = ''").fetchall()
    are_gone = all(erasure.session(session) for (session,) in expired)
    is_last = len(expired) < _SESSIONS and are_gone
    done = is_last and all(erasure.engine(engine) for (engine,) in condemned)
    return erasure.purged(done=done)
