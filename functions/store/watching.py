"""What follows a session's events as they are appended, whatever process appends them."""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.paging import Cursor

Arrival = tuple[Cursor, EventRecord]
"""An event and its position in the order in which a session's events were committed."""

MAX_ARRIVALS = 100
MAX_ARRIVAL_BYTES = 2**20
"""What one read answers at most; one event at least, however large."""


class Wake:
    """A file descriptor that any thread makes readable, for `select.poll` to wait on."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """The end to wait on."""
        return self._reader.fileno()

    def set(self) -> None:
        """Makes it readable; a wake that is full or closed is left as it is."""
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Makes it wait for the next `set`."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Frees both ends."""
        self._reader.close()
        self._writer.close()


class Watch(Protocol):
    """One follower of one session, used by one thread.

    `wake` is readable once there may be something to read; `expire_time` is when the session
    ends unless somebody extends it, in nanoseconds since the epoch.
    """

    wake: Wake
    expire_time: int

    def read(self, now: int) -> list[Arrival]:
        """The next events in the order of their commits, none when there are none yet.

        Raises SessionNotFound once the session is over, and StoreUnavailable when the store does
        not say any more what happens; another watch from the last position goes on then.
        """

    def close(self) -> None:
        """Frees everything that it holds."""


class EndedWatch:
    """The watch of a session that is over: each read raises SessionNotFound."""

    expire_time = 0

    def __init__(self, name: SessionName) -> None:
        self._name = name
        self.wake = Wake()

    def read(self, now: int) -> list[Arrival]:
        """Raises SessionNotFound."""
        raise SessionNotFound(self._name)

    def close(self) -> None:
        """Frees the wake."""
        self.wake.close()


@dataclass(frozen=True, slots=True)
class Tail:
    """A session's events as a stream: `frame` makes the text of one, "" to leave it out."""

    session: str
    watch: Watch
    frame: Callable[[Arrival], str]
