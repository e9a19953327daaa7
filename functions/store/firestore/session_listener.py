"""Listeners on the sessions that streams of this process follow, one a session.

A listener sees the newest events of its session in consistent windows. The position of an event is
its document's createTime: Firestore compares it across documents, and since every append writes the
session's document too, the appends of one session follow each other. A createTime has whole
microseconds; its nanoseconds tell the events of one commit apart.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from functions.rules.errors import StoreUnavailable
from functions.rules.names import SessionName
from functions.store.firestore.documents import arrival_of, place_in_commit
from functions.store.firestore.event_documents import is_in_parts
from functions.store.firestore.protobuf import Document, ListenResponse
from functions.store.firestore.queries import newest_events
from functions.store.firestore.rpc import ListenCall, Rpc
from functions.store.firestore.values import nanoseconds
from functions.store.streams import Signal

_log = logging.getLogger(__name__)

_WINDOW = 64
"""Events that a listener sees. A commit is missed only if more than half as many overtake it on
their way through the server, where Firestore takes about one a second for one session."""

_KEPT_BYTES = 4 * 2**20
"""Bytes that a listener keeps of events that readers may not have read yet."""

_START_PATIENCE = 3.0
"""Seconds for a listener's first window; the emulator sometimes never sends it, or not all."""

_STARTS = 5
"""Starts in a row without a window before a listener gives up."""

_PAUSE = 0.1
"""Seconds before the second start in a row, and twice as many before each further one."""

_LAST_OF_COMMIT = 999
"""What the position of a commit's last event is behind the createTime, at most."""

PlacedDocument = tuple[int, Document]
"""An event's document behind its position, in nanoseconds."""


def placed(found: Document) -> PlacedDocument:
    """The document with its position."""
    return nanoseconds(found.create_time) + place_in_commit(found), found


class SessionListener:
    """Keeps what Firestore last sent of one session, for all its readers in this process."""

    def __init__(self, rpc: Rpc, name: SessionName) -> None:
        self.users = 0
        self._lock = threading.Lock()
        self._signals: set[Signal] = set()
        self._recent: deque[PlacedDocument] = deque()
        self._floor: int | None = None
        self._seen = 0
        self._window: list[int] = []
        self._other_changes = 0
        self.has_failed = False
        self._closing = threading.Event()
        self._windows = 0
        self._is_emulated = rpc.is_emulated
        self._start: Callable[[], ListenCall] = lambda: rpc.listen(
            str(name), newest_events(_WINDOW)
        )
        self._call = self._start()
        self._thread = threading.Thread(target=self._listen, name="session listener", daemon=True)
        self._thread.start()

    def subscribe(self, signal: Signal) -> None:
        """From now on, the listener sets `signal` with every change."""
        with self._lock:
            self._signals.add(signal)
        signal.set()

    def unsubscribe(self, signal: Signal) -> None:
        """Ends what `subscribe` began."""
        with self._lock:
            self._signals.discard(signal)

    def behind(self, position: int) -> list[PlacedDocument] | None:
        """The events behind a position, None where the listener no longer keeps them all.

        Raises StoreUnavailable once the listener has given up.
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
    def other_changes(self) -> int:
        """The number of changes after which the session may be over, and another have its name."""
        return self._other_changes

    def restart(self) -> None:
        """Starts the call again, after it missed something."""
        self._call.close()

    def close(self) -> None:
        """Ends the call and the thread."""
        self._closing.set()
        self._call.close()
        self._thread.join()

    def _listen(self) -> None:
        starts = 0
        try:
            while not self._closing.is_set() and starts < _STARTS:
                before = self._windows
                patience = threading.Timer(_START_PATIENCE, self._look_at_start, (before,))
                patience.daemon = True
                patience.start()
                try:
                    for window in consistent_windows(self._call):
                        self._windows += 1
                        self._keep(window)
                except StoreUnavailable:
                    _log.warning("Firestore ended a listener; the server starts it again")
                patience.cancel()
                starts = starts + 1 if self._windows == before else 0
                self._call.close()
                if not self._closing.wait(_PAUSE * 2 ** (starts - 1) if starts else 0):
                    self._call = self._start()
        finally:
            self._call.close()
            with self._lock:
                self.has_failed = True
            self._set_signals()

    def _look_at_start(self, windows: int) -> None:
        """Restarts a call without a window; `windows` is how many there were before its start."""
        if self._windows == windows:
            self.restart()
        elif self._is_emulated:
            # The emulator's first window sometimes lacks a commit of that moment, and no other
            # window follows. Readers find out when they check their session.
            with self._lock:
                self._other_changes += 1
            self._set_signals()

    def _keep(self, window: dict[str, Document]) -> None:
        """Keeps the events of a window as they are now: all up to now, unless the window is full.

        What left a full window may change or be removed, which no window would tell. The emulator
        sometimes sends one event more than the query asks for.
        """
        events = sorted(map(placed, window.values()), key=itemgetter(0))
        is_full = len(events) >= _WINDOW
        last_of_oldest = middle = 0
        if is_full:
            # Others of the oldest commit may be outside the window.
            oldest = min(window.values(), key=arrival_of)
            last_of_oldest = nanoseconds(oldest.create_time) + _LAST_OF_COMMIT
            middle = max(events[-_WINDOW // 2][0], last_of_oldest)
        new = [event for event in events if event[0] > self._seen]
        positions = [position for position, _ in events]
        # New events push the oldest out of a full window. If others leave it, the session may be
        # over. If the window had none, the new ones may be those of a later session.
        left = set(self._window).difference(positions)
        may_be_over = not self._window or any(not is_full or gone > positions[0] for gone in left)
        with self._lock:
            self._window = positions
            if self._floor is None or (is_full and new[:1] and new[0][0] <= middle):
                self._floor = middle
            elif not new or may_be_over:
                self._other_changes += 1
            self._floor = max(self._floor, last_of_oldest)
            self._recent = deque(event for event in events if event[0] > self._floor)
            self._seen = max(self._seen, self._floor, *positions[-1:])
            kept = sum(_kept_bytes(found) for _, found in self._recent)
            while kept > _KEPT_BYTES:
                self._floor, dropped = self._recent.popleft()
                kept -= _kept_bytes(dropped)
        self._set_signals()

    def _set_signals(self) -> None:
        with self._lock:
            signals = list(self._signals)
        for signal in signals:
            signal.set()


def _kept_bytes(event: Document) -> int:
    """What an event takes of what is kept; one in parts takes all, so that queries find it."""
    return _KEPT_BYTES + 1 if is_in_parts(event) else event.ByteSize()


class ListenerPool:
    """The listeners of this process, each for as long as a reader uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[SessionName, SessionListener] = {}

    def take(self, rpc: Rpc, name: SessionName) -> SessionListener:
        """The session's listener; the caller hands it to `give_back` at the end."""
        with self._lock:
            listener = self._listeners.get(name)
            if listener is None or listener.has_failed:
                listener = self._listeners[name] = SessionListener(rpc, name)
            listener.users += 1
            return listener

    def give_back(self, name: SessionName, listener: SessionListener) -> None:
        """Closes the listener with its last user."""
        with self._lock:
            listener.users -= 1
            if listener.users:
                return
            if self._listeners.get(name) is listener:
                del self._listeners[name]
        listener.close()


def consistent_windows(answers: Iterable[ListenResponse]) -> Iterator[dict[str, Document]]:
    """The query's documents by name, at the start and after each change; always the same dict.

    Ends with the answers, or where the count of documents is wrong and the caller must listen
    again. See google.firestore.v1.ListenResponse. The emulator starts a query with a limit again
    at almost every change, and sends answers of an earlier start between those of a later one. So
    a window counts only when every start is complete. If a server completed the last start alone,
    no window would follow until a reader checks its session and restarts the listener.
    """
    window: dict[str, Document] = {}
    is_changed = True
    starts = 1
    """Starts of the query that the server has not called current yet."""
    for answer in answers:
        kind = answer.WhichOneof("response_type")
        if kind == "target_change":
            change = answer.target_change
            match change.TargetChangeType.Name(change.target_change_type):
                case "REMOVE":
                    return
                case "RESET":
                    window.clear()
                    is_changed = True
                    starts += 1
                case "CURRENT":
                    starts = max(starts - 1, 0)
                case "NO_CHANGE" if change.HasField("read_time") and not change.target_ids:
                    if is_changed and not starts:
                        yield window
                        is_changed = False
        elif kind == "document_change" and answer.document_change.target_ids:
            found = answer.document_change.document
            window[found.name] = found
            is_changed = True
        elif kind == "filter":
            if answer.filter.count != len(window):
                return
        elif kind is not None:
            gone = getattr(answer, kind).document
            window.pop(getattr(gone, "name", gone), None)
            is_changed = True
