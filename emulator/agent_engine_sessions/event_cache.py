"""Events that a service has read already, by the etag that their session had before.

Every write to a session moves its etag, also a change or removal of an event. So events stand as
long as the etag does, or moves by an append of this service alone. Two things do not move it: a
compaction, and an append of an event that another process has sent before. So events are read again
after `MOST_SECONDS` in any case.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from google.adk.events import Event

MOST_SECONDS = 60.0
MOST_BYTES = 16 * 2**20
"""Bytes of JSON of all events that a cache keeps, and of one session's at most."""

_APART = 2e-6
"""Seconds between two events whose order is known: a server has nanoseconds of some events."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The events of a session at one version, the first part of its etag; `size` in bytes."""

    version: str
    events: tuple[Event, ...]
    size: int
    time: float

    def after_append(self, event: Event, size: int, expected: str, etag: str) -> "Entry | None":
        """The events after an append that expected one etag, and whose answer has the other.

        None where they are not known.
        """
        version = version_of(etag)
        if version == self.version:
            # The event was there before.
            return self
        if version_of(expected) != self.version or not version:
            return None
        is_last = not self.events or event.timestamp - self.events[-1].timestamp > _APART
        if not is_last or any(each.id == event.id for each in self.events):
            return None
        return replace(self, version=version, events=(*self.events, event), size=self.size + size)


class EventCache:
    """The events of the sessions that were read last, within `MOST_BYTES`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._size = 0

    def copies(self, path: str, etag: str) -> list[Event] | None:
        """Copies of a session's events, which the caller may change, if they have the etag."""
        entry = self.take(path)
        if entry is None or entry.version != version_of(etag):
            return None
        self.put(path, entry)
        return _copies(entry.events)

    def keep(self, path: str, etag: str, events: Sequence[Event], size: int) -> None:
        """Keeps copies of events that were read after the session had the etag."""
        if version := version_of(etag):
            self.put(path, Entry(version, tuple(_copies(events)), size, self._clock()))

    def take(self, path: str) -> Entry | None:
        """Removes what is kept of a session, and returns it if it is not too old.

        An append takes an entry and puts the next one: no other append can expect the same etag.
        """
        entry = self._entries.pop(path, None)
        if entry is None:
            return None
        self._size -= entry.size
        return entry if self._clock() - entry.time < MOST_SECONDS else None

    def put(self, path: str, entry: Entry) -> None:
        """Keeps an entry unless it is too large; the entries that were used first make room."""
        self.take(path)
        if entry.size > MOST_BYTES:
            return
        self._entries[path] = entry
        self._size += entry.size
        while self._size > MOST_BYTES:
            self.take(next(iter(self._entries)))


def version_of(etag: str) -> str:
    """The part of an etag that every write to the session moves."""
    return etag.strip('"').partition(".")[0]


def _copies(events: Sequence[Event]) -> list[Event]:
    return [event.model_copy(deep=True) for event in events]
