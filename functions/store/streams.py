"""The new events of a session as they are committed, whatever process appends them."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.paging import Cursor

MAX_NEW_EVENTS = 100
"""Events that one read returns at most."""

MAX_NEW_BYTES = 2**20
"""Bytes of events after which a read returns; it returns one event at least, however large."""


class NewEvent(NamedTuple):
    """An event and its position in the order in which the session's events were committed."""

    position: Cursor
    event: EventRecord


class Signal:
    """A file descriptor that any thread makes readable, for `select.poll` to wait on."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """The end to wait on."""
        return self._reader.fileno()

    def set(self) -> None:
        """Makes the descriptor readable; does nothing to a signal that is full or closed."""
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Makes the descriptor unreadable until the next `set`."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Frees both ends."""
        self._reader.close()
        self._writer.close()


class EventReader(Protocol):
    """Reads one session's events as they come; one thread uses it.

    `signal` is readable once there may be something to read; `expire_time` is when the session
    ends unless somebody extends it, in nanoseconds since the epoch.
    """

    signal: Signal
    expire_time: int

    def read(self, now: int) -> list[NewEvent]:
        """The next events in the order of their commits, none when there are none yet.

        `now` is nanoseconds since the epoch. Raises SessionNotFound once the session is over, and
        StoreUnavailable when the store reports no more changes; the client can then open another
        reader behind the last position.
        """

    def close(self) -> None:
        """Frees all that the reader holds."""


class EndedReader:
    """The reader of a session that is over: each read raises SessionNotFound."""

    expire_time = 0

    def __init__(self, name: SessionName) -> None:
        self._name = name
        self.signal = Signal()

    def read(self, now: int) -> list[NewEvent]:
        """Raises SessionNotFound."""
        raise SessionNotFound(self._name)

    def close(self) -> None:
        """Frees the signal."""
        self.signal.close()


class EventStream(NamedTuple):
    """What a method answers that follows a session; the edge sends it as Server-Sent Events."""

    session: str
    """The session's full name."""

    reader: EventReader
    to_json: Callable[[EventRecord], str | None]
    """The JSON of an event, None for one that the stream leaves out."""

    token: Callable[[Cursor], str]
    """What a client sends back to go on behind a position."""


def take_batch(events: Iterator[NewEvent]) -> list[NewEvent]:
    """The next events, as many as one read may return; the iterator keeps the others."""
    taken: list[NewEvent] = []
    size = 0
    for each in events:
        taken.append(each)
        size += each.event.size()
        if len(taken) == MAX_NEW_EVENTS or size > MAX_NEW_BYTES:
            break
    return taken
