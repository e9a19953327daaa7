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
from functions.store.paging import Cursor, own_cursor
from functions.store.sqlite.database import Database
from functions.store.sqlite.rows import EVENT_COLUMNS, event_record, live_session
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
        session, seq = own_cursor(after, int, int) or (0, 0)
        with database.read() as db:
            self._session, _, record = live_session(db, name, now, owner)
        self.expire_time = record.expire_time
        self._seq = int(seq) if session == self._session else 0
        self.wake = Wake()
        changes.subscribe(self._session, self.wake)

    def read(self, now: int) -> list[Arrival]:
        self.wake.clear()
        arrivals: list[Arrival] = []
        size = 0
        with self._database.read() as db:
            found = db.execute(
                "SELECT expiry FROM sessions WHERE id = ?", (self._session,)
            ).fetchone()
            if found is None or found[0] <= now // 1000:
                raise SessionNotFound(self._name)
            rows = db.execute(
                f"SELECT {EVENT_COLUMNS} FROM events "
                "WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?",
                (self._session, self._seq, MAX_ARRIVALS),
            )
            for row in rows:
                self._seq, event = row[0], event_record(row)
                arrivals.append(([self._session, self._seq], event))
                size += event.size()
                if size > MAX_ARRIVAL_BYTES:
                    break
        self.expire_time = found[0] * 1000
        return arrivals

    def close(self) -> None:
        self._changes.unsubscribe(self._session, self.wake)
        self.wake.close()
