"""Notices when any thread or process writes to a session in a SQLite file.

SQLite calls nobody when a file changes, but `PRAGMA data_version` tells for the price of a read of
shared memory. One thread a process asks it, then asks the log of moves which sessions changed, and
sets the signals of the readers of those sessions alone.
"""

import contextlib
import logging
import sqlite3
import threading
from collections import defaultdict

from functions.store.sqlite.database import Database
from functions.store.streams import Signal

_log = logging.getLogger(__name__)

_INTERVAL = 0.005
"""Seconds between two polls."""

_PAUSE = 1
"""Seconds between an error of SQLite and the next poll."""


class ChangePoller:
    """Sets the signals of those who read a session of one file when it was written to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._signals: defaultdict[int, set[Signal]] = defaultdict(set)
        self._is_closed = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(self, session: int, signal: Signal) -> None:
        """From now on, the poller sets `signal` after every commit that changes the session."""
        with self._lock:
            self._signals[session].add(signal)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="change poller", daemon=True)
                self._thread.start()

    def unsubscribe(self, session: int, signal: Signal) -> None:
        """Ends what `subscribe` began; the thread ends with the last signal."""
        with self._lock:
            self._signals[session].discard(signal)
            if not self._signals[session]:
                del self._signals[session]

    def close(self) -> None:
        """Stops the thread, before the database closes its connections."""
        self._is_closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                with contextlib.closing(self._database.connect()) as db:
                    self._poll(db)
                return
            except sqlite3.Error as error:
                _log.error("SQLite reports no changes; streams read at heartbeats: %s", error)
                self._is_closed.wait(_PAUSE)

    def _poll(self, db: sqlite3.Connection) -> None:
        """Polls until there are no more signals, or the poller is closed."""
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM moves").fetchone()
        version = None
        while not self._is_closed.wait(_INTERVAL):
            with self._lock:
                if not self._signals:
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
                # Readers may have read before the first poll; it cannot see what changed since.
                is_first = version is None
                sessions = list(self._signals) if is_first else [session for _, session in moved]
                signals = [each for session in sessions for each in self._signals.get(session, ())]
            for signal in signals:
                signal.set()
            version = current
