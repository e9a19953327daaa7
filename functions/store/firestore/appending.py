"""The commit of an append, and the append that creates the session that it misses."""

import secrets
from dataclasses import replace

from functions.rules.errors import SessionAlreadyExists, SessionNotFound, SessionOfAnotherUser
from functions.rules.event import EventRecord, counts_of
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord, check_version, later
from functions.rules.state import MemberChanges, StateChange, join_members, merge_members
from functions.store.firestore import documents, values
from functions.store.firestore.condemned import check_parent, is_condemned
from functions.store.firestore.counting import COUNTED, count
from functions.store.firestore.erasure import erase
from functions.store.firestore.layouts import FORMER, Layouts, micros
from functions.store.firestore.protobuf import CommitResponse, Timestamp, Write
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.sharing import is_registered, shared_state, shared_writes
from functions.store.firestore.user_erasure import ended


class AppendCommit:
    """The writes of one append: the event's document first, then its session's.

    The second write adds nothing to the session's `expiry`. Firestore answers the value of a field
    that a commit increments, so the append learns without a read whether the session has expired.
    It adds a microsecond to `updated` and then raises it to the time of the server, so that it
    moves forward whatever the clocks of servers show.
    """

    def __init__(
        self, session: str, event: EventRecord, key: str, former_id: str, layouts: Layouts
    ) -> None:
        """`session` is the full path of a document; `key` orders the event among its events.

        `former_id` is the id under which an earlier version may have stored this event, or "".
        """
        self._session = session
        self._counts = counts_of([event])
        self.layouts = layouts
        self._ids = [event.id, former_id] if former_id else [event.id]
        self._absences = [
            values.absence(f"{session}/events/{event_id}") for event_id in self._ids[1:]
        ]
        fields = documents.event_fields(event, key)
        self._event = values.creation(f"{session}/events/{event.id}", fields)
        values.stamp(self._event, "arrived")

    def writes(
        self, now: int, state: MemberChanges, changed_since: Timestamp | None = None
    ) -> list[Write]:
        """To a session that is there, and unchanged since `changed_since` if that is given."""
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
        return [self._event, session, *self._absences]

    def writes_with_session(self, fields: values.Fields) -> list[Write]:
        """To a session that this commit creates."""
        session = values.creation(self._session, {**fields, COUNTED: True})
        count(session, self._counts)
        return [self._event, session]

    def event_paths(self, session: SessionName) -> list[str]:
        """Where the event is if it has landed, below the database's root."""
        return [f"{session}/events/{event_id}" for event_id in self._ids]

    @staticmethod
    def expiry(answer: CommitResponse) -> int:
        """The session's `expiry` in microseconds, from the answer to `writes`."""
        return answer.write_results[1].transform_results[0].integer_value

    @staticmethod
    def version(answer: CommitResponse) -> str:
        """The session's version, from the answer to a commit of this append."""
        return documents.version_of(answer.write_results[1].update_time)


def append_or_create(
    rpc: Rpc,
    record: SessionRecord,
    append: AppendCommit,
    state: StateChange,
    now: int,
    retries: Retries,
    *,
    require_engine: bool,
    if_match: str | None = None,
) -> SessionRecord:
    """One read of four documents and one commit, on condition that the session has not changed."""
    name = record.name
    user_path = documents.user_path(name.engine, record.user_id)
    incarnation = secrets.token_hex(8)
    while True:
        found, engine, user, *events = rpc.batch_get(
            [str(name), name.engine, user_path, *append.event_paths(name)]
        )()
        has_landed = any(events)
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
            found, has_landed = None, False
        session = replace(record) if found is None else documents.session_record(name, found)
        if session.user_id != record.user_id:
            raise SessionOfAnotherUser(name)
        if has_landed:
            session.shared = shared_state(engine, user)
            return session
        check_version(name, session.version, if_match)
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
            writes = append.writes_with_session(fields)
        else:
            writes = append.writes(now, state.session, found.update_time)
        is_first = found is None and not is_registered(user)
        user_since = session.create_time if is_first else None
        shared = shared_writes(rpc, name.engine, engine, session.user_id, state, user_since)
        try:
            answer = rpc.commit([*writes, *shared])
        except (AlreadyExists, Missing, Stale):
            # Another writer was faster, or gRPC sent this commit twice.
            retries.wait()
        else:
            session.version = append.version(answer)
            return session
