"""Rewinds a session: reads its history up to the rewind's moment, and appends on condition."""

from collections.abc import Callable

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.fork import Point
from functions.rules.names import SessionName
from functions.rules.rewind import Rewind, rewind_event
from functions.rules.session import SessionRecord, check_version, later
from functions.rules.state import join_members, merge_members
from functions.store.firestore import documents, values
from functions.store.firestore.appending import AppendCommit
from functions.store.firestore.arrivals import place_before, state_at
from functions.store.firestore.condemned import is_condemned
from functions.store.firestore.queries import newest_by_key
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.sharing import share


def rewind_session(
    rpc: Rpc,
    name: SessionName,
    rewind: Rewind,
    append: Callable[[EventRecord], AppendCommit],
    now: int,
    owner: str | None,
    if_match: str | None,
    retries: Retries,
) -> SessionRecord:
    """One commit, on condition that nobody has written the session since; see the protocol."""
    while True:
        event_path = f"{name}/events/{rewind.event_id}"
        found, engine, landed = rpc.batch_get([str(name), name.engine, event_path])()
        if is_condemned(engine) or not documents.is_live(found, now, owner, engine):
            raise SessionNotFound(name)
        record = documents.session_record(name, found)
        share(rpc, [record], {name.engine: engine})
        if landed is not None:
            return record
        check_version(name, record.version, if_match)
        point = Point(before_invocation_id=rewind.before_invocation_id)
        then = state_at(rpc, name, place_before(rpc, name, point))
        members = values.members_of(found, "state")
        timestamp = max(now, _newest(rpc, name))
        event, change = rewind_event(rewind, members, then, timestamp)
        commit = append(event)
        try:
            answer = rpc.commit(commit.writes(now, change.session, found.update_time))
        except (AlreadyExists, Missing, Stale):
            retries.wait()
        else:
            record.update_time = later(record.update_time, now)
            changed = merge_members(members, values.by_field_name(change.session))
            if changed or record.state is not None:
                record.state = join_members(changed.values())
            record.version = commit.version(answer)
            return record


def _newest(rpc: Rpc, name: SessionName) -> int:
    """The timestamp of the last event of the list, in nanoseconds."""
    ((found, _),) = rpc.run_query(str(name), newest_by_key())
    return MIN_TIMESTAMP if found is None else documents.timestamp_of(found)
