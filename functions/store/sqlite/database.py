"""Connections and transactions of one SQLite file."""

import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from functions.rules.errors import StoreUnavailable
from functions.store.sqlite.schema import STEPS
from functions.store.sqlite.writers import Result, Work, Writers
from functions.store.versions import check_version

_log = logging.getLogger(__name__)

MEMORY = ":memory:"
"""The path of a database in memory, which ends with the object that opened it."""

_CACHED_STATEMENTS = 256
_PAUSE = 0.01

_READS_UNCHECKED = 0.1
"""Seconds between two checks of the schema's version by reads."""


class _Errors:
    """A context that logs errors of SQLite and raises StoreUnavailable instead.

    A class, since every request enters it: a generator would take three times as long.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, sqlite3.DatabaseError):
            _log.error("SQLite failed on %s", self._path, exc_info=error)
            raise StoreUnavailable from error


class Database:
    """A connection for each thread that reads, and one for all that write."""

    def __init__(self, path: str, timeout: int) -> None:
        """Opens or creates the file and brings an older one up to date; MEMORY is no file.

        A writer waits `timeout` nanoseconds for other writers. Raises StoreUnavailable for a file
        that is no database or has a newer schema.
        """
        self._is_in_memory = path == MEMORY
        self._path = path if self._is_in_memory else str(Path(path).absolute())
        self._memory = f"file:/{secrets.token_hex(16)}?vfs=memdb"
        self._errors = _Errors(self._path)
        self._timeout = timeout / 1e9
        self._next_check = 0.0
        self._local = threading.local()
        self._writers = Writers(self._connect_writer, self._timeout, self._check_version)
        self._connections: list[sqlite3.Connection] = []
        if not self._is_in_memory:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self._errors:
            version = _version(self.connection)
        check_version(path, version, len(STEPS))
        # A process that starts must not wait for others that write, unless it has to.
        if version < len(STEPS):
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            # Another process may have done it meanwhile.
            version = _version(connection)
            check_version(self._path, version, len(STEPS))
            for part in chain.from_iterable(STEPS[version:]):
                if callable(part):
                    part(connection)
                    continue
                for statement in _statements(part):
                    connection.execute(statement)
            if version < len(STEPS):
                connection.execute(f"PRAGMA user_version = {len(STEPS)}")

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of the calling thread: the one that writes while the thread writes."""
        if self._writing is not None:
            return self._writing
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect()
            self._connections.append(connection)
        return connection

    @property
    def _writing(self) -> sqlite3.Connection | None:
        """The connection that writes, while the calling thread has its turn."""
        return getattr(self._local, "writing", None)

    @contextmanager
    def statement(self) -> Iterator[sqlite3.Connection]:
        """For one statement that reads: SQLite gives it a consistent view."""
        with self._errors:
            self._check_version_now_and_then(self.connection)
            yield self.connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One consistent view for several statements that read; it does not block writers.

        Within a write, that is what the write sees.
        """
        if self._writing is not None:
            yield self._writing
            return
        with self._transaction("BEGIN") as connection:
            self._check_version_now_and_then(connection)
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on disk when the context ends; within another write, a part of it."""
        if self._writing is not None:
            yield self._writing
            return
        with self._errors, self._writers.write() as connection:
            self._local.writing = connection
            try:
                yield connection
            finally:
                self._local.writing = None

    def run(self, work: Work[Result]) -> Result:
        """Does work in a transaction that is on disk at the return; within a write, in that one.

        Another thread may do the work, so the work must use nothing of its own thread.
        """
        if self._writing is not None:
            return work(self._writing)

        def marked(connection: sqlite3.Connection) -> Result:
            self._local.writing = connection
            try:
                return work(connection)
            finally:
                self._local.writing = None

        with self._errors:
            return self._writers.run(marked)

    def rewrite(self, is_time_up: Callable[[], bool]) -> bool:
        """Rewrites the file and its log without what was deleted; False if readers held the log.

        Writers wait meanwhile. A database in memory has no file.
        """
        if self._is_in_memory:
            return True
        with self._errors, self._writers.alone():
            self.connection.execute("VACUUM")
        while not self.empty_log():
            if is_time_up():
                return False
            self.let_others_write()
        return True

    def empty_log(self) -> bool:
        """Moves the log into the file; False where another connection still reads from it."""
        connection = self.connection
        with self._errors, self._writers.alone():
            # A checkpoint that waits for readers makes writers wait, too.
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(self._timeout * 1000)}")
        return not is_busy

    def let_others_write(self) -> None:
        """Waits a moment; otherwise the next write would take the lock before other writers."""
        time.sleep(_PAUSE)

    def close(self) -> None:
        """Closes every thread's connection."""
        for connection in self._connections:
            connection.close()
        self._writers.close()
        self._connections.clear()
        self._local = threading.local()

    def _check_version(self, connection: sqlite3.Connection) -> None:
        """Raises NewerVersion once a newer server has changed the tables of the open file."""
        check_version(self._path, _version(connection), len(STEPS))

    def _check_version_now_and_then(self, connection: sqlite3.Connection) -> None:
        """For reads: a check before each would be a notable part of their time."""
        now = time.monotonic()
        if now >= self._next_check:
            self._check_version(connection)
            self._next_check = now + _READS_UNCHECKED

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._errors:
            connection = self.connection
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self.connect()
        # SQLite keeps pages that a savepoint changes: otherwise in a new file for most groups of
        # writers. VACUUM, which would need much memory, runs on another connection.
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def connect(self) -> sqlite3.Connection:
        """A new connection, for the caller to close."""
        if not self._is_in_memory and not _may_be_written(self._path):
            # SQLite would open the file read-only and make read-only files beside it. Those, and
            # the connection, would stay read-only once the file may be written.
            raise sqlite3.OperationalError("the file may not be written")
        connection = sqlite3.connect(
            self._memory if self._is_in_memory else self._path,
            uri=self._is_in_memory,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        # For a database in memory, SQLite ignores this and keeps its own journal.
        _use_write_ahead_log(connection, self._timeout)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA busy_timeout = {int(self._timeout * 1000)}")
        return connection


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _may_be_written(path: str) -> bool:
    as_ourselves = os.access in os.supports_effective_ids
    return not os.path.exists(path) or os.access(path, os.W_OK, effective_ids=as_ourselves)


def _use_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> None:
    """Tries for `timeout` seconds: SQLite does not wait where two connections switch at once."""
    end = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _statements(script: str) -> Iterator[str]:
    """Splits a script, since `executescript` would commit the transaction that it runs in."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
