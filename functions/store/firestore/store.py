"""The Store protocol on Firestore.

append_event is one commit of two writes without a read; an append with `app:` or `user:` keys
reads the session first, because the server must know its user. get_session is one read call, or
two if the engine has user state. list_events is a read and a query side by side. list_runs also
reads runs, thirty a query. All other methods read, and then write on condition. The first call of
a process reads the database's version.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial

from functions.calls.filters import PageQuery
from functions.rules.engine import EngineRecord
from functions.rules.errors import (
    SessionAlreadyExists,
)
from functions.rules.event import EventAndState, EventRecord
from functions.rules.fork import Fork
from functions.rules.names import EngineName, SessionName, UserName
from functions.rules.rewind import Rewind
from functions.rules.session import SessionChange, SessionRecord, check_version, later
from functions.rules.shared_state import SharedState, SharedStateChange, StateOwner
from functions.rules.state import StateChange, join_members, merge_members
from functions.rules.user import UserRecord
from functions.store.exporting import listed_page, page_of_engines
from functions.store.firestore import (
    documents,
    engines,
    exporting,
    shared_states,
    user_erasure,
    users,
    values,
)
from functions.store.firestore.appending import (
    AppendCommit,
    append,
    append_commit,
    append_or_create,
)
from functions.store.firestore.condemned import check_parent, live
from functions.store.firestore.counting import COUNTED
from functions.store.firestore.deleting import delete_session
from functions.store.firestore.erasure import erase
from functions.store.firestore.event_keys import EventKeys
from functions.store.firestore.event_store import FirestoreEvents
from functions.store.firestore.forking import ForkCopy, is_forking
from functions.store.firestore.history import change_writes
from functions.store.firestore.layouts import Layout
from functions.store.firestore.listing import find_sessions, list_sessions
from functions.store.firestore.migration import Versions
from functions.store.firestore.purging import count_expired, finish_deletions, purge
from functions.store.firestore.retries import Retries
from functions.store.firestore.rewinding import rewind_session
from functions.store.firestore.rpc import AlreadyExists, LazyRpc, Missing, Refused, Rpc, Stale
from functions.store.firestore.schema import (
    SESSIONS,
    WITH_LOCATIONS,
    WITH_SHARDS,
)
from functions.store.firestore.session_listener import ListenerPool
from functions.store.firestore.sharing import (
    explanation,
    is_registered,
    share,
    shared_state,
    shared_writes,
    user_documents,
)
from functions.store.history import WholeSession
from functions.store.paging import Page
from functions.store.protocol import ALL_PARTS, Backlog, Part, Purged


class FirestoreStore(FirestoreEvents):
    """Sessions in one Firestore database; see functions.store.protocol.Store."""

    def __init__(
        self, project: str, database: str, emulator_host: str, timeout: int, layout: Layout
    ) -> None:
        """`timeout` is nanoseconds, for one call and for all the tries of one request."""
        self._versions = Versions(layout)
        self._rpcs = LazyRpc(
            lambda: Rpc(project, database, emulator_host, timeout), self._versions.open
        )
        self._timeout = timeout / 1e9
        self._keys = EventKeys()
        self._listeners = ListenerPool()

    def create_session(
        self,
        record: SessionRecord,
        state: StateChange,
        now: int,
        *,
        require_engine: bool,
        keeps_change: bool = True,
    ) -> SessionRecord:
        name, rpc = record.name, self._rpcs.for_request()
        incarnation = secrets.token_hex(8)
        layouts = self._versions.layouts_to_write(rpc)
        fields = {**documents.session_fields(record, incarnation, layouts), COUNTED: True}
        if record.state is not None:
            members = merge_members({}, state.session)
            fields["state"] = values.by_field_name(members)
            record.state = join_members(members.values())
        path, user_path = f"{rpc.root}/{name}", documents.user_path(name.engine, record.user_id)
        changes = change_writes(path, state) if keeps_change else []
        writes = [values.creation(path, fields), *changes]
        record.event_count = 0
        retries = Retries(name, self._timeout)
        while True:
            engine, user = rpc.batch_get([name.engine, user_path])()
            check_parent(name.engine, engine, require_engine=require_engine)
            record.shared = shared_state(engine, user, state)
            since = None if is_registered(user) else record.create_time
            shared = shared_writes(rpc, name.engine, engine, record.user_id, state, since)
            try:
                answer = rpc.commit([*writes, *shared])
            except AlreadyExists:
                (found,) = rpc.batch_get([str(name)])()
                if found is not None and documents.incarnation_of(found) == incarnation:
                    return documents.session_record(name, found, record.shared)
                if found is not None and documents.is_erased(engine, found):
                    found = user_erasure.ended(rpc, found)
                if found is not None and not documents.is_over(found, now):
                    raise SessionAlreadyExists(str(name)) from None
                erase(rpc, found, now)
            except Stale:
                retries.wait()
            else:
                record.version = documents.version_of(answer.write_results[0].update_time)
                return record

    def get_session(self, name: SessionName, now: int) -> SessionRecord:
        rpc = self._rpcs.for_request()
        found, engine = rpc.batch_get([str(name), name.engine])()
        record = documents.session_record(name, live(name, found, now, engine=engine))
        share(rpc, [record], {name.engine: engine})
        return record

    def list_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
        rpc = self._rpcs.for_request()
        if engine.is_wildcard:
            self._versions.require(rpc, WITH_LOCATIONS)
        elif not self._versions.reaches(rpc, WITH_LOCATIONS):
            self._versions.renew_all(rpc, SESSIONS, str(engine))
        layouts = None
        # A change of the layout that ends meanwhile removes the fields that the list uses.
        while layouts != (known := self._versions.layouts_to_list(rpc)):
            layouts = known
            page = list_sessions(rpc, engine, query, layouts, now)
        return page

    def read_sessions(self, engine: EngineName, query: PageQuery, now: int) -> Page[WholeSession]:
        if not query.filter.is_empty:
            return listed_page(self.list_sessions(engine, query, now))
        rpc = self._rpcs.for_request()

        def read_one(engine: EngineName, query: PageQuery) -> Page[WholeSession]:
            return exporting.read_sessions(rpc, engine, query.cursor, now)

        next_engine = partial(exporting.next_engine, rpc, engine.location)
        return page_of_engines(engine, next_engine, read_one, query)

    def update_session(
        self,
        name: SessionName,
        change: Callable[[SessionRecord], SessionChange],
        now: int,
        if_match: str | None = None,
    ) -> SessionRecord:
        rpc, retries = self._rpcs.for_request(), Retries(name, self._timeout)
        path, token = f"{rpc.root}/{name}", secrets.token_hex(8)
        while True:
            found, engine = rpc.batch_get([str(name), name.engine])()
            current = live(name, found, now, engine=engine)
            record = documents.session_record(name, current)
            owner = (name.engine, record.user_id)
            users = user_documents(rpc, {name.engine: engine}, [owner])
            if current.fields["written"].string_value == token:
                # The answer of the commit was lost.
                share(rpc, [record], {name.engine: engine})
                return record
            changes = change(record)
            check_version(name, record.version, if_match)
            changes.apply(record, later(record.update_time, now))
            state = changes.state
            incarnation, layouts = (
                documents.incarnation_of(current),
                self._versions.layouts_to_write(rpc),
            )
            fields = documents.session_fields(record, incarnation, layouts)
            fields["written"] = token
            mask = list(fields)
            if state.is_of_session:
                old = {} if state.replace else values.members_of(current, "state")
                members = merge_members(old, values.by_field_name(state.session))
                fields["state"] = members
                mask.append("state")
                record.state = join_members(members.values())
            record.shared = shared_state(engine, users.get(owner), state)
            write = values.update(path, fields, mask, changed_since=current.update_time)
            shared = shared_writes(rpc, name.engine, engine, record.user_id, state)
            try:
                answer = rpc.commit([write, *change_writes(path, state), *shared])
            except (Stale, Missing):
                retries.wait()
            except Refused as refusal:
                raise explanation(rpc, name, state, refusal) from refusal
            else:
                record.version = documents.version_of(answer.write_results[0].update_time)
                return record

    def delete_session(
        self, name: SessionName, now: int, owner: str | None = None, if_match: str | None = None
    ) -> None:
        rpc, retries = self._rpcs.for_request(), Retries(name, self._timeout)
        delete_session(rpc, name, now, owner, if_match, retries)

    def find_sessions(self, location: str, session: str, now: int) -> list[SessionName]:
        return find_sessions(self._rpcs.for_request(), location, session, now)

    def append_events(
        self,
        name: SessionName,
        events: Sequence[EventAndState],
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> str:
        rpc, retries = self._rpcs.for_request(), Retries(name, self._timeout)
        commit = self._append(rpc, name, *events)
        return append(rpc, name, commit, now, owner, if_match, retries)

    def append_or_create(
        self,
        record: SessionRecord,
        events: Sequence[EventAndState],
        now: int,
        *,
        require_engine: bool,
        if_match: str | None = None,
    ) -> SessionRecord:
        rpc, retries = self._rpcs.for_request(), Retries(record.name, self._timeout)
        commit = self._append(rpc, record.name, *events)
        return append_or_create(
            rpc, record, commit, now, retries, require_engine=require_engine, if_match=if_match
        )

    def get_shared_state(self, owner: StateOwner) -> SharedState:
        return shared_states.get_shared_state(self._rpcs.for_request(), owner)

    def update_shared_state(
        self, owner: StateOwner, change: SharedStateChange, now: int, *, require_engine: bool
    ) -> SharedState:
        rpc, retries = self._with_history(), Retries(owner, self._timeout)
        return shared_states.update_shared_state(
            rpc, owner, change, now, retries, require_engine=require_engine
        )

    def list_users(
        self, engine: EngineName, query: PageQuery, owner: str | None = None
    ) -> Page[UserRecord]:
        return users.list_users(self._with_history(), engine, query, owner)

    def erase_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        retries = Retries(user, self._timeout)
        self._with_history()
        return user_erasure.erase_user(self._rpcs.get(), user, now, is_time_up, retries)

    def count_user(self, user: UserName, now: int, is_time_up: Callable[[], bool]) -> Purged:
        self._with_history()
        return user_erasure.count_user(self._rpcs.get(), user, is_time_up)

    def fork_session(
        self, fork: Fork, now: int, is_time_up: Callable[[], bool], owner: str | None = None
    ) -> SessionRecord | None:
        self._with_history()
        rpc = self._rpcs.get()
        layouts = self._versions.layouts_to_write(rpc)
        return ForkCopy(rpc, fork, now, is_time_up, owner, layouts).run()

    def is_forking(self, name: SessionName, now: int, owner: str | None = None) -> bool:
        return is_forking(self._rpcs.for_request(), name, now, owner)

    def rewind_session(
        self,
        name: SessionName,
        rewind: Rewind,
        now: int,
        owner: str | None = None,
        if_match: str | None = None,
    ) -> SessionRecord:
        self._with_history()
        rpc, retries = self._rpcs.get(), Retries(name, self._timeout)

        def append(event: EventRecord) -> AppendCommit:
            return self._append(rpc, name, (event, StateChange()))

        return rewind_session(rpc, name, rewind, append, now, owner, if_match, retries)

    def create_engine(self, record: EngineRecord) -> None:
        engines.create_engine(self._rpcs.for_request(), record)

    def get_engine(self, name: EngineName) -> EngineRecord:
        return engines.get_engine(self._rpcs.for_request(), name)

    def list_engines(self, location: str, query: PageQuery) -> Page[EngineRecord]:
        return engines.list_engines(self._rpcs.for_request(), location, query)

    def update_engine(
        self, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
    ) -> EngineRecord:
        retries = Retries(name, self._timeout)
        return engines.update_engine(self._rpcs.for_request(), name, change, retries)

    def delete_engine(
        self, name: EngineName, now: int, is_time_up: Callable[[], bool], *, force: bool
    ) -> bool:
        retries = Retries(name, self._timeout)
        rpc = self._rpcs.get()
        return engines.delete_engine(rpc, name, now, is_time_up, retries, force=force)

    def is_deleting_engine(self, name: EngineName) -> bool:
        return engines.is_deleting_engine(self._rpcs.for_request(), name)

    def purge(self, now: int, is_time_up: Callable[[], bool], part: Part = ALL_PARTS) -> Purged:
        rpc = self._rpcs.get()
        if part.number:
            return purge(rpc, now, part, is_time_up)
        has_shards = self._versions.has_reached(WITH_SHARDS)
        deleted = finish_deletions(rpc, now, is_time_up)
        purged = purge(rpc, now, part, is_time_up)
        self._versions.migrate(rpc, now, is_time_up)
        if self._versions.has_reached(WITH_SHARDS) and not has_shards and not is_time_up():
            # The purge now finds the sessions that earlier versions wrote.
            found = purge(rpc, now, part, is_time_up)
            purged = purged.plus(found)._replace(done=found.done)
        return deleted.plus(purged)._replace(done=deleted.done and purged.done)

    def backlog(self, now: int, most: int) -> Backlog:
        return count_expired(self._rpcs.for_request(), now, most)

    def close(self) -> None:
        self._rpcs.close()

    def _append(self, rpc: Rpc, name: SessionName, *events: EventAndState) -> AppendCommit:
        return append_commit(rpc, name, events, self._keys, self._versions)
