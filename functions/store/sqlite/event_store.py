"""The methods of the Store protocol for events one by one, and for compaction."""

from collections.abc import Callable, Sequence

from functions.calls.filters import PageQuery
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.names import SessionName
from functions.store.protocol import MOST_SAMPLED, EventPurge
from functions.store.sqlite import event_changes
from functions.store.sqlite.database import Database
from functions.store.sqlite.rows import live_keys


class SqliteEvents:
    """A part of SqliteStore, which has this attribute."""

    _database: Database

    def get_event(
        self,
        name: SessionName,
        event_id: str,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> EventRecord:
        with self._database.snapshot() as db:
            return event_changes.get_event(db, name, event_id, now, owner, original=original)

    def update_event(
        self,
        name: SessionName,
        event_id: str,
        change: Callable[[EventRecord], EventRecord],
        now: int,
        owner: str | None = None,
    ) -> EventRecord:
        with self._database.write() as db:
            return event_changes.update_event(db, name, event_id, change, now, owner)

    def delete_event(
        self, name: SessionName, event_id: str, now: int, owner: str | None = None
    ) -> None:
        with self._database.write() as db:
            event_changes.delete_event(db, name, event_id, now, owner)

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
        with self._database.snapshot() as db:
            session = live_keys(db, name, now, owner).session
            last = event_changes.last_event(db, session)
            former = event_changes.read_receipt(db, session, receipt) if force else None
        if former is not None:
            return former
        found = list[str]()
        while True:
            with self._database.write() if force else self._database.snapshot() as db:
                keys = live_keys(db, name, now, owner)
                if keys.session != session:
                    raise SessionNotFound(name)
                some, cursor = event_changes.purge_some(db, keys, query, last, now, force=force)
                found += some
                purge = EventPurge(len(found), tuple(found[:MOST_SAMPLED]), cursor is None)
                if force and receipt and purge.done:
                    event_changes.keep_receipt(db, session, receipt, purge)
            if purge.done or query.is_time_up():
                return purge
            query = query._replace(cursor=cursor)
            if force:
                self._database.let_others_write()

    def rewrite_events(
        self,
        name: SessionName,
        events: Sequence[EventRecord],
        edit: Callable[[EventRecord], EventRecord | None],
        now: int,
        owner: str | None = None,
    ) -> None:
        if not events:
            return
        with self._database.write() as db:
            event_changes.rewrite_events(db, name, events, edit, now, owner)

    def add_summary(
        self, name: SessionName, event: EventRecord, now: int, owner: str | None = None
    ) -> None:
        with self._database.write() as db:
            event_changes.add_summary(db, name, event, now, owner)
