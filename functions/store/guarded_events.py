"""The guard of the methods for single events, compaction and histories."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from functions.access.access import Access, Grant
from functions.aip.errors import PermissionDenied
from functions.calls.filters import PageQuery
from functions.rules.errors import ParentEngineNotFound, SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.import_line import HistoryLine
from functions.rules.names import EngineName, SessionName
from functions.rules.state import StateChange
from functions.store.history import HistoryPiece, ImportedHistory
from functions.store.paging import Cursor
from functions.store.protocol import EventPurge, Store


class GuardedEvents:
    """A part of GuardedStore: a store behind the grants of `access`."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

    def get_event(
        self,
        name: SessionName,
        event_id: str,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventRecord:
        """Reads an event of a session that the principal may see."""
        owner = self._on_session(name).owner or owner
        return self._store.get_event(name, event_id, now, owner, original=original)

    def update_event(
        self,
        name: SessionName,
        event_id: str,
        change: Callable[[EventRecord], EventRecord],
        now: int,
        owner: str | None = None,
    ) -> EventRecord:
        """Changes an event of a session that the principal may see."""
        owner = self._to_change(name) or owner
        return self._store.update_event(name, event_id, change, now, owner)

    def delete_event(
        self, name: SessionName, event_id: str, now: int, owner: str | None = None
    ) -> None:
        """Removes an event of a session that the principal may see."""
        self._store.delete_event(name, event_id, now, self._to_change(name) or owner)

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
        """Removes events of a session that the principal may see."""
        owner = self._to_change(name) or owner
        return self._store.purge_events(name, query, now, owner, force=force, receipt=receipt)

    def rewrite_events(
        self,
        name: SessionName,
        events: Sequence[EventRecord],
        edit: Callable[[EventRecord], EventRecord | None],
        now: int,
        owner: str | None = None,
    ) -> None:
        """Compacts events of a session that the principal may see."""
        self._store.rewrite_events(name, events, edit, now, self._to_change(name) or owner)

    def add_summary(
        self, name: SessionName, event: EventRecord, now: int, owner: str | None = None
    ) -> None:
        """Adds a summary to a session that the principal may see."""
        self._store.add_summary(name, event, now, self._to_change(name) or owner)

    def read_history(
        self, name: SessionName, behind: Cursor | None, now: int, owner: str | None = None
    ) -> HistoryPiece:
        """The history of a session that the principal may see."""
        grant = self._on_session(name)
        return self._store.read_history(name, behind, now, grant.owner or owner)

    def import_history(
        self, name: SessionName, lines: Sequence[HistoryLine], now: int
    ) -> ImportedHistory:
        """Adds history for roles that import, below an engine that they may change."""
        self._check_imports(name.engine)
        return self._store.import_history(name, lines, now)

    def together(self) -> AbstractContextManager[None]:
        """For everybody: each write within the context has its own check."""
        return self._store.together()

    def begin_import(self, engine: EngineName) -> None:
        """For the roles that write app state, of all engines on one at least.

        Each line of an import is checked again on its own engine.
        """
        grants = [self._access.on(str(engine))]
        if engine.is_wildcard:
            grants += [
                grant
                for name, grant in self._access.named.items()
                if EngineName.parse(name).location == engine.location
            ]
        if not any(grant is not None and grant.writes_app_state for grant in grants):
            roles = [grant.role for grant in grants if grant is not None]
            if not roles:
                raise ParentEngineNotFound
            raise PermissionDenied(f"The role {roles[0]} does not import sessions.")
        self._store.begin_import(engine)

    def _check_imports(self, engine: EngineName | str) -> None:
        grant = self._on_parent(engine)
        if not grant.writes_app_state:
            raise PermissionDenied(f"The role {grant.role} does not import sessions.")

    def _on_parent(self, engine: EngineName | str) -> Grant:
        grant = self._access.on(str(engine))
        if grant is None:
            raise ParentEngineNotFound
        return grant

    def _on_session(self, name: SessionName) -> Grant:
        grant = self._access.on(name.engine)
        if grant is None:
            raise SessionNotFound(name)
        return grant

    def _to_change(self, name: SessionName) -> str | None:
        """The owner that a session must have for the principal to change it; None for any."""
        grant = self._on_session(name)
        check_writes(grant)
        return grant.owner


def check_writes(grant: Grant, state: StateChange | None = None) -> None:
    """Raises PermissionDenied where the role may not write."""
    if not grant.writes:
        raise PermissionDenied(f"The role {grant.role} reads and does not write.")
    if state is not None and state.app and not grant.writes_app_state:
        keys = ", ".join(sorted(state.app))
        raise PermissionDenied(f"The role {grant.role} does not write app state: {keys:.200}.")


def narrowed(query: PageQuery, grant: Grant) -> PageQuery | None:
    """The query, for the sessions that the grant shows; None if its filter names another user."""
    if grant.owner is None:
        return query
    if query.users() - {grant.owner}:
        # A page token behind sessions of another user would tell their names.
        return None
    return query._replace(filter=query.filter.narrowed("user_id", grant.owner))
