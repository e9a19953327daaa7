"""Changes and removes events one by one, and compacts them.

A removed event keeps its row under the negated key of its session, with its state delta as its
text. The receipt of a purge is such a row, too; its `original` is the answer of the purge. An event
that a compaction added has the original "".
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.calls.filters import PageQuery, event_matches
from functions.messages.json_text import write_plain
from functions.rules.errors import EventNotFound
from functions.rules.event import NO_TIME, EventCounts, EventRecord, counted_time
from functions.rules.names import SessionName
from functions.rules.state_history import kept_delta
from functions.rules.token_usage import NO_USAGE, usage_of_text
from functions.store.paging import Cursor
from functions.store.protocol import MOST_SAMPLED, EventPurge
from functions.store.sqlite.listing import event_cursor, events_in_order
from functions.store.sqlite.packing import Columns
from functions.store.sqlite.rows import (
    EVENT_ROW,
    HAS_ORIGINAL,
    ORIGINAL_ROW,
    SessionKeys,
    count,
    event_record,
    event_row,
    has_event,
    insert,
    live_keys,
)

_ROWS = 500
_BYTES = 4 * 2**20
"""Events, and bytes of them, that one transaction of a purge looks at."""


def get_event(
    db: sqlite3.Connection,
    name: SessionName,
    event_id: str,
    now: int,
    owner: str | None,
    *,
    original: bool,
) -> EventRecord:
    """Reads an event, with `original` as it was before its compaction."""
    session = live_keys(db, name, now, owner).session
    _, record, _ = _read(db, name, session, event_id, ORIGINAL_ROW if original else EVENT_ROW)
    return record


def update_event(
    db: sqlite3.Connection,
    name: SessionName,
    event_id: str,
    change: Callable[[EventRecord], EventRecord],
    now: int,
    owner: str | None,
) -> EventRecord:
    """Changes an event and its original; writes nothing where nothing changes."""
    keys = live_keys(db, name, now, owner)
    seq, record, original = _read(db, name, keys.session, event_id)
    changed = change(record)
    changed_original = original
    if original:
        _, before, _ = _read(db, name, keys.session, event_id, ORIGINAL_ROW)
        after = change(before)
        if after.text == changed.text:
            changed_original = None
        elif after.text != before.text:
            changed_original = after.stored
    if changed.text == record.text and changed_original == original:
        return changed
    db.execute(
        "UPDATE events SET text = ?, original = ? WHERE seq = ?",
        (changed.stored, changed_original, seq),
    )
    usage = usage_of_text(changed.text).minus(usage_of_text(record.text))
    count(db, keys, now, EventCounts(0, NO_USAGE if original == "" else usage, NO_TIME))
    return changed


def delete_event(
    db: sqlite3.Connection, name: SessionName, event_id: str, now: int, owner: str | None
) -> None:
    """Removes an event and its original."""
    keys = live_keys(db, name, now, owner)
    seq, record, _ = _read(db, name, keys.session, event_id)
    _remove(db, keys, [(seq, record)], now)


def last_event(db: sqlite3.Connection, session: int) -> int:
    """The place of a session's last event in the order of arrival, 0 for none."""
    last = "SELECT coalesce(max(seq), 0) FROM events WHERE session = ?"
    return int(db.execute(last, (session,)).fetchone()[0])


def purge_some(
    db: sqlite3.Connection,
    keys: SessionKeys,
    query: PageQuery,
    last: int,
    now: int,
    *,
    force: bool,
) -> tuple[list[str], Cursor | None]:
    """Removes some of the events that match, up to the `last` in the order of arrival.

    Returns their ids, and the cursor behind what it looked at, None at the end.
    """
    found = list[tuple[int, EventRecord]]()
    cursor, size, rows = None, 0, 0
    for columns, record in events_in_order(db, keys.session, query):
        rows, size = rows + 1, size + record.size()
        if int(columns[0]) <= last and event_matches(query.filter, record):
            found.append((int(columns[0]), record))
        if rows == _ROWS or size > _BYTES:
            cursor = event_cursor(columns)
            break
    if force and found:
        _remove(db, keys, found, now)
    return [record.id for _, record in found], cursor


def read_receipt(db: sqlite3.Connection, session: int, receipt: str) -> EventPurge | None:
    """The answer of the purge that left this receipt; None where none did."""
    kept = "SELECT original FROM events WHERE session = ? AND id = ?"
    row = db.execute(kept, (-session, receipt)).fetchone()
    if row is None:
        return None
    number, sample = json.loads(row[0])
    return EventPurge(number, tuple(sample), done=True)


def keep_receipt(db: sqlite3.Connection, session: int, receipt: str, purge: EventPurge) -> None:
    """Keeps the answer of a purge that is done."""
    db.execute(
        "INSERT OR IGNORE INTO events "
        "(session, timestamp_key, id, author, invocation_id, text, original) "
        "VALUES (?, '', ?, '', '', '{}', ?)",
        (-session, receipt, write_plain([purge.events, purge.sample[:MOST_SAMPLED]])),
    )


def rewrite_events(
    db: sqlite3.Connection,
    name: SessionName,
    events: Iterable[EventRecord],
    edit: Callable[[EventRecord], EventRecord | None],
    now: int,
    owner: str | None,
) -> None:
    """Stores what `edit` makes of events, and keeps the originals of those that have none yet."""
    session = live_keys(db, name, now, owner).session
    for event in events:
        try:
            seq, record, _ = _read(db, name, session, event.id)
        except EventNotFound:
            continue
        edited = edit(record)
        if edited is not None:
            db.execute(
                "UPDATE events SET original = coalesce(original, text), text = ? WHERE seq = ?",
                (edited.stored, seq),
            )


def add_summary(
    db: sqlite3.Connection, name: SessionName, event: EventRecord, now: int, owner: str | None
) -> None:
    """Adds an event that no session counts, and wakes the session's watches."""
    session = live_keys(db, name, now, owner).session
    if has_event(db, session, event):
        return
    insert(db, "events", {**event_row(session, event), "original": ""})
    db.execute(
        "INSERT INTO moves (session, time, previous) "
        "SELECT id, ?, update_time FROM sessions WHERE id = ?",
        (now, session),
    )


def _read(
    db: sqlite3.Connection,
    name: SessionName,
    session: int,
    event_id: str,
    columns: Columns = EVENT_ROW,
) -> tuple[int, EventRecord, str | None]:
    """The key of an event, its record, and the text of its original; raises EventNotFound."""
    condition = HAS_ORIGINAL if columns is ORIGINAL_ROW else "TRUE"
    row: Sequence[Any] | None = db.execute(
        f"SELECT {columns.plain}, r.original "
        f"FROM (SELECT {columns.source} FROM events e "
        f"WHERE e.session = ? AND e.id = ? AND {condition}) r",
        (session, event_id),
    ).fetchone()
    if row is None:
        raise EventNotFound(f"{name}/events/{event_id}")
    return row[0], event_record(row[:-1]), row[-1]


def _remove(
    db: sqlite3.Connection,
    keys: SessionKeys,
    events: Sequence[tuple[int, EventRecord]],
    now: int,
) -> None:
    """Takes events from their session's lists and counts."""
    number, usage = 0, NO_USAGE
    for seq, record in events:
        (is_counted,) = db.execute(
            f"SELECT {HAS_ORIGINAL} FROM events e WHERE e.seq = ?", (seq,)
        ).fetchone()
        if is_counted:
            number, usage = number + 1, usage.plus(usage_of_text(record.text))
        db.execute(
            "UPDATE events SET session = -session, author = '', invocation_id = '', text = ?, "
            "original = NULL WHERE seq = ?",
            (kept_delta(record.text), seq),
        )
    count(db, keys, now, EventCounts(-number, NO_USAGE.minus(usage), NO_TIME))
    newest = db.execute(
        f"SELECT e.timestamp_key FROM events e WHERE e.session = ? AND {HAS_ORIGINAL} "
        "ORDER BY e.timestamp_key DESC LIMIT 1",
        (keys.session,),
    ).fetchone()
    last = None if newest is None else counted_time(int(newest[0], 16) + MIN_TIMESTAMP)
    db.execute("UPDATE sessions SET last_event_time = ? WHERE id = ?", (last, keys.session))
