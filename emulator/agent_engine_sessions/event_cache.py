"""Events that a service has read already, by the etag that their session had before.

Every write to a session changes its etag, also a change or removal of an event. So kept events are
the server's as long as the etag is the same, or only appends of this service have changed it. Two
writes do not change the etag: a compaction, and an append of an event that another process has sent
before. So the service reads events again after `MOST_SECONDS` in any case.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from google.adk.events import Event

MOST_SECONDS = 60.0
MOST_BYTES = 16 * 2**20
"""Bytes of JSON that a cache keeps at most, of one session or of several."""

_APART = 2e-6
"""Seconds between two events whose order is certain: the server may have nanoseconds of them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The events of a session at one version, the first part of its etag.

    `size` is bytes of JSON; `time` is when they were read, by the cache's clock.
    """

    version: str
    events: tuple[Event, ...]
    size: int
    time: float

    def after_append(self, event: Event, size: int, expected: str, etag: str) -> "Entry | None":
        """The entry after an append of an event of `size` bytes.

        The append expected the etag `expected`, and its answer has `etag`. Returns None if the
        events, or their order, are no longer known.
        """
        version = version_of(etag)
        if version == self.version:
            # The server had the event already.
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
        """Copies of a session's events, for the caller to change; None if the etag is another."""
        entry = self.take(path)
        if entry is None or entry.version != version_of(etag):
            return None
        self.put(path, entry)
        return _copies(entry.events)

    def keep(self, path: str, etag: str, events: Sequence[Event], size: int) -> None:
        """Keeps copies of events; the caller read them after the session, which had the etag."""
        if version := version_of(etag):
            self.put(path, Entry(version, tuple(_copies(events)), size, self._clock()))

    def take(self, path: str) -> Entry | None:
        """Removes the entry of a session, and returns it if it is not too old.

        An append takes an entry and puts the next one: no other append can expect the same etag.
        """
        entry = self._entries.pop(path, None)
        if entry is None:
            return None
        self._size -= entry.size
        return entry if self._clock() - entry.time < MOST_SECONDS else None

    def put(self, path: str, entry: Entry) -> None:
        """Keeps an entry unless it is too large; removes the least recently used to make room."""
        self.take(path)
        if entry.size > MOST_BYTES:
            return
        self._entries[path] = entry
        self._size += entry.size
        while self._size > MOST_BYTES:
            self.take(next(iter(self._entries)))


def version_of(etag: str) -> str:
    """The part of an etag that every write to the session changes."""
    return etag.strip('"').partition(".")[0]


def _copies(events: Sequence[Event]) -> list[Event]:
    return [event.model_copy(deep=True) for event in events]
