"""Appends events to a session that is there, or that the append creates."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from functions.rules.errors import (
    SessionAlreadyExists,
    SessionNotFound,
    SessionOfAnotherUser,
    TooLarge,
)
from functions.rules.event import EventAndState, EventRecord, counts_of
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord, check_version, later
from functions.rules.state import (
    MemberChanges,
    StateChange,
    join_members,
    merge_members,
    merged,
)
from functions.store.firestore import documents, values
from functions.store.firestore.condemned import check_parent, is_condemned, live
from functions.store.firestore.counting import COUNTED, count
from functions.store.firestore.erasure import erase
from functions.store.firestore.event_documents import event_writes, parts_of
from functions.store.firestore.event_keys import EventKeys
from functions.store.firestore.layouts import FORMER, Layouts, micros
from functions.store.firestore.migration import Versions
from functions.store.firestore.protobuf import CommitResponse, Document, Timestamp, Write
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Refused, Rpc, Stale
from functions.store.firestore.schema import WITH_CANONICAL_IDS, WITH_HISTORY
from functions.store.firestore.sharing import (
    check_state_size,
    explanation,
    is_registered,
    shared_state,
    shared_writes,
    user_documents,
)
from functions.store.firestore.user_erasure import ended


class KeyedEvent(NamedTuple):
    """An event to append, its change of state, and the key that orders it among its events.

    `former_id` is the id under which an earlier version may have stored this event, or "".
    `number` is its place among the events of its commit.
    """

    event: EventRecord
    state: StateChange
    key: str
    former_id: str
    number: int

    @property
    def ids(self) -> list[str]:
        """The ids under which the event is if it has landed."""
        return [self.event.id, self.former_id] if self.former_id else [self.event.id]


class AppendCommit:
    """The writes of one append, of an event or several: the first event, its session, the others.

    The session's write adds nothing to the session's `expiry`. Firestore answers the value of a
    field that a commit increments, so the append learns without a read whether the session has
    expired. It adds a microsecond to `updated` and then raises it to the time of the server, so
    that it moves forward whatever the clocks of servers show.
    """

    def __init__(self, session: str, events: Sequence[KeyedEvent], layouts: Layouts) -> None:
        """`session` is the full path of a document."""
        self._session = session
        self._keyed = events
        self._counts = counts_of(keyed.event for keyed in events)
        self.state = merged(keyed.state for keyed in events)
        self.layouts = layouts
        self._events: list[Write] = []
        self._others: list[Write] = []
        for keyed in events:
            place = {"n": keyed.number} if keyed.number else {}
            fields = {**documents.event_fields(keyed.event, keyed.key), **place}
            event, *parts = event_writes(f"{session}/events/{keyed.event.id}", keyed.event, fields)
            values.stamp(event, "arrived")
            self._events.append(event)
            absences = [f"{session}/events/{former_id}" for former_id in keyed.ids[1:]]
            self._others += [*map(values.absence, absences), *parts]

    @property
    def is_of_one(self) -> bool:
        """Whether it appends one event."""
        return len(self._keyed) == 1

    def writes(
        self, now: int, state: MemberChanges, changed_since: Timestamp | None = None
    ) -> list[Write]:
        """The writes to a session that exists, and is unchanged since `changed_since` if given."""
        fields: dict[str, values.Storable] = {}
        mask = [values.field_path("state", key) for key in state]
        if FORMER in self.layouts:
            fields["updateTime"] = values.timestamp(now)
            mask.append("updateTime")
        if state:
            fields["state"] = values.stored_members(state)
        session = values.update(self._session, fields, mask, changed_since=changed_since)
        add = session.update_transforms.add
        add(field_path="expiry").increment.integer_value = 0
        # Firestore takes the transforms of one field in their order.
        add(field_path="updated").increment.integer_value = 1
        add(field_path="updated").maximum.integer_value = micros(now)
        count(session, self._counts)
        return self._with(session)

    def writes_with_session(self, fields: values.Fields) -> list[Write]:
        """To a session that this commit creates."""
        session = values.creation(self._session, {**fields, COUNTED: True})
        count(session, self._counts)
        return self._with(session)

    def event_paths(self, session: SessionName) -> list[str]:
        """The paths that the events have if they are stored, below the database's root."""
        return [f"{session}/events/{event_id}" for keyed in self._keyed for event_id in keyed.ids]

    def missing(self, found: Sequence[Document | None]) -> "AppendCommit | None":
        """The append of the events that have not landed; None where all have.

        `found` has the documents of `event_paths`.
        """
        there = iter(found)
        left = [
            keyed for keyed in self._keyed if not sum(next(there) is not None for _ in keyed.ids)
        ]
        if len(left) == len(self._keyed):
            return self
        return AppendCommit(self._session, left, self.layouts) if left else None

    def _with(self, session: Write) -> list[Write]:
        first, *others = self._events
        return [first, session, *others, *self._others]

    @staticmethod
    def expiry(answer: CommitResponse) -> int:
        """The session's `expiry` in microseconds, from the answer to `writes`."""
        return answer.write_results[1].transform_results[0].integer_value

    @staticmethod
    def version(answer: CommitResponse) -> str:
        """The session's version, from the answer to a commit of this append."""
        return documents.version_of(answer.write_results[1].update_time)


def append_commit(
    rpc: Rpc,
    name: SessionName,
    events: Sequence[EventAndState],
    keys: EventKeys,
    versions: Versions,
) -> AppendCommit:
    """The commit of an append; raises MigrationUnderWay where other servers could not read it."""
    if len(events) > 1:
        # Servers of earlier versions do not tell the events of one commit apart.
        versions.require(rpc, WITH_HISTORY)
    if not versions.has_reached(WITH_HISTORY):
        for event, _ in events:
            event.shorter = ""
            if parts_of(event):
                versions.require(rpc, WITH_HISTORY)
    has_former_ids = not versions.has_reached(WITH_CANONICAL_IDS)
    keyed = [
        KeyedEvent(
            event,
            state,
            keys.next(event.timestamp),
            event.former_id if has_former_ids else "",
            number,
        )
        for number, (event, state) in enumerate(events)
    ]
    return AppendCommit(f"{rpc.root}/{name}", keyed, versions.layouts_to_write(rpc))


def append(
    rpc: Rpc,
    name: SessionName,
    commit: AppendCommit,
    now: int,
    owner: str | None,
    if_match: str | None,
    retries: Retries,
) -> str:
    """Appends to a session that is there, and answers its version.

    One commit without a read where no event has landed yet. It reads the session before where the
    state needs it or the session must have an owner, and the events where some may have landed.
    """
    expected = None if if_match is None else documents.written_at(if_match)
    is_known = if_match is None or expected is not None
    while True:
        if not is_known:
            # Others wrote since that version, or this append did and its answer was lost.
            found, *events = rpc.batch_get([str(name), *commit.event_paths(name)])()
            version = documents.version_of(live(name, found, now, owner).update_time)
            left = commit.missing(events)
            if left is None:
                return version
            check_version(name, version, if_match)
            commit, is_known = left, True
            retries.wait()
        state, shared = commit.state, list[Write]()
        unchanged_since = expected
        if state.needs_current_state or owner is not None:
            found, engine = rpc.batch_get([str(name), name.engine])()
            current = live(name, found, now, owner, engine)
            user_id = documents.user_id_of(current)
            owners = [(name.engine, user_id)] if state.user else []
            users = user_documents(rpc, {name.engine: engine}, owners)
            try:
                check_state_size(current, state)
                shared_state(engine, users.get((name.engine, user_id)), state)
            except TooLarge:
                # What has landed is merged already, and may have shrunk since.
                left = commit.missing(_landed(rpc, name, commit))
                if left is None:
                    return documents.version_of(current.update_time)
                if left is commit:
                    raise
                commit = left
                continue
            unchanged_since = expected or current.update_time
            shared = shared_writes(rpc, name.engine, engine, user_id, state)
        try:
            answer = rpc.commit([*commit.writes(now, state.session, unchanged_since), *shared])
        except AlreadyExists:
            left = None if commit.is_of_one else commit.missing(_landed(rpc, name, commit))
            if left is None:
                (found,) = rpc.batch_get([str(name)], ["expiry"])()
                return documents.version_of(live(name, found, now).update_time)
            if left is commit:
                # The session that had them has gone meanwhile.
                retries.wait()
            commit = left
        except Missing:
            raise SessionNotFound(name) from None
        except Stale:
            is_known = if_match is None
            if is_known:
                retries.wait()
        except Refused as refusal:
            raise explanation(rpc, name, state, refusal) from refusal
        else:
            if commit.expiry(answer) <= now // 1000:
                raise SessionNotFound(name)
            return commit.version(answer)


def _landed(rpc: Rpc, name: SessionName, commit: AppendCommit) -> list[Document | None]:
    """The documents of the events that have landed, without their texts."""
    return rpc.batch_get(commit.event_paths(name), [COUNTED])()


def append_or_create(
    rpc: Rpc,
    record: SessionRecord,
    append: AppendCommit,
    now: int,
    retries: Retries,
    *,
    require_engine: bool,
    if_match: str | None = None,
) -> SessionRecord:
    """Appends to a session that is there or that it creates from `record`, and answers it.

    One read of three documents and the events, and one commit, on condition that the session has
    not changed.
    """
    name = record.name
    user_path = documents.user_path(name.engine, record.user_id)
    incarnation = secrets.token_hex(8)
    while True:
        found, engine, user, *events = rpc.batch_get(
            [str(name), name.engine, user_path, *append.event_paths(name)]
        )()
        left = append.missing(events)
        is_live = documents.is_live(found, now, None, engine)
        if not is_live or is_condemned(engine):
            check_parent(name.engine, engine, require_engine=require_engine)
        if not is_live:
            if if_match is not None:
                raise SessionNotFound(name)
            if found is not None:
                if documents.is_erased(engine, found):
                    found = ended(rpc, found)
                if not documents.is_over(found, now):
                    raise SessionAlreadyExists(str(name))
                erase(rpc, found, now)
            found, left = None, append
        session = replace(record) if found is None else documents.session_record(name, found)
        if session.user_id != record.user_id:
            raise SessionOfAnotherUser(name)
        if left is None:
            session.shared = shared_state(engine, user)
            return session
        check_version(name, session.version, if_match)
        state = left.state
        session.update_time = later(session.update_time, now)
        session.shared = shared_state(engine, user, state)
        changes = values.stored_members(state.session)
        if changes:
            members = merge_members(values.members_of(found, "state"), {**changes})
            session.state = join_members(members.values())
        if found is None:
            fields = documents.session_fields(session, incarnation, append.layouts)
            if changes:
                fields["state"] = changes
            writes = left.writes_with_session(fields)
        else:
            writes = left.writes(now, state.session, found.update_time)
        is_first = found is None and not is_registered(user)
        user_since = session.create_time if is_first else None
        shared = shared_writes(rpc, name.engine, engine, session.user_id, state, user_since)
        try:
            answer = rpc.commit([*writes, *shared])
        except (AlreadyExists, Missing, Stale):
            # Another writer was faster, or gRPC sent this commit twice.
            retries.wait()
        else:
            session.version = left.version(answer)
            return session
