"""A session's history in pieces, and the lines of an import as rows."""

import sqlite3
from collections.abc import Iterator, Sequence

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import read_json, write_plain
from functions.rules.event import EventRecord, counts_of
from functions.rules.import_line import HistoryLine
from functions.rules.names import SessionName
from functions.rules.state import StateChange
from functions.store.history import MAX_BYTES, MAX_ITEMS, HistoryItem, HistoryPiece, ImportedHistory
from functions.store.paging import Cursor, checked_cursor
from functions.store.sqlite.history import START, Place, Row, changes_of, is_change, rows
from functions.store.sqlite.rows import (
    SessionKeys,
    count,
    event_record,
    event_row,
    insert,
    live_keys,
)

_EVENT = ("seq", "timestamp_key", "id", "author", "invocation_id", "text")
_END = Place(2**63 - 1, 2**63 - 1)


def read_history(
    db: sqlite3.Connection,
    name: SessionName,
    behind: Cursor | None,
    now: int,
    owner: str | None,
) -> HistoryPiece:
    """The next events and changes of a session behind a place; raises SessionNotFound."""
    session = live_keys(db, name, now, owner).session
    (create_time,) = db.execute(
        "SELECT create_time FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    place = Place(*map(int, checked_cursor(behind, int, int) or START))
    items: list[HistoryItem] = []
    size = 0
    for row in rows(db, session, place, _END):
        if len(items) >= MAX_ITEMS or size >= MAX_BYTES:
            return HistoryPiece(items, create_time, is_last=False)
        at = {"change": row["id"]} if is_change(row) else {"seq": row["seq"]}
        place = place._replace(**at)
        for item in _items(row, list(place)):
            items.append(item)
            size += item.size()
    return HistoryPiece(items, create_time, is_last=True)


def import_history(
    db: sqlite3.Connection, name: SessionName, lines: Sequence[HistoryLine], now: int
) -> ImportedHistory:
    """Adds the events and changes that a session lacks; see functions.store.protocol."""
    keys = live_keys(db, name, now)
    done, added = ImportedHistory(), list[EventRecord]()
    for line in lines:
        if line.event is None:
            _add_change(db, keys, line, done)
        elif _is_new(db, keys, line.event, done):
            insert(db, "events", event_row(keys.session, line.event))
            added.append(line.event)
    if added:
        done.events = len(added)
        count(db, keys, now, counts_of(added), keeps_time=True)
    return done


def _items(row: Row, place: Cursor) -> Iterator[HistoryItem]:
    """The event of a row, or its change; a deleted event that changed no state has neither."""
    if not is_change(row) and row["session"] > 0:
        event = event_record([row[column] for column in _EVENT])
        event.removed = tuple(read_json(row["removed"].encode())) if row["removed"] else ()
        yield HistoryItem(place, event)
        return
    members, replace = changes_of(row)
    own_id = row["name"] or str(row["id"]) if is_change(row) else row["id"]
    change = StateChange(session=members, replace=replace)
    if change.is_of_session:
        yield HistoryItem(place, None, change, own_id)


def _is_new(
    db: sqlite3.Connection, keys: SessionKeys, event: EventRecord, done: ImportedHistory
) -> bool:
    """Whether the session lacks an event; notes one that it has, or had and deleted."""
    found = db.execute(
        "SELECT * FROM events WHERE session IN (:session, -:session) AND id = :id",
        {"session": keys.session, "id": event.id},
    )
    row = found.fetchone()
    if row is None:
        return True
    there = dict(zip((column[0] for column in found.description), row, strict=True))
    wanted = event_row(keys.session, event)
    is_other = there["session"] > 0 and any(there[name] != wanted[name] for name in wanted)
    if is_other:
        done.conflicts.append(event.id)
    else:
        done.skipped += 1
    return False


def _add_change(
    db: sqlite3.Connection, keys: SessionKeys, line: HistoryLine, done: ImportedHistory
) -> None:
    named = {"session": keys.session, "name": line.change_id}
    query = "SELECT 1 FROM changes WHERE session = :session AND name = :name"
    if db.execute(query, named).fetchone():
        done.skipped += 1
        return
    after = 0
    if line.after_event:
        found = db.execute(
            "SELECT seq FROM events WHERE session IN (:session, -:session) AND id = :id",
            {"session": keys.session, "id": line.after_event},
        ).fetchone()
        if found is None:
            raise InvalidArgument(f"stateChange.afterEvent names no event: {line.after_event}.")
        (after,) = found
    change = line.change or StateChange()
    row = {"after": after, "members": write_plain(change.session), "is_replace": change.replace}
    insert(db, "changes", {**named, **row})
