"""The Store protocol in SQL: a write is one transaction, a read one statement."""

from collections.abc import Callable

from functions.messages.json_text import write_json
from functions.rules.engine import EngineRecord
from functions.rules.errors import EngineMissing, SessionAlreadyExists
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.filters import PageQuery, event_matches, session_matches, test_of
from functions.rules.names import EngineName, SessionName
from functions.rules.run import Run
from functions.rules.session import SessionChange, SessionRecord
from functions.rules.state import StateChange, join_members, merge_members
from functions.store.paging import Cursor, Page, fill_page, map_page
from functions.store.protocol import Purged
from functions.store.runs import fill_runs
from functions.store.sqlite import engines
from functions.store.sqlite.database import Database
from functions.store.sqlite.listing import (
    JOINED,
    events_in_order,
    joined_events,
    joined_sessions,
    sessions_in_order,
)
from functions.store.sqlite.rows import (
    erase,
    live_session,
    merge_shared,
    merge_state,
    purge_some,
    split_expiry,
)
from functions.store.sqlite.runs import runs_by_event
from functions.store.sqlite.watching import Changes, SqliteWatch


class SqliteStore:
    """Sessions in one SQLite file; see functions.store.protocol.Store."""

    def __init__(self, path: str, timeout: int) -> None:
        self._database = Database(path, timeout)
        self._changes = Changes(self._database)

    def create_session(
        self, record: SessionRecord, state: StateChange, now: int, *, require_engine: bool
    ) -> SessionRecord:
        engine_name, session_id = record.name
        with self._database.write() as db:
            row = db.execute(
                "SELECT e.id, e.create_time, s.id, s.expiry FROM engines e "
                "LEFT JOIN sessions s ON s.engine = e.id AND s.session_id = ? WHERE e.name = ?",
                (session_id, engine_name),
            ).fetchone()
            engine, engine_time, old, old_expiry = row or (None, None, None, 0)
            if require_engine and engine_time is None:
                raise EngineMissing
            if engine is None:
                engine = engines.add_engine(db, EngineName.parse(engine_name))
            if old is not None:
                if old_expiry > now // 1000:
                    raise SessionAlreadyExists(str(record.name))
                erase(db, [old])
            expiry, rest = split_expiry(record.expire_time)
            members = merge_members({}, state.session)
            db.execute(
                "INSERT INTO sessions (engine, session_id, user_id, display_name, labels, "
                "create_time, update_time, expiry, expire_rest, state, unknown, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    engine,
                    session_id,
                    record.user_id,
                    record.display_name,
                    write_json(record.labels),
                    record.create_time,
                    record.update_time,
                    expiry,
                    rest,
                    None if record.state is None else join_members(members.values()),
                    record.unknown,
                    record.text(),
                ),
            )
            merge_shared(db, engine, record.user_id, state)
            return live_session(db, record.name, now)[2]

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        with self._database.look() as db:
            return live_session(db, name, now)[2]

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        with self._database.read() as db:
            return fill_page(
                sessions_in_order(db, engine, query, now),
                query,
                test_of(query.filter, session_matches),
                SessionRecord.size,
            )

    def join_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[str]:
        with self._database.read() as db:
            page = joined_sessions(db, engine, query, now)
        return page or map_page(self.list_sessions(engine, query, now), SessionRecord.to_json)

    def update_session(
        self, name: SessionName, change: Callable[[SessionRecord], SessionChange], now: int
    ) -> SessionRecord:
        with self._database.write() as db:
            session, engine, record = live_session(db, name, now)
            changes = change(record)
            changes.apply(record, now)
            if changes.state.is_of_session:
                record.state = merge_state(record.state, changes.state)
            merge_shared(db, engine, record.user_id, changes.state)
            expiry, rest = split_expiry(record.expire_time)
            db.execute(
                "UPDATE sessions SET display_name = ?, labels = ?, update_time = ?, expiry = ?, "
                "expire_rest = ?, state = ?, unknown = ?, text = ? WHERE id = ?",
                (
                    record.display_name,
                    write_json(record.labels),
                    now,
                    expiry,
                    rest,
                    record.state,
                    record.unknown,
                    record.text(),
                    session,
                ),
            )
            return live_session(db, name, now)[2]

    def delete_session(self, name: SessionName, now: int, owner: str | None = None) -> None:
        with self._database.write() as db:
            session, _, _ = live_session(db, name, now, owner)
            # A move, by which those who watch the session hear of its end.
            db.execute("UPDATE sessions SET update_time = ? WHERE id = ?", (now, session))
            erase(db, [session])

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        with self._database.look() as db:
            rows = db.execute(
                "SELECT e.name FROM sessions s JOIN engines e ON e.id = s.engine "
                "WHERE s.session_id = ? AND s.expiry > ? AND e.location = ? ORDER BY e.name",
                (session, now // 1000, location),
            ).fetchall()
        return [SessionName(engine, session) for (engine,) in rows]

    def append_event(
        self,
        name: SessionName,
        event: EventRecord,
        state: StateChange,
        now: int,
        owner: str | None = None,
    ) -> None:
        with self._database.write() as db:
            session, engine, record = live_session(db, name, now, owner)
            added = db.execute(
                "INSERT OR IGNORE INTO events "
                "(session, timestamp_key, id, author, invocation_id, text) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    session,
                    timestamp_key(event.timestamp),
                    event.id,
                    event.author,
                    event.invocation_id,
                    event.text,
                ),
            )
            is_retry = added.rowcount == 0
            if is_retry:
                return
            if state.is_of_session:
                record.state = merge_state(record.state, state)
            record.update_time = now
            db.execute(
                "UPDATE sessions SET update_time = ?, state = ?, text = ? WHERE id = ?",
                (now, record.state, record.text(), session),
            )
            merge_shared(db, engine, record.user_id, state)

    def list_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[EventRecord]:
        with self._database.read() as db:
            session, _, _ = live_session(db, name, now, owner)
            return fill_page(
                events_in_order(db, session, query),
                query,
                test_of(query.filter, event_matches),
                EventRecord.size,
            )

    def join_events(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[str]:
        database = self._database
        with database.look() if query.page_size < JOINED else database.read() as db:
            page = joined_events(db, name, query, now, owner)
        if page is not None:
            return page
        session = str(name)
        events = self.list_events(name, query, now, owner)
        return map_page(events, lambda event: event.to_json(session))

    def list_runs(
        self, name: SessionName, query: PageQuery, now: int, owner: str | None = None
    ) -> Page[Run]:
        with self._database.read() as db:
            session, _, _ = live_session(db, name, now, owner)
            return fill_runs(runs_by_event(db, session, query), query)

    def watch(
        self, name: SessionName, after: Cursor | None, now: int, owner: str | None = None
    ) -> SqliteWatch:
        return SqliteWatch(self._database, self._changes, name, after, now, owner)

    def create_engine(self, record: EngineRecord) -> None:
        with self._database.write() as db:
            engines.create_engine(db, record)

    def get_engine(self, name: EngineName) -> EngineRecord:
        with self._database.look() as db:
            return engines.get_engine(db, name)

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        with self._database.read() as db:
            return engines.list_engines(db, location, query)

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        with self._database.write() as db:
            return engines.update_engine(db, name, change)

    def delete_engine(self, name: EngineName, now: int, *, force: bool) -> None:
        with self._database.write() as db:
            engines.delete_engine(db, name, now, force=force)

    def purge(self, now: int, is_time_up: Callable[[], bool]) -> Purged:
        total = Purged(0, 0, done=False)
        while True:
            with self._database.write() as db:
                purged = purge_some(db, now)
            total = total.plus(purged)
            if purged.done:
                return Purged(total.sessions, total.events, done=True)
            if is_time_up():
                return total

    def close(self) -> None:
        self._changes.close()
        self._database.close()
