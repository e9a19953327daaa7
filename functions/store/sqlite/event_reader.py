"""Reads the new events of a session from a SQLite file that others write to."""

import sqlite3
from collections.abc import Iterator

from functions.rules.errors import SessionNotFound
from functions.rules.names import SessionName
from functions.store.paging import Cursor, checked_cursor
from functions.store.sqlite.change_poller import ChangePoller
from functions.store.sqlite.database import Database
from functions.store.sqlite.packing import packed_rows
from functions.store.sqlite.rows import (
    EVENT_ROW,
    HAS_ORIGINAL,
    ORIGINAL_ROW,
    event_record,
    live_keys,
)
from functions.store.streams import MAX_NEW_EVENTS, NewEvent, Signal, take_batch


class SqliteEventReader:
    """Reads one session's events as they come; see functions.store.streams.EventReader."""

    def __init__(
        self,
        database: Database,
        poller: ChangePoller,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None,
        *,
        original: bool = False,
    ) -> None:
        """Goes on behind `after`, `[session key, seq]`; raises SessionNotFound."""
        self._database = database
        self._poller = poller
        self._name = name
        self._row = ORIGINAL_ROW if original else EVENT_ROW
        self._condition = HAS_ORIGINAL if original else "TRUE"
        session, seq = checked_cursor(after, int, int) or (0, 0)
        with database.snapshot() as db:
            self._session = live_keys(db, name, now, owner).session
            self.expire_time = self._expiry(db, now)
        self._seq = int(seq) if session == self._session else 0
        self.signal = Signal()
        poller.subscribe(self._session, self.signal)

    def read(self, now: int) -> list[NewEvent]:
        self.signal.clear()
        with self._database.snapshot() as db:
            self.expire_time = self._expiry(db, now)
            found = take_batch(self._events(db))
        if found:
            self._seq = int(found[-1].position[1])
        return found

    def close(self) -> None:
        self._poller.unsubscribe(self._session, self.signal)
        self.signal.close()

    def _events(self, db: sqlite3.Connection) -> Iterator[NewEvent]:
        rows = packed_rows(
            db,
            self._row,
            "FROM events e WHERE e.session = :session AND e.seq > :seq "
            f"AND {self._condition} ORDER BY e.seq LIMIT :limit",
            {"session": self._session, "seq": self._seq, "limit": MAX_NEW_EVENTS},
        )
        for columns in rows:
            yield NewEvent([self._session, int(columns[0])], event_record(columns))

    def _expiry(self, db: sqlite3.Connection, now: int) -> int:
        """The session's end, in nanoseconds since the epoch; raises SessionNotFound behind it."""
        found = db.execute(
            "SELECT s.expiry FROM sessions s JOIN engines e ON e.id = s.engine "
            "WHERE s.id = ? AND e.name = ? AND s.expiry > ?",
            (self._session, self._name.engine, now // 1000),
        ).fetchone()
        if found is None:
            raise SessionNotFound(self._name)
        return int(found[0]) * 1000
