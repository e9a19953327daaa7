"""The methods of the Store protocol for events one by one, and for compaction."""

from collections.abc import Callable, Sequence

from functions.calls.filters import PageQuery
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.firestore import compacting, event_changes, event_purge
from functions.store.firestore.event_keys import EventKeys
from functions.store.firestore.migration import Versions
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import LazyRpc, Rpc
from functions.store.firestore.schema import WITH_HISTORY
from functions.store.protocol import EventPurge


class FirestoreEvents:
    """A part of FirestoreStore, which has these attributes."""

    _rpcs: LazyRpc
    _versions: Versions
    _keys: EventKeys
    _timeout: float

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

    def _with_history(self) -> Rpc:
        """For what servers of earlier versions know nothing of; raises MigrationUnderWay."""
        rpc = self._rpcs.for_request()
        self._versions.require(rpc, WITH_HISTORY)
        return rpc

    def _retries(self, name: SessionName) -> Callable[[], Retries]:
        """The pauses of each of several commits."""
        return lambda: Retries(name, self._timeout)
