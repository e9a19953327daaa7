"""A store for one principal: every method first checks the grants of the policy.

A resource that is hidden from the principal and a missing one answer the same error. A method that
the principal may not call on a visible resource raises PermissionDenied.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from functions.access.access import Grant, Role
from functions.aip.errors import PermissionDenied
from functions.calls.filters import PageQuery, engine_matches, predicate
from functions.messages.json_text import utf8_size
from functions.rules.engine import EngineRecord
from functions.rules.errors import EngineNotFound, SessionNotFound
from functions.rules.event import EventAndState, EventRecord
from functions.rules.fork import Fork
from functions.rules.names import EngineName, SessionName, UserName
from functions.rules.rewind import Rewind
from functions.rules.run import Run
from functions.rules.session import SessionChange, SessionRecord
from functions.rules.shared_state import (
    SharedState,
    SharedStateChange,
    StateOwner,
    engine_of,
)
from functions.rules.state import StateChange, merged
from functions.rules.user import UserRecord
from functions.store.exporting import listed_page, page_of_engines
from functions.store.guarded_events import GuardedEvents, check_writes, narrowed
from functions.store.history import WholeSession
from functions.store.merging import list_merged
from functions.store.paging import Cursor, Page, checked_cursor, fill_page, map_page
from functions.store.protocol import (
    ALL_PARTS,
    Backlog,
    Part,
    Purged,
    all_together,
)
from functions.store.streams import EventReader

_OUTLINE = ("displayName", "description", "labels")
"""The fields of an engine that the role user sees; the others may hold secrets."""

_OfUser = Callable[[UserName, int, Callable[[], bool]], Purged]


class GuardedStore(GuardedEvents):
    """A store behind the grants of `access`; see functions.store.protocol.Store.

    For the role user, the store gets the userId as `owner` with each read and change of a session,
    and checks it in the same transaction.
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
        """Creates a session; the role user creates sessions of its own userId only."""
        self._check_creates(record, state)
        if not keeps_change:
            self._check_imports(record.name.engine)
        return self._store.create_session(
            record, state, now, require_engine=require_engine, keeps_change=keeps_change
        )

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        """Reads a session that the principal may see."""
        grant = self._on_session(name)
        record = self._store.get_session(name, now)
        if not grant.reads(record.user_id):
            raise SessionNotFound(name)
        return record

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        """The sessions that the principal may see, of one engine or of all of a location."""
        if not engine.is_wildcard:
            return self._list_sessions(self._access.on(str(engine)), engine, query, now)
        named = self._named(engine.location)
        if not named:
            return self._list_sessions(self._access.default, engine, query, now)

        def list_one(engine: EngineName, query: PageQuery) -> Page[SessionRecord]:
            return self._list_sessions(self._access.on(str(engine)), engine, query, now)

        return list_merged(list_one, named, query)

    def read_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[WholeSession]:
        """The sessions that the principal may see, with their histories."""
        named = self._named(engine.location) if engine.is_wildcard else []
        if named and not query.filter.is_empty:
            return listed_page(self.list_sessions(engine, query, now))

        def read_one(engine: EngineName, query: PageQuery) -> Page[WholeSession]:
            grant = self._access.on(str(engine))
            own = None if grant is None else narrowed(query, grant)
            return Page([], None) if own is None else self._store.read_sessions(engine, own, now)

        if not named:
            return read_one(engine, query)
        names = sorted(map(str, named))

        def next_engine(behind: str) -> str | None:
            return next((name for name in names if name > behind), None)

        return page_of_engines(engine, next_engine, read_one, query)

    def update_session(
        self,
        name: SessionName,
        change: Callable[[SessionRecord], SessionChange],
        now: int,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Changes a session that the principal may see."""
        grant = self._on_session(name)
        check_writes(grant)

        def checked(record: SessionRecord) -> SessionChange:
            if not grant.reads(record.user_id):
                raise SessionNotFound(name)
            changes = change(record)
            check_writes(grant, changes.state)
            return changes

        return self._store.update_session(name, checked, now, if_match)

    def delete_session(
        self, name: SessionName, now: int, owner: str | None = None, if_match: str | None = None
    ) -> None:
        """Removes a session that the principal may see."""
        grant = self._on_session(name)
        check_writes(grant)
        self._store.delete_session(name, now, grant.owner or owner, if_match)

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        """The sessions of that id that the principal may see."""
        return [
            name
            for name in self._store.find_sessions(location, session, now)
            if self._is_there(name, now)
        ]

    def append_events(
        self,
        name: SessionName,
        events: Sequence[EventAndState],
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> str:
        """Adds events to a session that the principal may see."""
        grant = self._on_session(name)
        state = merged(change for _, change in events)
        if state.app and not grant.writes_app_state:
            # For a session of another user, SessionNotFound comes before PermissionDenied.
            self.get_session(name, now)
        check_writes(grant, state)
        return self._store.append_events(name, events, now, grant.owner or owner, if_match)

    def append_or_create(
        self,
        record: SessionRecord,
        events: Sequence[EventAndState],
        now: int,
        *,
        require_engine: bool,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Adds events to a session of a userId for which the principal may create sessions."""
        self._check_creates(record, merged(change for _, change in events))
        return self._store.append_or_create(
            record, events, now, require_engine=require_engine, if_match=if_match
        )

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        """The events of a session that the principal may see."""
        grant = self._on_session(name)
        return self._store.list_events(name, query, now, grant.owner or owner)

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        """The runs of a session that the principal may see."""
        grant = self._on_session(name)
        return self._store.list_runs(name, query, now, grant.owner or owner)

    def watch(
        self,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventReader:
        """Follows a session that the principal may see."""
        owner = self._on_session(name).owner or owner
        return self._store.watch(name, after, now, owner, original=original)

    def get_shared_state(self, owner: StateOwner) -> SharedState:
        """The state of an engine, or of a user whose sessions the principal may see."""
        grant = self._access.on(str(engine_of(owner)))
        if grant is None:
            return SharedState(owner, (), None)
        _check_covers(grant, owner)
        return self._store.get_shared_state(owner)

    def update_shared_state(
        self, owner: StateOwner, change: SharedStateChange, now: int, *, require_engine: bool
    ) -> SharedState:
        """Changes the state of a user whose sessions the principal may change, or of an engine."""
        grant = self._on_parent(engine_of(owner))
        check_writes(grant)
        if not (isinstance(owner, UserName) or grant.writes_app_state):
            raise PermissionDenied(f"The role {grant.role} does not write app state.")
        _check_covers(grant, owner)
        return self._store.update_shared_state(owner, change, now, require_engine=require_engine)

    def list_users(
        self, engine: EngineName, query: PageQuery, owner: str | None = None
    ) -> Page[UserRecord]:
        """The users of an engine; the role user sees itself alone."""
        grant = self._access.on(str(engine))
        if grant is None:
            return Page([], None)
        return self._store.list_users(engine, query, grant.owner or owner)

    def erase_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        """Erases a user whose sessions the principal may change."""
        return self._on_user(self._store.erase_user, user, now, is_time_up)

    def count_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        """For the same principals as `erase_user`."""
        return self._on_user(self._store.count_user, user, now, is_time_up)

    def fork_session(
        self, fork: Fork, now: int, is_time_up: Callable[[], bool], owner: str | None = None
    ) -> SessionRecord | None:
        """Forks a session that the principal may see; the role user forks to its own userId."""
        grant = self._on_session(fork.source)
        check_writes(grant)
        if fork.user_id is not None and not grant.reads(fork.user_id):
            # For a session of another user, SessionNotFound comes before PermissionDenied.
            self.get_session(fork.source, now)
            raise PermissionDenied("The role user forks sessions to its own userId only.")
        return self._store.fork_session(fork, now, is_time_up, grant.owner or owner)

    def is_forking(self, name: SessionName, now: int, owner: str | None = None) -> bool:
        """For principals that may see the session once it is complete."""
        grant = self._on_session(name)
        return self._store.is_forking(name, now, grant.owner or owner)

    def rewind_session(
        self,
        name: SessionName,
        rewind: Rewind,
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> SessionRecord:
        """Rewinds a session that the principal may see."""
        grant = self._on_session(name)
        check_writes(grant)
        return self._store.rewind_session(name, rewind, now, grant.owner or owner, if_match)

    def create_engine(self, record: EngineRecord) -> None:
        """For admins of every engine: no rule names the new one yet."""
        _check_admin(self._access.default)
        self._store.create_engine(record)

    def get_engine(self, name: EngineName) -> EngineRecord:
        """An engine on which the principal has a role."""
        return _shown(self._on_engine(name), self._store.get_engine(name))

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        """The engines on which the principal has a role."""
        if self._access.default is None:
            return self._list_named_engines(location, query)
        if None not in self._access.named.values():
            return map_page(self._store.list_engines(location, query), self._shown)
        return fill_page(self._granted_engines(location, query), query, None, _engine_size)

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        """For admins of the engine."""
        _check_admin(self._on_engine(name))
        return self._store.update_engine(name, change)

    def delete_engine(
        self, name: EngineName, now: int, is_time_up: Callable[[], bool], *, force: bool
    ) -> bool:
        """For admins of the engine."""
        _check_admin(self._on_engine(name))
        return self._store.delete_engine(name, now, is_time_up, force=force)

    def is_deleting_engine(self, name: EngineName) -> bool:
        """For principals that have a role on the engine."""
        self._on_engine(name)
        return self._store.is_deleting_engine(name)

    def purge(self, now: int, is_time_up: Callable[[], bool], part: Part = ALL_PARTS) -> Purged:
        """For the principals that the settings name, and for admins of every engine."""
        self._check_purges()
        return self._store.purge(now, is_time_up, part)

    def backlog(self, now: int, most: int) -> Backlog:
        """For the same principals as the purge."""
        self._check_purges()
        return self._store.backlog(now, most)

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def _check_purges(self) -> None:
        if not self._access.may_purge:
            raise PermissionDenied("The purge is for the scheduler.")

    def _check_creates(self, record: SessionRecord, state: StateChange) -> None:
        grant = self._on_parent(record.name.engine)
        check_writes(grant, state)
        if not grant.reads(record.user_id):
            raise PermissionDenied("The role user creates sessions of its own userId only.")

    def _named(self, location: str) -> list[EngineName]:
        """The engines of a location that rules name; raises PermissionDenied if others show."""
        engines = map(EngineName.parse, self._access.named)
        named = [name for name in engines if name.location == location]
        if named and self._access.default is not None:
            raise PermissionDenied("Your role differs from engine to engine: name them one by one.")
        return named

    def _on_user(
        self, method: _OfUser, user: UserName, now: int, is_time_up: Callable[[], bool]
    ) -> Purged:
        """Calls the method for the user, of all engines at once or of each that rules name."""
        engines = self._named(user.engine.location) if user.engine.is_wildcard else []
        seen = [engine for engine in engines if self._access.on(str(engine)) is not None]
        users = [UserName(engine, user.user_id) for engine in seen] or [user]
        for each in users:
            grant = self._on_parent(each.engine)
            check_writes(grant)
            _check_covers(grant, each)
        return all_together(method(each, now, is_time_up) for each in users)

    def _on_engine(self, name: EngineName) -> Grant:
        grant = self._access.on(str(name))
        if grant is None:
            raise EngineNotFound(name)
        return grant

    def _is_there(self, name: SessionName, now: int) -> bool:
        grant = self._access.on(name.engine)
        if grant is None or grant.owner is None:
            return grant is not None
        try:
            self.get_session(name, now)
        except SessionNotFound:
            return False
        return True

    def _list_sessions(
        self, grant: Grant | None, engine: EngineName, query: PageQuery, now: int
    ) -> Page[SessionRecord]:
        own = None if grant is None else narrowed(query, grant)
        return Page([], None) if own is None else self._store.list_sessions(engine, own, now)

    def _list_named_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        records = []
        for name in map(EngineName.parse, self._access.named):
            if name.location == location:
                try:
                    records.append(self.get_engine(name))
                except EngineNotFound:
                    continue
        placed = sorted(
            (((record.create_time, str(record.name)), record) for record in records),
            key=lambda entry: entry[0],
        )
        behind = tuple(checked_cursor(query.cursor, int, str) or (0, ""))
        return fill_page(
            ((list(place), record) for place, record in placed if place > behind),
            query,
            predicate(query.filter, engine_matches),
            _engine_size,
        )

    def _granted_engines(
        self, location: str, query: PageQuery
    ) -> Iterator[tuple[Cursor, EngineRecord]]:
        """The engines of the store that the principal may see."""
        query = query._replace(is_time_up=lambda: False)
        while True:
            page = self._store.list_engines(location, query)
            for place, record in zip(page.places, page.items, strict=True):
                if self._access.on(str(record.name)) is not None:
                    yield place, self._shown(record)
            if page.cursor is None:
                return
            query = query._replace(cursor=page.cursor)

    def _shown(self, record: EngineRecord) -> EngineRecord:
        return _shown(self._on_engine(record.name), record)


def _check_covers(grant: Grant, owner: StateOwner) -> None:
    """Raises PermissionDenied for the state of a user whose sessions the grant does not show."""
    if isinstance(owner, UserName) and not grant.reads(owner.user_id):
        raise PermissionDenied("The role user has a userId of its own and reaches no other user.")


def _check_admin(grant: Grant | None) -> None:
    if grant is None or grant.role is not Role.ADMIN:
        raise PermissionDenied("Reasoning engines are created and changed by admins.")


def _engine_size(record: EngineRecord) -> int:
    return utf8_size(record.to_json())


def _shown(grant: Grant, record: EngineRecord) -> EngineRecord:
    if grant.role is not Role.USER:
        return record
    outline = {field: value for field, value in record.resource.items() if field in _OUTLINE}
    return replace(record, resource=outline)
