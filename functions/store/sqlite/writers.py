"""Group commit: the writers of one process share transactions, and so the waits for the disk.

A writer whose work is done hands the open transaction on to the next writer that waits. The last
one commits for all, and then all of them return. Each but the first works in a savepoint, so that a
writer that fails undoes its own work alone. See docs/decisions/0015-group-commit.md.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from functions.rules.errors import StoreUnavailable

_MOST = 100
"""Writers of one transaction."""

_LONGEST = 0.05
"""Seconds after which a transaction takes no more writers: those of other processes wait for it."""


@dataclass(slots=True)
class _Group:
    """The writers of one transaction that wait for its end, and why it failed if it did."""

    started: float = field(default_factory=time.monotonic)
    waiting: list[threading.Lock] = field(default_factory=list)
    failure: BaseException | None = None

    def is_open(self) -> bool:
        return len(self.waiting) < _MOST - 1 and time.monotonic() < self.started + _LONGEST


class Writers:
    """The one connection that writes, and the queue of threads that wait for it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], timeout: float) -> None:
        """`connect` opens a connection; a thread waits `timeout` seconds for its turn."""
        self._connect = connect
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._is_taken = False
        self._group = _Group()

    @contextmanager
    def write(self, check: Callable[[sqlite3.Connection], None]) -> Iterator[sqlite3.Connection]:
        """A transaction, on disk when the context ends; `check` runs at its beginning.

        Raises StoreUnavailable if the turn does not come in time, or if another writer or the
        commit loses the transaction.
        """
        turn = threading.Lock()
        turn.acquire()
        self._take(turn)
        is_first = True
        try:
            connection = self._opened()
            is_first = not connection.in_transaction
            if is_first:
                self._group = _Group()
                connection.execute("BEGIN IMMEDIATE")
                check(connection)
            else:
                connection.execute("SAVEPOINT writer")
            yield connection
            if not is_first:
                connection.execute("RELEASE writer")
        except BaseException as error:
            self._undo(turn, error, is_first=is_first)
            raise
        self._end(turn)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn without a transaction, for statements that SQLite takes in none.

        Raises StoreUnavailable if the turn does not come in time.
        """
        turn = threading.Lock()
        turn.acquire()
        self._take(turn)
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._commit(self._group)
            yield
        finally:
            self._pass_on()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._queue)

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _take(self, turn: threading.Lock) -> None:
        """Waits for the turn of a thread, whose lock the thread before it releases."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return
            self._queue.append(turn)
        if turn.acquire(timeout=self._timeout):
            return
        with self._mutex:
            if turn in self._queue:
                self._queue.remove(turn)
                raise StoreUnavailable
        # The turn came between the end of the wait and the look at the queue.
        turn.acquire()

    def _end(self, turn: threading.Lock) -> None:
        """Hands the transaction on and waits for its end, or commits it where nobody waits."""
        group = self._group
        with self._mutex:
            following = self._queue.popleft() if self._queue and group.is_open() else None
            if following is not None:
                group.waiting.append(turn)
        if following is not None:
            following.release()
            turn.acquire()
            if group.failure is not None:
                raise StoreUnavailable from group.failure
            return
        try:
            self._commit(group)
        finally:
            self._pass_on()

    def _undo(self, turn: threading.Lock, error: BaseException, *, is_first: bool) -> None:
        """Undoes the work of a writer that failed, and keeps that of the others if there are any.

        Some errors of SQLite, such as a full disk, undo the whole transaction.
        """
        connection = self._connection
        if connection is None or is_first or not connection.in_transaction:
            self._lose(self._group, error)
            self._pass_on()
            return
        connection.execute("ROLLBACK TO writer")
        connection.execute("RELEASE writer")
        # The failure may rest on what the others wrote: it holds once they are on disk.
        self._end(turn)

    def _commit(self, group: _Group) -> None:
        """Commits for all writers of a group, which then return."""
        try:
            self._opened().execute("COMMIT")
        except BaseException as error:
            self._lose(group, error)
            raise
        self._release(group)

    def _lose(self, group: _Group, error: BaseException) -> None:
        group.failure = error
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._release(group)

    def _release(self, group: _Group) -> None:
        for waiting in group.waiting:
            waiting.release()
        group.waiting.clear()

    def _pass_on(self) -> None:
        """Gives the turn to the next thread that waits for it."""
        with self._mutex:
            following = self._queue.popleft() if self._queue else None
            self._is_taken = following is not None
        if following is not None:
            following.release()
