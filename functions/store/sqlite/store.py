"""The Store protocol in SQL: a write is one transaction, except removals of many rows.

If few methods need a module, those methods import it themselves; see
docs/decisions/0009-starts-import-little.md.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from functions.calls.filters import event_matches, predicate
from functions.rules.errors import (
    SessionNotFound,
    SessionOfAnotherUser,
    StoreUnavailable,
)
from functions.rules.event import EventRecord, counts_of
from functions.rules.names import EngineName, SessionName
from functions.rules.session import check_version
from functions.rules.state import StateChange, merged
from functions.store.paging import fill_page
from functions.store.protocol import ALL_PARTS, Part, Purged
from functions.store.sqlite import engines, listing
from functions.store.sqlite.change_poller import ChangePoller
from functions.store.sqlite.creating import create_session
from functions.store.sqlite.database import Database
from functions.store.sqlite.erasing import (
    ROWS,
    Erasure,
    condemn_session,
    count_expired,
    purge_some,
)
from functions.store.sqlite.event_store import SqliteEvents
from functions.store.sqlite.rows import (
    count,
    insert_events,
    keep_change,
    live_keys,
    live_session,
    merge_state,
    new_events,
    session_row,
    touch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from sqlite3 import Connection

    from functions.calls.filters import PageQuery
    from functions.rules.engine import EngineRecord
    from functions.rules.event import EventAndState
    from functions.rules.fork import Fork
    from functions.rules.import_line import HistoryLine
    from functions.rules.names import UserName
    from functions.rules.rewind import Rewind
    from functions.rules.run import Run
    from functions.rules.session import SessionChange, SessionRecord
    from functions.rules.shared_state import SharedState, SharedStateChange, StateOwner
    from functions.rules.user import UserRecord
    from functions.store.history import HistoryPiece, ImportedHistory, WholeSession
    from functions.store.paging import Cursor, Page
    from functions.store.protocol import Backlog
    from functions.store.sqlite.event_reader import SqliteEventReader


class SqliteStore(SqliteEvents):
    """Sessions in one SQLite file; see functions.store.protocol.Store."""

    def __init__(self, path: str, timeout: int) -> None:
        self._timeout = timeout
        self._database = Database(path, timeout)
        self._poller = ChangePoller(self._database)

    def create_session(
        self,
        record: SessionRecord,
        state: StateChange,
        now: int,
        *,
        require_engine: bool,
        keeps_change: bool = True,
    ) -> SessionRecord:
        return self._database.run(
            lambda db: create_session(
                db, record, state, now, require_engine=require_engine, keeps_change=keeps_change
            )
        )

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        with self._database.statement() as db:
            return live_session(db, name, now)[1]

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        with self._reading(one_statement=listing.is_one_statement(engine, query)) as db:
            return listing.list_sessions(db, engine, query, now)

    def update_session(
        self,
        name: SessionName,
        change: Callable[[SessionRecord], SessionChange],
        now: int,
        if_match: str | None = None,
    ) -> SessionRecord:
        with self._database.write() as db:
            keys, record = live_session(db, name, now)
            # A caller who may not see the session learns no version of it.
            changes = change(record)
            check_version(name, record.version, if_match)
            changes.apply(record, now)
            touch(db, keys.session, now, session_row(record))
            merge_state(db, keys, changes.state)
            keep_change(db, keys.session, changes.state)
            return live_session(db, name, now)[1]

    def delete_session(
        self, name: SessionName, now: int, owner: str | None = None, if_match: str | None = None
    ) -> None:
        with self._database.write() as db:
            keys = live_keys(db, name, now, owner)
            check_version(name, keys.version, if_match)
            session = keys.session
            condemn_session(db, session, now)
            is_gone = Erasure(db, now).session(session)
        if not is_gone:
            end = time.monotonic() + self._timeout / 2e9
            self._erase(
                lambda erasure: erasure.session(session), now, lambda: time.monotonic() >= end
            )

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        with self._database.statement() as db:
            rows = db.execute(
                "SELECT e.name FROM sessions s JOIN engines e ON e.id = s.engine "
                "WHERE s.session_id = ? AND s.expiry > ? AND e.location = ? ORDER BY e.name",
                (session, now // 1000, location),
            ).fetchall()
        return [SessionName(engine, session) for (engine,) in rows]

    def append_events(
        self,
        name: SessionName,
        events: Sequence[EventAndState],
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> str:
        def append(db: Connection) -> str:
            keys = live_keys(db, name, now, owner)
            new = new_events(db, keys.session, events)
            if new:
                check_version(name, keys.version, if_match)
                insert_events(db, keys.session, [event for event, _ in new])
                count(db, keys, now, counts_of(event for event, _ in new))
                merge_state(db, keys, merged(state for _, state in new))
            return keys.version

        return self._database.run(append)

    def append_or_create(
        self,
        record: SessionRecord,
        events: Sequence[EventAndState],
        now: int,
        *,
        require_engine: bool,
        if_match: str | None = None,
    ) -> SessionRecord:
        name = record.name

        def append(_: Connection) -> SessionRecord:
            try:
                found = self.get_session(name, now)
            except SessionNotFound:
                if if_match is not None:
                    raise
                found = self.create_session(
                    record, StateChange(), now, require_engine=require_engine
                )
            if found.user_id != record.user_id:
                raise SessionOfAnotherUser(name)
            self.append_events(name, events, now, None, if_match)
            return self.get_session(name, now)

        return self._database.run(append)

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        with self._reading(one_statement=listing.has_one_statement(query)) as db:
            page = fill_page(
                listing.live_events(db, name, query, now, owner),
                query,
                predicate(query.filter, event_matches),
                EventRecord.size,
                to_cursor=listing.event_cursor,
            )
            if not page.items:
                live_keys(db, name, now, owner)
            return page

    def read_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[WholeSession]:
        from functools import partial

        from functions.store.exporting import listed_page, page_of_engines
        from functions.store.sqlite import moving

        if not query.filter.is_empty:
            return listed_page(self.list_sessions(engine, query, now))
        with self._database.snapshot() as db:

            def read_one(engine: EngineName, query: PageQuery) -> Page[WholeSession]:
                return moving.read_sessions(db, engine, query.cursor, now)

            next_engine = partial(moving.next_engine, db, engine.location)
            return page_of_engines(engine, next_engine, read_one, query)

    def read_history(
        self, name: SessionName, behind: Cursor | None, now: int, owner: str | None = None
    ) -> HistoryPiece:
        from functions.store.sqlite import moving

        with self._database.snapshot() as db:
            return moving.read_history(db, name, behind, now, owner)

    def begin_import(self, engine: EngineName) -> None:
        pass

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._database.write():
            yield

    def import_history(
        self, name: SessionName, lines: Sequence[HistoryLine], now: int
    ) -> ImportedHistory:
        from functions.store.sqlite import moving

        with self._database.write() as db:
            return moving.import_history(db, name, lines, now)

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        from functions.store.runs import fill_runs
        from functions.store.sqlite.runs import runs_by_event

        with self._database.snapshot() as db:
            session = live_keys(db, name, now, owner).session
            return fill_runs(runs_by_event(db, session, query), query)

    def watch(
        self,
        name: SessionName,
        after: Cursor | None,
        now: int,
        owner: str | None = None,
        *,
        original: bool = False,
    ) -> SqliteEventReader:
        from functions.store.sqlite.event_reader import SqliteEventReader

        return SqliteEventReader(
            self._database, self._poller, name, after, now, owner, original=original
        )

    def get_shared_state(self, owner: StateOwner) -> SharedState:
        from functions.store.sqlite import shared_states

        with self._database.snapshot() as db:
            return shared_states.get_shared_state(db, owner)

    def update_shared_state(
        self, owner: StateOwner, change: SharedStateChange, now: int, *, require_engine: bool
    ) -> SharedState:
        from functions.store.sqlite import shared_states

        with self._database.write() as db:
            return shared_states.update_shared_state(
                db, owner, change, now, require_engine=require_engine
            )

    def list_users(
        self, engine: EngineName, query: PageQuery, owner: str | None = None
    ) -> Page[UserRecord]:
        from functions.store.sqlite import users

        with self._database.snapshot() as db:
            return users.list_users(db, engine, query, owner)

    def erase_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        from functions.store.sqlite import users

        with self._database.write() as db:
            erasures = users.begin_erasures(db, user)
        for erasure in erasures:
            is_hidden = False
            while not is_hidden:
                with self._database.write() as db:
                    is_hidden = users.hide_some(db, erasure, ROWS)
                self._database.let_others_write()
        total = Purged(0, 0, done=False)
        # All is hidden already; what cannot be removed now goes with the next call or purge.
        with suppress(StoreUnavailable):
            while erasures:
                with self._database.write() as db:
                    removal = Erasure(db, now)
                    is_gone = removal.engine(erasures[0])
                total = total.plus(removal.purged(done=False))
                erasures = erasures[is_gone:]
                if erasures and is_time_up():
                    return total
            return total._replace(done=self._end_erasures(is_time_up))
        return total

    def count_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        from functions.store.sqlite import users

        with self._database.snapshot() as db:
            return users.count_user(db, user)

    def fork_session(
        self, fork: Fork, now: int, is_time_up: Callable[[], bool], owner: str | None = None
    ) -> SessionRecord | None:
        from functions.store.sqlite import forking

        return forking.fork_session(self._database, fork, now, is_time_up, owner)

    def is_forking(self, name: SessionName, now: int, owner: str | None = None) -> bool:
        from functions.store.sqlite import forking

        with self._database.statement() as db:
            return forking.is_forking(db, name, now, owner)

    def rewind_session(
        self,
        name: SessionName,
        rewind: Rewind,
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> SessionRecord:
        from functions.store.sqlite.rewinding import rewind_session

        with self._database.write() as db:
            return rewind_session(db, name, rewind, now, owner, if_match)

    def create_engine(self, record: EngineRecord) -> None:
        with self._database.write() as db:
            engines.create_engine(db, record)

    def get_engine(self, name: EngineName) -> EngineRecord:
        with self._database.statement() as db:
            return engines.get_engine(db, name)

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        with self._database.snapshot() as db:
            return engines.list_engines(db, location, query)

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        with self._database.write() as db:
            return engines.update_engine(db, name, change)

    def delete_engine(
        self, name: EngineName, now: int, is_time_up: Callable[[], bool], *, force: bool
    ) -> bool:
        with self._database.write() as db:
            engine = engines.condemn_engine(db, name, now, force=force)
            is_gone = Erasure(db, now).engine(engine)
        return is_gone or self._erase(lambda erasure: erasure.engine(engine), now, is_time_up)

    def is_deleting_engine(self, name: EngineName) -> bool:
        with self._database.statement() as db:
            return engines.condemned_engine(db, name) is not None

    def purge(self, now: int, is_time_up: Callable[[], bool], part: Part = ALL_PARTS) -> Purged:
        total = Purged(0, 0, done=False)
        while True:
            with self._database.write() as db:
                purged = purge_some(db, now, part)
            total = total.plus(purged)
            if purged.done:
                return total._replace(done=part.number > 0 or self._end_erasures(is_time_up))
            if is_time_up():
                return total
            self._database.let_others_write()

    def backlog(self, now: int, most: int) -> Backlog:
        with self._database.statement() as db:
            return count_expired(db, now, most)

    def _erase(
        self, step: Callable[[Erasure], bool], now: int, is_time_up: Callable[[], bool]
    ) -> bool:
        """Repeats a step of removal and tells whether nothing is left; the purge does the rest."""
        is_gone = False
        # The rows are hidden already, so that the delete has succeeded even if this fails.
        with suppress(StoreUnavailable):
            while not is_gone and not is_time_up():
                self._database.let_others_write()
                with self._database.write() as db:
                    is_gone = step(Erasure(db, now))
        return is_gone

    def _end_erasures(self, is_time_up: Callable[[], bool]) -> bool:
        """Rewrites the file where an erasure has removed all rows; False if readers are long."""
        from functions.store.sqlite import users

        with self._database.snapshot() as db:
            emptied = users.emptied_erasures(db)
        if not emptied:
            return True
        if not self._database.rewrite(is_time_up):
            return False
        with self._database.write() as db:
            users.end_erasures(db, emptied)
        self._database.empty_log()
        return True

    def _reading(self, *, one_statement: bool) -> AbstractContextManager[Connection]:
        return self._database.statement() if one_statement else self._database.snapshot()

    def close(self) -> None:
        self._poller.close()
        self._database.close()
