"""The history of a session by arrival: its events, also those deleted, and changes of its state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.messages.json_text import read_json
from functions.rules.errors import EventNotFound
from functions.rules.event_text import whole_text
from functions.rules.names import SessionName
from functions.rules.state import MemberChanges
from functions.rules.state_history import StateHistory, changes_of_delta, changes_of_event

if TYPE_CHECKING:
    from functions.rules.fork import Point

Row = dict[str, Any]
"""A row of events or of changes: column → value."""

_EVENTS = "SELECT * FROM events WHERE session = ? AND seq > ? AND seq <= ? ORDER BY seq"
_CHANGES = "SELECT * FROM changes WHERE session = ? AND id > ? AND id <= ? ORDER BY id"


class Place(NamedTuple):
    """How far a history goes: up to the event of a `seq`, and up to the change of an id."""

    seq: int = 0
    change: int = 0


START = Place()


def place_of(db: sqlite3.Connection, name: SessionName, session: int, point: Point) -> Place:
    """Where a session's history ends before a point; raises EventNotFound, InvocationNotFound."""
    if point.is_end:
        return _last(db, session)
    if point.through_event:
        query, wanted = "id = ?", point.through_event
    else:
        query, wanted = "invocation_id = ?", point.before_invocation_id
    (seq,) = db.execute(
        f"SELECT min(seq) FROM events WHERE session = ? AND {query}", (session, wanted)
    ).fetchone()
    if seq is None and point.through_event:
        raise EventNotFound(f"{name}/events/{wanted}")
    if seq is None:
        # An export reads histories without a point, and does not wait for this import.
        from functions.rules.fork import InvocationNotFound

        raise InvocationNotFound(name, wanted)
    (change,) = db.execute(
        "SELECT coalesce(max(id), 0) FROM changes WHERE session = ? AND after < ?", (session, seq)
    ).fetchone()
    return Place(seq if point.through_event else seq - 1, change)


def rows(db: sqlite3.Connection, session: int, behind: Place, end: Place) -> Iterator[Row]:
    """The rows of a session's history behind one place and up to another."""

    def read(query: str, key: int, first: int, last: int) -> Iterator[Row]:
        found = db.cursor()
        found.row_factory = sqlite3.Row
        return map(dict, found.execute(query, (key, first, last)))

    return merge(
        read(_EVENTS, session, behind.seq, end.seq),
        read(_EVENTS, -session, behind.seq, end.seq),
        read(_CHANGES, session, behind.change, end.change),
        key=lambda row: (row["after"], 1) if is_change(row) else (row["seq"], 0),
    )


def is_change(row: Row) -> bool:
    """Whether a row of a history is a change of state outside all events."""
    return "is_replace" in row


def changes_of(row: Row) -> tuple[MemberChanges, bool]:
    """The change that a row made to its session's own state, and whether all other keys went."""
    if is_change(row):
        return read_json(row["members"].encode()), bool(row["is_replace"])
    if row["session"] > 0:
        changes = changes_of_event(whole_text(row["text"]))
    else:
        changes = changes_of_delta(read_json(row["text"].encode()))
    removed = read_json(row["removed"].encode()) if row["removed"] else ()
    return {**changes, **dict.fromkeys(removed)}, False


def state_at(db: sqlite3.Connection, session: int, end: Place) -> StateHistory:
    """The state of a session at a place of its history."""
    history = StateHistory()
    for row in rows(db, session, START, end):
        changes, replace = changes_of(row)
        history.apply(changes, replace=replace)
    return history


def _last(db: sqlite3.Connection, session: int) -> Place:
    seq = "(SELECT coalesce(max(seq), 0) FROM events WHERE session = ?)"
    change = "(SELECT coalesce(max(id), 0) FROM changes WHERE session = ?)"
    found = db.execute(f"SELECT max({seq}, {seq}), {change}", (session, -session, session))
    return Place(*found.fetchone())
