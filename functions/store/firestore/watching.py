"""Follows sessions in Firestore by its own listeners, one a session and process.

A listener sees the newest events of a session, by the server's time of their arrival, in
consistent snapshots. What watches have not read by then, or what fell out of that window
meanwhile, they ask for by queries. The position of an event is its document's createTime:
Firestore compares it across documents, and since every append writes the session's document too,
the appends of one session follow each other.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from operator import itemgetter

from functions.rules.errors import SessionNotFound, StoreUnavailable
from functions.rules.names import SessionName
from functions.store.firestore.documents import (
    arrival_of,
    event_record,
    expiry_of,
    incarnation_of,
    is_live,
)
from functions.store.firestore.protobuf import Document
from functions.store.firestore.queries import events_by_arrival, newest_events, run_in_steps
from functions.store.firestore.rpc import Listening, Rpc
from functions.store.firestore.snapshots import snapshots
from functions.store.firestore.values import nanoseconds
from functions.store.paging import Cursor, checked_cursor
from functions.store.watching import MAX_ARRIVAL_BYTES, MAX_ARRIVALS, Arrival, Wake

_log = logging.getLogger(__name__)

_WINDOW = 64
"""Events that a listener sees. A commit is missed only if more than half as many overtake it on
their way through the server, where Firestore takes about one a second for one session."""

_KEPT_BYTES = 4 * 2**20
"""What a feed keeps of events that watches may not have read yet."""

_DELAY = 10 * 10**9
"""Nanoseconds that a commit may take from its arrival to its createTime."""

_CHECK_INTERVAL = 15 * 10**9
"""Nanoseconds after which a watch looks at its session: is it there, and has it been told all?"""

_START_PATIENCE = 3.0
"""Seconds for a listener's first snapshot; the emulator sometimes never sends it."""

_STARTS = 5
"""Listeners begun in a row without a snapshot of any, before a feed gives up."""

Placed = tuple[int, Document]
"""An event's document behind its position, in nanoseconds."""


def _placed(found: Document) -> Placed:
    return nanoseconds(found.create_time), found


class Feed:
    """What one session's listener saw last, for all who watch the session in this process."""

    def __init__(self, rpc: Rpc, name: SessionName) -> None:
        self.users = 0
        self._lock = threading.Lock()
        self._wakes: set[Wake] = set()
        self._recent: deque[Placed] = deque()
        self._bytes = 0
        self._floor: int | None = None
        self._seen = 0
        self._losses = 0
        self.has_failed = False
        self._is_closed = False
        self._snapshots = 0
        self._start: Callable[[], Listening] = lambda: rpc.listen(str(name), newest_events(_WINDOW))
        self._listening = self._start()
        self._thread = threading.Thread(target=self._listen, name="feed", daemon=True)
        self._thread.start()

    def subscribe(self, wake: Wake) -> None:
        """From now on, `wake` is set with every change."""
        with self._lock:
            self._wakes.add(wake)
        wake.set()

    def unsubscribe(self, wake: Wake) -> None:
        """Ends what `subscribe` began."""
        with self._lock:
            self._wakes.discard(wake)

    def behind(self, position: int) -> list[Placed] | None:
        """Events behind a position, None where only a query tells them all.

        Raises StoreUnavailable once the listener has ended.
        """
        with self._lock:
            if self.has_failed:
                raise StoreUnavailable
            if self._floor is None:
                return []
            if position < self._floor:
                return None
            return [event for event in self._recent if event[0] > position]

    @property
    def losses(self) -> int:
        """How often something other than new events happened, such as the session's end."""
        return self._losses

    def renew(self) -> None:
        """Begins the listener anew: it has missed something."""
        self._listening.close()

    def close(self) -> None:
        """Ends the listener and its thread."""
        self._is_closed = True
        self._listening.close()
        self._thread.join()

    def _listen(self) -> None:
        starts = 0
        try:
            while not self._is_closed and starts < _STARTS:
                before = self._snapshots
                impatience = threading.Timer(_START_PATIENCE, self._renew_unless_begun, (before,))
                impatience.daemon = True
                impatience.start()
                try:
                    for window in snapshots(self._listening):
                        self._snapshots += 1
                        self._publish(window)
                except StoreUnavailable:
                    _log.warning("A listener ended, and is begun anew")
                impatience.cancel()
                starts = starts + 1 if self._snapshots == before else 0
                self._listening.close()
                if not self._is_closed:
                    self._listening = self._start()
        finally:
            self._listening.close()
            with self._lock:
                self.has_failed = True
            self._wake()

    def _renew_unless_begun(self, snapshots: int) -> None:
        if self._snapshots == snapshots:
            self.renew()

    def _publish(self, window: dict[str, Document]) -> None:
        """Takes over a consistent snapshot: every event up to now, unless the window is full.

        The emulator sometimes tells of one event more than it was asked for.
        """
        events = sorted(map(_placed, window.values()), key=itemgetter(0))
        is_full = len(events) >= _WINDOW
        middle = events[-_WINDOW // 2][0] if is_full else 0
        new = [event for event in events if event[0] > self._seen]
        with self._lock:
            if self._floor is None or (is_full and new[:1] and new[0][0] <= middle):
                self._floor = middle
                self._recent.clear()
                self._bytes = 0
                new = [event for event in events if event[0] > middle]
            elif not new:
                self._losses += 1
            for event in new:
                self._recent.append(event)
                self._bytes += event[1].ByteSize()
                self._seen = event[0]
            while self._bytes > _KEPT_BYTES:
                self._floor, dropped = self._recent.popleft()
                self._bytes -= dropped.ByteSize()
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            wakes = list(self._wakes)
        for wake in wakes:
            wake.set()


class Feeds:
    """The feeds of this process, each for as long as somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[SessionName, Feed] = {}

    def take(self, rpc: Rpc, name: SessionName) -> Feed:
        """The session's feed; `give_back` belongs to it."""
        with self._lock:
            feed = self._feeds.get(name)
            if feed is None or feed.has_failed:
                feed = self._feeds[name] = Feed(rpc, name)
            feed.users += 1
            return feed

    def give_back(self, name: SessionName, feed: Feed) -> None:
        """Closes the feed with its last user."""
        with self._lock:
            feed.users -= 1
            if feed.users:
                return
            if self._feeds.get(name) is feed:
                del self._feeds[name]
        feed.close()


class FirestoreWatch:
    """One follower of one session; see functions.store.watching.Watch."""

    def __init__(
        self,
        rpc: Rpc,
        feeds: Feeds,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None,
    ) -> None:
        """Goes on behind `after`, `[createTime in nanoseconds]`; raises SessionNotFound."""
        self._rpc = rpc
        self._name = name
        self._position = int((checked_cursor(after, int) or [0])[0])
        self._backlog: Iterator[Placed] | None = None
        (found,) = rpc.batch_get([str(name)], ["expiry", "incarnation", "userId"])()
        if not is_live(found, now, owner):
            raise SessionNotFound(name)
        self._incarnation = incarnation_of(found)
        self.expire_time = expiry_of(found) * 1000
        self._checked = now
        self.wake = Wake()
        self._feeds = feeds
        self._feed = feeds.take(rpc, name)
        self._losses = self._feed.losses
        self._feed.subscribe(self.wake)

    def read(self, now: int) -> list[Arrival]:
        self.wake.clear()
        losses = self._feed.losses
        is_due = now >= min(self.expire_time, self._checked + _CHECK_INTERVAL)
        if is_due or losses != self._losses:
            self._check(now)
            self._losses = losses
        if self._backlog is None:
            events = self._feed.behind(self._position)
            if events is None:
                self._backlog = self._catch_up()
        arrivals: list[Arrival] = []
        size = 0
        for position, found in self._backlog or events or ():
            self._position = position
            event = event_record(found)
            arrivals.append(([self._position], event))
            size += event.size()
            if len(arrivals) == MAX_ARRIVALS or size > MAX_ARRIVAL_BYTES:
                return arrivals
        if self._backlog is not None:
            self._backlog = None
            self.wake.set()
        return arrivals

    def close(self) -> None:
        self._feed.unsubscribe(self.wake)
        self._feeds.give_back(self._name, self._feed)
        self.wake.close()

    def _check(self, now: int) -> None:
        (found,) = self._rpc.batch_get([str(self._name)], ["expiry", "incarnation"])()
        if not is_live(found, now) or incarnation_of(found) != self._incarnation:
            raise SessionNotFound(self._name)
        self.expire_time = expiry_of(found) * 1000
        self._checked = now
        is_behind = nanoseconds(found.update_time) > self._position
        if is_behind and self._backlog is None:
            self._backlog = self._catch_up()
            self._feed.renew()

    def _catch_up(self) -> Iterator[Placed]:
        """Events behind the position, in the order of their commits, as of this moment."""
        position = self._position
        since = position - _DELAY if position else None
        held: list[tuple[int, str, Document]] = []
        read_time = 0
        query = run_in_steps(
            self._rpc,
            str(self._name),
            lambda last: events_by_arrival(since, last),
            MAX_ARRIVALS,
        )
        for found, at in query:
            read_time = nanoseconds(at)
            if found is None:
                continue
            # Nothing that is still to come was committed before it arrived.
            while held and held[0][0] < arrival_of(found):
                created, _, earlier = heappop(held)
                yield created, earlier
            if nanoseconds(found.create_time) > position:
                heappush(held, (nanoseconds(found.create_time), found.name, found))
        while held:
            created, _, found = heappop(held)
            yield created, found
        self._position = max(self._position, read_time)
