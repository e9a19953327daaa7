"""Group commit: the writers of one process share transactions, and so the waits for the disk.

One thread at a time has the turn. It does its own work, then the work of the threads that wait,
and commits for all; then all of them return. Each work except the first has a savepoint, so a
failure undoes one work alone. See docs/decisions/0015-group-commit.md.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from functions.rules.errors import StoreUnavailable

_MOST = 100
"""Writers of one transaction."""

_LONGEST = 0.05
"""Seconds after which a transaction takes no more writers: other processes wait for its end."""

Result = TypeVar("Result")

Work = Callable[[sqlite3.Connection], Result]
"""One write within a transaction; any thread may do it."""


class _Writer:
    """A thread that wants to write, and its work if another thread may do that.

    The thread waits until another one releases `woken`. If `group` is set then, the transaction
    with its work has ended; otherwise the thread has the turn.
    """

    __slots__ = ("error", "group", "result", "woken", "work")

    def __init__(self, work: Work[Any] | None = None) -> None:
        self.work = work
        self.woken = threading.Lock()
        self.woken.acquire()
        self.group: _Group | None = None
        self.result: Any = None
        self.error: BaseException | None = None

    def outcome(self) -> Any:
        """The result of the work once its transaction has ended; raises its error.

        Raises StoreUnavailable if another writer or the commit lost the transaction.
        """
        failure = self.group.failure if self.group is not None else None
        if failure is not None and failure is not self.error:
            raise StoreUnavailable from failure
        if self.error is not None:
            raise self.error
        return self.result


class _Group:
    """The writers of one transaction that wait for its end, and the error that lost it, if any.

    From the time `end` on, the monotonic clock's, no more writers join.
    """

    __slots__ = ("end", "failure", "waiting")

    def __init__(self, end: float) -> None:
        self.end = end
        self.waiting: list[_Writer] = []
        self.failure: BaseException | None = None

    def is_open(self) -> bool:
        return len(self.waiting) < _MOST - 1 and time.monotonic() < self.end

    def keep(self, writer: _Writer) -> None:
        writer.group = self
        self.waiting.append(writer)


class Writers:
    """The one connection that writes, and the queue of threads that wait for it."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        timeout: float,
        check: Callable[[sqlite3.Connection], None],
        longest: float = _LONGEST,
    ) -> None:
        """`connect` opens a connection; a thread waits `timeout` seconds for its turn.

        `check` runs at the beginning of each transaction, which takes writers for `longest`
        seconds.
        """
        self._longest = longest
        self._connect = connect
        self._timeout = timeout
        self._check = check
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.Lock()
        self._queue: deque[_Writer] = deque()
        self._is_taken = False
        self._group = _Group(0)

    def run(self, work: Work[Result]) -> Result:
        """Does work in a transaction that is on disk when this returns.

        Raises the errors of the work, and StoreUnavailable as `write` does.
        """
        writer = _Writer(work)
        if not self._take(writer):
            result: Result = writer.outcome()
            return result
        with self._turn(writer) as connection:
            return work(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction of this thread, on disk when the context ends.

        Raises StoreUnavailable if the turn does not come in time, or if another writer or the
        commit loses the transaction.
        """
        writer = _Writer()
        self._take(writer)
        with self._turn(writer) as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn without a transaction, for statements that SQLite takes in none.

        Raises StoreUnavailable if the turn does not come in time.
        """
        self._take(_Writer())
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

    def _take(self, writer: _Writer) -> bool:
        """Waits for the turn; returns False if another thread has done the work meanwhile."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            self._queue.append(writer)
        if not writer.woken.acquire(timeout=self._timeout):
            with self._mutex:
                if writer in self._queue:
                    self._queue.remove(writer)
                    raise StoreUnavailable
            # Another thread took the writer from the queue just after the wait ended.
            writer.woken.acquire()
        return writer.group is None

    @contextmanager
    def _turn(self, writer: _Writer) -> Iterator[sqlite3.Connection]:
        """The turn of a thread: begins a transaction, or a savepoint in the open one."""
        is_first = True
        try:
            connection = self._opened()
            is_first = not connection.in_transaction
            if is_first:
                self._group = _Group(time.monotonic() + self._longest)
                connection.execute("BEGIN IMMEDIATE")
                self._check(connection)
            else:
                connection.execute("SAVEPOINT writer")
            yield connection
            if not is_first:
                connection.execute("RELEASE writer")
        except BaseException as error:
            if is_first or not self._undo():
                self._lose(self._group, error)
                self._pass_on()
            else:
                # What the others wrote may be the cause, so their commit comes before the error.
                self._end(writer)
            raise
        self._end(writer)

    def _end(self, writer: _Writer) -> None:
        """Does the work of the threads that wait, then commits for all.

        If the next thread does its work itself, that thread gets the turn, and this one waits until
        the transaction has ended.
        """
        group = self._group
        while True:
            with self._mutex:
                following = self._queue.popleft() if self._queue and group.is_open() else None
            if following is None:
                break
            if following.work is None:
                group.keep(writer)
                following.woken.release()
                writer.woken.acquire()
                writer.outcome()
                return
            if not self._works(following, group):
                self._pass_on()
                raise StoreUnavailable from group.failure
        try:
            self._commit(group)
        finally:
            self._pass_on()

    def _works(self, writer: _Writer, group: _Group) -> bool:
        """Does the work of another thread; returns False if an error loses the transaction."""
        try:
            self._opened().execute("SAVEPOINT writer")
            writer.result = writer.work and writer.work(self._opened())
            self._opened().execute("RELEASE writer")
        except BaseException as error:
            writer.error = error
            if not self._undo():
                group.keep(writer)
                self._lose(group, error)
                return False
        group.keep(writer)
        return True

    def _undo(self) -> bool:
        """Undoes the work of a writer that failed, and keeps the work of the others.

        Returns False if all work is lost: some errors of SQLite, such as a full disk, undo the
        whole transaction, and a failing disk may keep SQLite from undoing a part.
        """
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return False
        try:
            connection.execute("ROLLBACK TO writer")
            connection.execute("RELEASE writer")
        except sqlite3.Error:
            return False
        return True

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
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            # A connection that closes undoes its transaction; the next writer opens another one.
            self.close()
        self._release(group)

    def _release(self, group: _Group) -> None:
        for writer in group.waiting:
            writer.woken.release()
        group.waiting.clear()

    def _pass_on(self) -> None:
        """Gives the turn to the next thread that waits for it."""
        with self._mutex:
            following = self._queue.popleft() if self._queue else None
            self._is_taken = following is not None
        if following is not None:
            following.woken.release()
