"""What every store does; one contract suite holds them to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from functions.calls.filters import PageQuery
from functions.rules.engine import EngineRecord
from functions.rules.event import EventRecord
from functions.rules.names import EngineName, SessionName
from functions.rules.run import Run
from functions.rules.session import SessionChange, SessionRecord
from functions.rules.state import StateChange
from functions.store.paging import Cursor, Page
from functions.store.watching import Watch


@dataclass(frozen=True, slots=True)
class Purged:
    """How far a purge came; `done` when nothing is left to purge."""

    sessions: int
    events: int
    done: bool

    def plus(self, other: "Purged") -> "Purged":
        """Both counts together."""
        return Purged(self.sessions + other.sessions, self.events + other.events, done=self.done)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of all sessions that one purge takes, where `of` of them work side by side."""

    number: int = 0
    of: int = 1


ALL_PARTS = Part()
MAX_PARTS = 30


class Store(Protocol):
    """Sessions, their events, and the engines above them.

    `now` is nanoseconds since the epoch, in whole microseconds. A session whose expire_time has
    come does not exist for any method, and where an `owner` is given, neither does one of another
    userId. Every method raises StoreUnavailable when the store does not answer in time, and
    Contention when others kept changing what it wanted to change.
    """

    def create_session(
        self, record: SessionRecord, state: StateChange, now: int, *, require_engine: bool
    ) -> SessionRecord:
        """Stores a new session and answers it with its shared state.

        Raises SessionAlreadyExists, or ParentEngineNotFound where the engine must exist.
        """

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        """Reads a session with its shared state; raises SessionNotFound."""

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        """One page of an engine's sessions, with their shared state.

        The engine `-` stands for all of its location: ties go by engine id, then by session id.
        """

    def update_session(
        self, name: SessionName, change: Callable[[SessionRecord], SessionChange], now: int
    ) -> SessionRecord:
        """Applies what `change` makes of the current session; raises SessionNotFound.

        `change` may be called again when somebody else was faster.
        """

    def delete_session(self, name: SessionName, now: int, owner: str | None = None) -> None:
        """Removes a session and its events; raises SessionNotFound."""

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        """Every live session of that id in the location, whatever its engine."""

    def append_event(
        self,
        name: SessionName,
        event: EventRecord,
        state: StateChange,
        now: int,
        owner: str | None = None,
    ) -> None:
        """Stores an event and what it does to state; raises SessionNotFound.

        An event of the same id that is there already, or of the former one, is this very event,
        sent again: nothing changes.
        """

    def append_or_create(
        self,
        record: SessionRecord,
        event: EventRecord,
        state: StateChange,
        now: int,
        *,
        require_engine: bool,
    ) -> SessionRecord:
        """Appends as `append_event` does, and creates a session that is missing from `record`.

        Both happen or neither. Answers the session with its shared state, as it is right after
        that. Raises SessionOfAnotherUser where the session's userId is not that of `record`, and
        ParentEngineNotFound where the engine must exist for a new session.
        """

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        """One page of a session's events; raises SessionNotFound."""

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        """One page of a session's runs, in the order of their first events.

        Raises SessionNotFound. A run whose first event lies before the cursor does not come again.
        """

    def watch(
        self, name: SessionName, after: Cursor | None, now: int, owner: str | None = None
    ) -> Watch:
        """Follows a session's events from the start, or behind the position of one of them.

        Raises SessionNotFound.
        """

    def create_engine(self, record: EngineRecord) -> None:
        """Stores a new engine under an id that nobody has."""

    def get_engine(self, name: EngineName) -> EngineRecord:
        """Reads an engine; raises EngineNotFound."""

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        """One page of a location's engines, oldest first."""

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        """Replaces an engine by what `change` makes of it; raises EngineNotFound."""

    def delete_engine(self, name: EngineName, now: int, *, force: bool) -> None:
        """Removes an engine and its app and user state; with `force`, its sessions too.

        Raises EngineNotFound, or EngineHasSessions without `force`.
        """

    def purge(self, now: int, is_time_up: Callable[[], bool], part: Part = ALL_PARTS) -> Purged:
        """Removes expired and deleted sessions with all their events, here and everywhere.

        Asks `is_time_up` after every batch, so that each call makes some headway, and stops when
        it is. Whatever it is interrupted by, the next call goes on, and no live session is ever
        touched. In the time that is left, what an earlier version wrote is brought up to date.
        """

    def close(self) -> None:
        """Lets go of files and connections."""
