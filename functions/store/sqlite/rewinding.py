"""Rewinds a session in one transaction."""

import sqlite3

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.rules.errors import SessionNotFound
from functions.rules.event import counts_of
from functions.rules.fork import Point
from functions.rules.names import SessionName
from functions.rules.rewind import Rewind, rewind_event
from functions.rules.session import SessionRecord, check_version
from functions.rules.state import split_members
from functions.store.sqlite.history import place_of, state_at
from functions.store.sqlite.rows import (
    count,
    event_row,
    insert,
    live_session,
    merge_state,
)


def rewind_session(
    db: sqlite3.Connection,
    name: SessionName,
    rewind: Rewind,
    now: int,
    owner: str | None,
    if_match: str | None,
) -> SessionRecord:
    """Appends the event of a rewind where the session has none of its id; see the protocol."""
    keys, record = live_session(db, name, now)
    if owner not in (None, record.user_id):
        raise SessionNotFound(name)
    landed = db.execute(
        "SELECT 1 FROM events WHERE session IN (?, ?) AND id = ?",
        (keys.session, -keys.session, rewind.event_id),
    ).fetchone()
    if landed is not None:
        return record
    check_version(name, record.version, if_match)
    point = Point(before_invocation_id=rewind.before_invocation_id)
    then = state_at(db, keys.session, place_of(db, name, keys.session, point))
    (last,) = db.execute(
        "SELECT max(timestamp_key) FROM events WHERE session = ?", (keys.session,)
    ).fetchone()
    newest = int(last, 16) + MIN_TIMESTAMP
    event, change = rewind_event(
        rewind, split_members(record.state or ""), then.members, max(now, newest)
    )
    insert(db, "events", event_row(keys.session, event))
    count(db, keys, now, counts_of([event]))
    merge_state(db, keys, change)
    return live_session(db, name, now)[1]
