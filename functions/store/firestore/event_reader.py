"""Reads the new events of a session in Firestore.

A listener sees the newest events. Older ones, and those that fell out of its window before the
reader came, are read by queries in the order of their arrival.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from functions.rules.errors import SessionNotFound
from functions.rules.names import SessionName
from functions.store.firestore.condemned import live, reading
from functions.store.firestore.documents import (
    arrival_of,
    expiry_of,
    incarnation_of,
)
from functions.store.firestore.event_documents import (
    event_record,
    is_compacted,
    is_event,
    original_record,
)
from functions.store.firestore.protobuf import Document, Timestamp
from functions.store.firestore.queries import events_by_arrival, run_in_steps
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.session_listener import ListenerPool, PlacedDocument, placed
from functions.store.firestore.values import nanoseconds
from functions.store.paging import Cursor, checked_cursor
from functions.store.streams import MAX_NEW_EVENTS, NewEvent, Signal, take_batch

_CHECK_INTERVAL = 15 * 10**9
"""Nanoseconds after which a reader checks that its session is live and that it missed no event."""

_LEAST_LOOKBACK = 10 * 10**9
"""Nanoseconds that a query looks back at least: Firestore may commit after a call's deadline."""


class FirestoreEventReader:
    """Reads one session's events as they come; see functions.store.streams.EventReader."""

    def __init__(
        self,
        rpc: Rpc,
        listeners: ListenerPool,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None,
        commit_time: int,
        *,
        original: bool = False,
    ) -> None:
        """Goes on behind `after`, `[position in nanoseconds]`; raises SessionNotFound.

        `commit_time` is the nanoseconds that an append may take: an event's position may be so
        much later than its arrival.
        """
        self._rpc = rpc
        self._name = name
        self._original = original
        self._position = int((checked_cursor(after, int) or [0])[0])
        self._lookback = max(commit_time, _LEAST_LOOKBACK)
        self._backlog: _Backlog | None = None
        found = self._read_session(now, owner)
        self._incarnation = incarnation_of(found)
        self.expire_time = expiry_of(found) * 1000
        self._checked = now
        self.signal = Signal()
        self._listeners = listeners
        self._listener = listeners.take(rpc, name)
        self._other_changes = self._listener.other_changes
        self._listener.subscribe(self.signal)

    def read(self, now: int) -> list[NewEvent]:
        self.signal.clear()
        if now >= min(self.expire_time, self._checked + _CHECK_INTERVAL):
            self._check(now)
        recent = self._recent(now)
        found = self._next_of_backlog(now) if recent is None else take_batch(self._told(recent))
        if found:
            self._position = int(found[-1].position[0])
        return found

    def close(self) -> None:
        self._listener.unsubscribe(self.signal)
        self._listeners.give_back(self._name, self._listener)
        self.signal.close()

    def _recent(self, now: int) -> list[PlacedDocument] | None:
        """The listener's events of this session behind the position; None if it lacks some."""
        while self._backlog is None:
            changes = self._listener.other_changes
            recent = self._listener.behind(self._position)
            if changes == self._other_changes == self._listener.other_changes:
                return recent
            self._other_changes = changes
            if recent:
                self._require_session(now)
            else:
                self._check(now)
        return None

    def _told(self, recent: Iterable[PlacedDocument]) -> Iterator[NewEvent]:
        """The events of a listener, none of which is in parts."""
        for position, found in recent:
            event: Document | None = found
            moment = found.update_time
            if self._original and is_compacted(found):
                # Its original may have changed since the listener got it.
                path = found.name.removeprefix(f"{self._rpc.root}/")
                (event,) = self._rpc.batch_get([path], moment=(moment := Timestamp()))()
            yield from _new_event(self._rpc, position, event, moment, original=self._original)

    def _next_of_backlog(self, now: int) -> list[NewEvent]:
        backlog = self._backlog = self._backlog or self._new_backlog()
        found = backlog.next_batch()
        if found:
            # A successor of the same name may have begun since the last check.
            self._require_session(now)
        if backlog.end_position is not None:
            self._position = max(self._position, backlog.end_position)
            self._backlog = None
            self.signal.set()
        return found

    def _require_session(self, now: int) -> Document:
        """The document of this very session; raises SessionNotFound once it is over."""
        found = self._read_session(now, None)
        if incarnation_of(found) != self._incarnation:
            raise SessionNotFound(self._name)
        return found

    def _read_session(self, now: int, owner: str | None) -> Document:
        found, engine = reading(self._rpc, self._name, "incarnation")()
        return live(self._name, found, now, owner, engine)

    def _check(self, now: int) -> None:
        found = self._require_session(now)
        self.expire_time = expiry_of(found) * 1000
        self._checked = now
        is_behind = nanoseconds(found.update_time) > self._position
        if is_behind and self._backlog is None:
            self._backlog = self._new_backlog()
            self._listener.restart()

    def _new_backlog(self) -> "_Backlog":
        return _Backlog(
            self._rpc, self._name, self._position, self._lookback, original=self._original
        )


class _Backlog:
    """All events behind a position, as queries find them from now on."""

    def __init__(
        self, rpc: Rpc, name: SessionName, position: int, lookback: int, *, original: bool
    ) -> None:
        """`position` and `lookback` are nanoseconds; the position 0 stands before all events."""
        self._position = position
        since = position - lookback if position else None
        self._found = run_in_steps(
            rpc, str(name), lambda last: events_by_arrival(since, last), MAX_NEW_EVENTS
        )
        self._moment = Timestamp()
        self._events = (
            event
            for position, found in self._by_commit()
            for event in _new_event(rpc, position, found, self._moment, original=original)
        )
        self.end_position: int | None = None
        """The position up to which all events are read; None while `next_batch` has more."""

    def next_batch(self) -> list[NewEvent]:
        """The next events in the order of their commits, as many as one read may return."""
        batch = take_batch(self._events)
        if not batch:
            self.end_position = nanoseconds(self._moment)
        return batch

    def _by_commit(self) -> Iterator[PlacedDocument]:
        held: list[tuple[int, str, Document]] = []
        for found, moment in self._found:
            self._moment = moment
            if found is None:
                continue
            # No event that the query has yet to find was committed before it arrived.
            while held and held[0][0] < arrival_of(found):
                created, _, earlier = heappop(held)
                yield created, earlier
            position, _ = placed(found)
            if position > self._position:
                heappush(held, (position, found.name, found))
        while held:
            created, _, found = heappop(held)
            yield created, found


def _new_event(
    rpc: Rpc, position: int, found: Document | None, moment: Timestamp, *, original: bool
) -> Iterator[NewEvent]:
    """The event of a document, or its original; none for one that was removed."""
    if is_event(found):
        record = (original_record if original else event_record)(rpc, found, moment)
        if record is not None:
            yield NewEvent([position], record)
