"""Follows sessions in a SQLite file that other threads and processes write to.

SQLite calls nobody when a file changes, but `PRAGMA data_version` tells it for the price of a
look at shared memory. One thread a process looks, and asks the log of moves which sessions were
written to; only their watches read.
"""

import contextlib
import logging
import sqlite3
import threading
from collections import defaultdict

from functions.rules.errors import SessionNotFound, StoreUnavailable
from functions.rules.names import SessionName
from functions.store.paging import Cursor, checked_cursor
from functions.store.sqlite.database import Database
from functions.store.sqlite.packing import packed_rows
from functions.store.sqlite.rows import EVENT_ROW, event_record, live_keys
from functions.store.watching import MAX_ARRIVAL_BYTES, MAX_ARRIVALS, Arrival, Wake

_log = logging.getLogger(__name__)

_INTERVAL = 0.005
"""Seconds between two looks."""


class Changes:
    """Wakes those who watch a session of one file when it was written to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._watched: defaultdict[int, set[Wake]] = defaultdict(set)
        self._is_closed = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(self, session: int, wake: Wake) -> None:
        """From now on, `wake` is set after every commit that changes the session."""
        with self._lock:
            self._watched[session].add(wake)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="changes", daemon=True)
                self._thread.start()

    def unsubscribe(self, session: int, wake: Wake) -> None:
        """Ends what `subscribe` began; the thread ends with the last of them."""
        with self._lock:
            self._watched[session].discard(wake)
            if not self._watched[session]:
                del self._watched[session]

    def close(self) -> None:
        """Stops looking, before the database closes its connections."""
        self._is_closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _look(self) -> None:
        try:
            with contextlib.closing(self._database.connect()) as db:
                self._look_on(db)
        except (sqlite3.Error, StoreUnavailable):
            _log.exception("Watches go on by their heartbeats only")
            with self._lock:
                self._thread = None

    def _look_on(self, db: sqlite3.Connection) -> None:
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM moves").fetchone()
        version = None
        while not self._is_closed.wait(_INTERVAL):
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
            (current,) = db.execute("PRAGMA data_version").fetchone()
            if current == version:
                continue
            moved = db.execute(
                "SELECT max(seq), session FROM moves WHERE seq > ? GROUP BY session", (last,)
            ).fetchall()
            last = max((seq for seq, _ in moved), default=last)
            with self._lock:
                # Before the first look, others may have read what this thread never saw change.
                is_first = version is None
                sessions = list(self._watched) if is_first else [session for _, session in moved]
                wakes = [wake for session in sessions for wake in self._watched.get(session, ())]
            for wake in wakes:
                wake.set()
            version = current


class SqliteWatch:
    """One follower of one session; see functions.store.watching.Watch."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None,
    ) -> None:
        """Goes on behind `after`, `[session key, seq]`; raises SessionNotFound."""
        self._database = database
        self._changes = changes
        self._name = name
        session, seq = checked_cursor(after, int, int) or (0, 0)
        with database.snapshot() as db:
            self._session = live_keys(db, name, now, owner).session
            self.expire_time = self._expiry(db, now)
        self._seq = int(seq) if session == self._session else 0
        self.wake = Wake()
        changes.subscribe(self._session, self.wake)

    def read(self, now: int) -> list[Arrival]:
        self.wake.clear()
        arrivals: list[Arrival] = []
        size = 0
        with self._database.snapshot() as db:
            self.expire_time = self._expiry(db, now)
            rows = packed_rows(
                db,
                EVENT_ROW,
                "FROM events e WHERE e.session = :session AND e.seq > :seq ORDER BY e.seq "
                "LIMIT :limit",
                {"session": self._session, "seq": self._seq, "limit": MAX_ARRIVALS},
            )
            for columns in rows:
                self._seq, event = int(columns[0]), event_record(columns)
                arrivals.append(([self._session, self._seq], event))
                size += event.size()
                if size > MAX_ARRIVAL_BYTES:
                    break
        return arrivals

    def close(self) -> None:
        self._changes.unsubscribe(self._session, self.wake)
        self.wake.close()

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
