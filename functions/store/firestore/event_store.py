"""The methods of the Store protocol for events and histories, except appends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import methodcaller

from functions.calls.filters import PageQuery, event_matches, predicate
from functions.rules.event import EventRecord
from functions.rules.import_line import HistoryLine
from functions.rules.names import EngineName, SessionName
from functions.rules.run import Run
from functions.store.firestore import (
    compacting,
    documents,
    event_changes,
    event_purge,
    moving,
    queries,
)
from functions.store.firestore.condemned import live, reading
from functions.store.firestore.event_documents import event_record, load_parts, original_record
from functions.store.firestore.event_keys import EventKeys
from functions.store.firestore.event_reader import FirestoreEventReader
from functions.store.firestore.migration import Versions
from functions.store.firestore.protobuf import Document, StructuredQuery
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import LazyRpc, Rpc
from functions.store.firestore.runs import runs_by_event
from functions.store.firestore.schema import EVENTS, WITH_ARRIVALS, WITH_HISTORY
from functions.store.firestore.session_listener import ListenerPool
from functions.store.history import HistoryPiece, ImportedHistory
from functions.store.paging import Cursor, Page, checked_cursor, fill_page
from functions.store.protocol import EventPurge
from functions.store.runs import fill_runs


class FirestoreEvents:
    """A part of FirestoreStore, which has these attributes."""

    _rpcs: LazyRpc
    _versions: Versions
    _keys: EventKeys
    _timeout: float
    _listeners: ListenerPool

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        rpc = self._rpcs.for_request()
        session = reading(rpc, name)
        matches = predicate(query.filter, event_matches)
        events = _events(rpc, name, query, is_page=matches is None)
        page = fill_page(events, query, matches, methodcaller("size"))
        load_parts(page.items)
        found, engine = session()
        live(name, found, now, owner, engine)
        return page

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        rpc = self._rpcs.for_request()
        session = reading(rpc, name)
        page = fill_runs(runs_by_event(rpc, name, query), query)
        found, engine = session()
        live(name, found, now, owner, engine)
        return page

    def get_event(
        self,
        name: SessionName,
        event_id: str,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventRecord:
        rpc = self._rpcs.for_request()
        return event_changes.get_event(rpc, name, event_id, now, owner, original=original)

    def update_event(
        self,
        name: SessionName,
        event_id: str,
        change: Callable[[EventRecord], EventRecord],
        now: int,
        owner: str | None = None,
    ) -> EventRecord:
        rpc, retries = self._with_history(), Retries(name, self._timeout)
        return event_changes.update_event(rpc, name, event_id, change, now, owner, retries)

    def delete_event(
        self, name: SessionName, event_id: str, now: int, owner: str | None = None
    ) -> None:
        rpc, retries = self._with_history(), Retries(name, self._timeout)
        event_changes.delete_event(rpc, name, event_id, now, owner, retries)

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
        self._with_history()
        rpc, retries = self._rpcs.get(), self._retries(name)
        return event_purge.purge_events(
            rpc, name, query, now, owner, retries, force=force, receipt=receipt
        )

    def rewrite_events(
        self,
        name: SessionName,
        events: Sequence[EventRecord],
        edit: Callable[[EventRecord], EventRecord | None],
        now: int,
        owner: str | None = None,
    ) -> None:
        rpc = self._with_history()
        compacting.rewrite_events(rpc, name, events, edit, now, owner, self._retries(name))

    def add_summary(
        self, name: SessionName, event: EventRecord, now: int, owner: str | None = None
    ) -> None:
        rpc, retries = self._with_history(), Retries(name, self._timeout)
        key = self._keys.next(event.timestamp)
        compacting.add_summary(rpc, name, event, key, now, owner, retries)

    def watch(
        self,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> FirestoreEventReader:
        if not self._versions.reaches(rpc := self._rpcs.for_request(), WITH_ARRIVALS):
            self._versions.renew_all(rpc, EVENTS, str(name))
        commit_time = int(self._timeout * 1e9)
        return FirestoreEventReader(
            self._rpcs.get(),
            self._listeners,
            name,
            after,
            now,
            owner,
            commit_time,
            original=original,
        )

    def read_history(
        self, name: SessionName, behind: Cursor | None, now: int, owner: str | None = None
    ) -> HistoryPiece:
        rpc = self._rpcs.for_request()
        return moving.read_history(rpc, name, behind, now, owner)

    def begin_import(self, engine: EngineName) -> None:
        self._with_history()

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def import_history(
        self, name: SessionName, lines: Sequence[HistoryLine], now: int
    ) -> ImportedHistory:
        return moving.import_history(self._with_history(), name, lines, now, self._keys)

    def _with_history(self) -> Rpc:
        """For methods that servers of earlier versions lack; raises MigrationUnderWay."""
        rpc = self._rpcs.for_request()
        self._versions.require(rpc, WITH_HISTORY)
        return rpc

    def _retries(self, name: SessionName) -> Callable[[], Retries]:
        """The pauses of each of several commits."""
        return lambda: Retries(name, self._timeout)


def _events(
    rpc: Rpc, name: SessionName, query: PageQuery, *, is_page: bool
) -> Iterator[tuple[Cursor, EventRecord]]:
    start = next(map(str, checked_cursor(query.cursor, str)), None)

    def request(last: Document | None) -> StructuredQuery:
        behind = documents.event_key(last) if last is not None else start
        return queries.events_in_order(query, behind)

    limit = query.page_size + 1
    steps = queries.run_in_steps(rpc, str(name), request, limit, is_page=is_page)
    record = original_record if query.original else event_record
    for found, moment in steps:
        event = None if found is None else record(rpc, found, moment)
        if found is not None and event is not None:
            yield [documents.event_key(found)], event
