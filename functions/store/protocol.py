"""The interface of every store; one contract suite tests them all."""

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
from functions.store.streams import EventReader


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


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many expired sessions the purge has not removed yet, and when the first of them expired.

    `oldest` is nanoseconds since the epoch, rounded up to a microsecond; None where there is none.
    `is_cut` where there are more than were counted.
    """

    sessions: int
    oldest: int | None
    is_cut: bool


class Store(Protocol):
    """Sessions, their events, and the engines above them.

    `now` is nanoseconds since the epoch, in whole microseconds. No method finds a session whose
    expire_time has come. A method with an `owner` finds sessions of that userId only. Every method
    raises StoreUnavailable when the store does not answer in time, and Contention when other
    writers kept changing the data that it was about to change.

    `if_match` is the version of the session that the caller expects; where it is not the current
    one, the method changes nothing and raises SessionHasChanged. A write that has landed before is
    met first: it is done, whatever the version.
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
        self,
        name: SessionName,
        change: Callable[[SessionRecord], SessionChange],
        now: int,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Applies the answer of `change` to the current session; raises SessionNotFound.

        The store calls `change` again when another writer was faster.
        """

    def delete_session(
        self, name: SessionName, now: int, owner: str | None = None, if_match: str | None = None
    ) -> None:
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
        if_match: str | None = None,
    ) -> str:
        """Stores an event and applies its change of state; raises SessionNotFound.

        Answers the session's version right after that. Changes nothing where the session has, or
        had and deleted, an event of the same id or of the former id: the client has sent the event
        again.
        """

    def append_or_create(
        self,
        record: SessionRecord,
        event: EventRecord,
        state: StateChange,
        now: int,
        *,
        require_engine: bool,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Appends as `append_event` does, and creates a session that is missing from `record`.

        With `if_match` it creates none and raises SessionNotFound. Both happen or neither. Answers
        the session with its shared state right after the append.
        Raises SessionOfAnotherUser where the session's userId is not that of `record`, and
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

        Raises SessionNotFound. Each run is on the page that holds its first event.
        """

    def watch(
        self, name: SessionName, after: Cursor | None, now: int, owner: str | None = None
    ) -> EventReader:
        """Follows a session's events from the start, or behind the position of one of them.

        Raises SessionNotFound. docs/decisions/0006-streams-go-by-commits.md gives the order.
        """

    def create_engine(self, record: EngineRecord) -> None:
        """Stores a new engine, whose id is new, too."""

    def get_engine(self, name: EngineName) -> EngineRecord:
        """Reads an engine; raises EngineNotFound."""

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        """One page of a location's engines, oldest first."""

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        """Replaces an engine by the answer of `change`; raises EngineNotFound."""

    def delete_engine(
        self, name: EngineName, now: int, is_time_up: Callable[[], bool], *, force: bool
    ) -> bool:
        """Removes an engine and its app and user state; with `force`, its sessions too.

        Hides the engine at once, then removes documents until nothing is left or the time is up:
        asks `is_time_up` after every batch. Answers whether nothing is left; if not, the next
        call for the same engine and the purge go on. Raises EngineNotFound, or EngineHasSessions
        without `force`.
        """

    def is_deleting_engine(self, name: EngineName) -> bool:
        """Whether something is left to remove of an engine of that name that was deleted."""

    def purge(self, now: int, is_time_up: Callable[[], bool], part: Part = ALL_PARTS) -> Purged:
        """Removes expired and deleted sessions with all their events, here and everywhere.

        Asks `is_time_up` after every batch and stops when the time is up, so that each call
        removes something. The next call goes on where this one ended. A purge never changes a live
        session. In the time that is left, it brings data of earlier versions up to date.
        """

    def backlog(self, now: int, most: int) -> Backlog:
        """Counts up to `most` expired sessions that are still stored, and removes nothing.

        Deleted sessions do not count.
        """

    def close(self) -> None:
        """Closes files and connections."""
