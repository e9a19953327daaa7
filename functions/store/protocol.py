"""The interface of every store; one contract suite tests them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from functions.calls.filters import PageQuery
    from functions.rules.engine import EngineRecord
    from functions.rules.event import EventAndState, EventRecord
    from functions.rules.fork import Fork
    from functions.rules.import_line import HistoryLine
    from functions.rules.names import EngineName, SessionName, UserName
    from functions.rules.rewind import Rewind
    from functions.rules.run import Run
    from functions.rules.session import SessionChange, SessionRecord
    from functions.rules.shared_state import SharedState, SharedStateChange, StateOwner
    from functions.rules.state import StateChange
    from functions.rules.user import UserRecord
    from functions.store.history import HistoryPiece, ImportedHistory, WholeSession
    from functions.store.paging import Cursor, Page
    from functions.store.streams import EventReader


class Purged(NamedTuple):
    """How far a purge came; `done` when nothing is left to purge."""

    sessions: int
    events: int
    done: bool

    def plus(self, other: Purged) -> Purged:
        """Both counts together."""
        return Purged(self.sessions + other.sessions, self.events + other.events, done=self.done)


def all_together(parts: Iterable[Purged]) -> Purged:
    """All counts together; `done` where each part is."""
    parts = list(parts)
    sessions, events = sum(each.sessions for each in parts), sum(each.events for each in parts)
    return Purged(sessions, events, all(each.done for each in parts))


class Part(NamedTuple):
    """The part of all sessions that one purge takes, where `of` of them work side by side."""

    number: int = 0
    of: int = 1


ALL_PARTS = Part()
MAX_PARTS = 30


class Backlog(NamedTuple):
    """How many expired sessions the purge has not removed yet, and when the first of them expired.

    `oldest` is nanoseconds since the epoch, rounded up to a microsecond; None where there is none.
    `is_cut` where there are more than were counted.
    """

    sessions: int
    oldest: int | None
    is_cut: bool


class EventPurge(NamedTuple):
    """How many events a purge found, or removed, and the ids of some; `done` when none is left."""

    events: int
    sample: tuple[str, ...]
    done: bool


MOST_SAMPLED = 100
"""Ids in the sample of a purge at most."""


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
        self,
        record: SessionRecord,
        state: StateChange,
        now: int,
        *,
        require_engine: bool,
        keeps_change: bool = True,
    ) -> SessionRecord:
        """Stores a new session and answers it with its shared state.

        Keeps the state at the creation for states of the past, unless the history of the session
        is imported.

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

    def append_events(
        self,
        name: SessionName,
        events: Sequence[EventAndState],
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> str:
        """Stores events of different ids and applies their changes of state, all or none.

        They arrive in their order, and their changes apply in that order. Answers the session's
        version right after that. Leaves out each event that the session has, or had and deleted,
        under its id or its former id: the client has sent it again. Where that holds for all, it
        changes nothing, whatever the version. Raises SessionNotFound.
        """

    def append_or_create(
        self,
        record: SessionRecord,
        events: Sequence[EventAndState],
        now: int,
        *,
        require_engine: bool,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Appends as `append_events` does, and creates a session that is missing from `record`.

        With `if_match` it creates none and raises SessionNotFound. Both happen or neither. Answers
        the session with its shared state right after the append.
        Raises SessionOfAnotherUser where the session's userId is not that of `record`, and
        ParentEngineNotFound where the engine must exist for a new session.
        """

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        """One page of a session's events, or of their originals; raises SessionNotFound.

        Without a filter, a store may leave out all fields of the records but `id` and `text`,
        unless the query `is_whole`.
        """

    def read_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[WholeSession]:
        """One page of sessions with their histories, for an export.

        Without a filter the sessions are in the order of engines and of session ids, and the store
        decides how many a page has. With a filter the page is that of `list_sessions`, and has no
        histories.
        """

    def read_history(
        self, name: SessionName, behind: Cursor | None, now: int, owner: str | None = None
    ) -> HistoryPiece:
        """The next events and changes of state of a session, as they arrived, behind a place.

        Raises SessionNotFound.
        """

    def begin_import(self, engine: EngineName) -> None:
        """Raises what keeps a caller from importing into an engine, or with `-` into any."""

    def together(self) -> AbstractContextManager[None]:
        """Within the context, SQLite commits the writes of this thread together at its end."""

    def import_history(
        self, name: SessionName, lines: Sequence[HistoryLine], now: int
    ) -> ImportedHistory:
        """Adds the events and changes that a session lacks, in their order, to its history.

        Neither its state nor its update_time changes. Raises SessionNotFound, and
        InvalidArgument for a change behind an event that the session does not have.
        """

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        """One page of a session's runs, in the order of their first events.

        Raises SessionNotFound. Each run is on the page that holds its first event.
        """

    def get_event(
        self,
        name: SessionName,
        event_id: str,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventRecord:
        """Reads an event, with `original` as it was before its compaction.

        Raises SessionNotFound and EventNotFound.
        """

    def update_event(
        self,
        name: SessionName,
        event_id: str,
        change: Callable[[EventRecord], EventRecord],
        now: int,
        owner: str | None = None,
    ) -> EventRecord:
        """Replaces the text of an event, and of its original, by that of the answer of `change`.

        Writes nothing where no text changes. Raises SessionNotFound and EventNotFound.
        """

    def delete_event(
        self, name: SessionName, event_id: str, now: int, owner: str | None = None
    ) -> None:
        """Removes an event but for its id, place and state delta, and its original.

        Raises SessionNotFound and EventNotFound.
        """

    def purge_events(
        self,
        name: SessionName,
        query: PageQuery,
        now: int,
        owner: str | None = None,
        *,
        force: bool,
        receipt: str = "",
    ) -> EventPurge:
        """Removes all events that match as `delete_event` does; without `force` it counts them.

        Asks `query.is_time_up` after every batch. With a `receipt`, the id of no event, a session
        keeps the answer of a purge that is done, and a later one with the same receipt has it, too.
        Raises SessionNotFound.
        """

    def rewrite_events(
        self,
        name: SessionName,
        events: Sequence[EventRecord],
        edit: Callable[[EventRecord], EventRecord | None],
        now: int,
        owner: str | None = None,
    ) -> None:
        """Replaces the text of each event by that of the answer of `edit`, None for no change.

        The first original of an event is kept. `edit` gets the events as they are in the store; the
        store calls it again when another writer was faster. Leaves the session as it is. Raises
        SessionNotFound.
        """

    def add_summary(
        self, name: SessionName, event: EventRecord, now: int, owner: str | None = None
    ) -> None:
        """Stores an event that no original stands for, and leaves its session as it is.

        The session does not count the event. Raises SessionNotFound.
        """

    def watch(
        self,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventReader:
        """Follows a session's events from the start, or behind the position of one of them.

        With `original`, events are as they were before their compaction.

        Raises SessionNotFound. docs/decisions/0006-streams-go-by-commits.md gives the order.
        """

    def get_shared_state(self, owner: StateOwner) -> SharedState:
        """Reads the app state of an engine or the user state of a user, which may be empty."""

    def update_shared_state(
        self, owner: StateOwner, change: SharedStateChange, now: int, *, require_engine: bool
    ) -> SharedState:
        """Changes app or user state and answers it; the engine may have no document yet.

        Raises TooLarge, and ParentEngineNotFound where the engine must exist.
        """

    def list_users(
        self, engine: EngineName, query: PageQuery, owner: str | None = None
    ) -> Page[UserRecord]:
        """One page of an engine's users by userId; with `owner`, that user alone."""

    def erase_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        """Removes all sessions and the state of a user, of one engine or of all of a location.

        Hides them from every method, then removes documents until nothing is left or the time is
        up: asks `is_time_up` after every batch. If something is left, the next call and the purge
        go on. While they do, a session that is created for the user stays.
        """

    def count_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        """Counts what `erase_user` would remove; `done` where it came to the end in time."""

    def fork_session(
        self, fork: Fork, now: int, is_time_up: Callable[[], bool], owner: str | None = None
    ) -> SessionRecord | None:
        """Copies a session as it is at one moment, up to the point of the fork, to a new session.

        Answers the new session with its shared state, also where an earlier call of the same fork
        has made it. Answers None where `is_time_up`, which it asks after every batch, ended the
        copy: the next call of the same fork goes on. No other method finds a session that is not
        complete, and the purge removes it once its lease is over.

        Raises SessionNotFound of the source, EventNotFound, InvocationNotFound,
        SessionAlreadyExists and ParentEngineNotFound.
        """

    def is_forking(self, name: SessionName, now: int, owner: str | None = None) -> bool:
        """Whether a fork of that name has begun and is not complete."""

    def rewind_session(
        self,
        name: SessionName,
        rewind: Rewind,
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Appends the event of a rewind, which takes the session's own state back.

        Answers the session with its shared state. Changes nothing where the session has the event
        already. Raises SessionNotFound and InvocationNotFound.
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
        call for the same engine and the purge go on. With `force` the engine may also be one that
        was never created and holds users or state. Raises EngineNotFound, or EngineHasSessions
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
