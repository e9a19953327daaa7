"""A session's history in pieces, and the lines of an import as rows."""

import sqlite3
from collections.abc import Iterator, Sequence

from functions.messages.json_text import read_json, write_plain
from functions.rules.errors import AfterNoEvent
from functions.rules.event import EventRecord, counts_of
from functions.rules.import_line import HistoryLine
from functions.rules.names import EngineName, SessionName
from functions.rules.state import StateChange
from functions.store.exporting import page_by_id
from functions.store.history import (
    MAX_BYTES,
    MAX_ITEMS,
    HistoryItem,
    HistoryPiece,
    ImportedHistory,
    WholeSession,
)
from functions.store.paging import Cursor, Page, checked_cursor
from functions.store.sqlite.history import START, Place, Row, changes_of, is_change, rows
from functions.store.sqlite.rows import (
    FULL_COLUMNS,
    USERS,
    SessionKeys,
    count,
    event_record,
    event_row,
    full_record,
    insert,
    live_keys,
)

_OF_ENGINE = f"""FROM (SELECT {FULL_COLUMNS.source} FROM engines e
    JOIN sessions s ON s.engine = e.id {USERS}
    WHERE e.name = :engine AND s.session_id > :behind AND s.expiry > :now
    ORDER BY s.session_id LIMIT :limit) r"""

_EVENT = ("seq", "timestamp_key", "id", "author", "invocation_id", "text")
_END = Place(2**63 - 1, 2**63 - 1)


def next_engine(db: sqlite3.Connection, location: str, behind: str) -> str | None:
    """The name of the next engine behind `behind` in a location."""
    names = "SELECT min(name) FROM engines WHERE location = ? AND name > ?"
    name: str | None = db.execute(names, (location, behind)).fetchone()[0]
    return name


def read_sessions(
    db: sqlite3.Connection, engine: EngineName, behind: Cursor | None, now: int
) -> Page[WholeSession]:
    """The sessions of an engine behind the cursor `[id]`, until their histories fill a piece."""
    (start,) = checked_cursor(behind, str) or [""]
    found: list[WholeSession] = []
    count = size = 0
    is_full = False
    named = {"engine": str(engine), "behind": start, "now": now // 1000, "limit": MAX_ITEMS}
    for row in db.execute(f"SELECT {FULL_COLUMNS.plain} {_OF_ENGINE}", named):
        record = full_record(str(engine), (*row, ""))
        history = _piece(db, row[0], record.create_time, START)
        found.append(WholeSession(record, history))
        count += 1 + len(history.items)
        size += record.size() + sum(item.size() for item in history.items)
        is_full = count >= MAX_ITEMS or size >= MAX_BYTES
        if is_full:
            break
    return page_by_id(found, found[-1].record.name.session if is_full else None)


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
    return _piece(db, session, create_time, place)


def _piece(db: sqlite3.Connection, session: int, create_time: int, place: Place) -> HistoryPiece:
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
            raise AfterNoEvent(line.after_event)
        (after,) = found
    change = line.change or StateChange()
    row = {"after": after, "members": write_plain(change.session), "is_replace": change.replace}
    insert(db, "changes", {**named, **row})
