"""Makes rows of records, and records of rows."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import read_json, write_json, write_plain
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventAndState, EventCounts, EventRecord, shown_time, timestamp_key
from functions.rules.event_text import whole_text
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord, later
from functions.rules.state import StateChange
from functions.rules.token_usage import TokenUsage
from functions.store.sqlite.members import joined_members, merge
from functions.store.sqlite.packing import Columns

SESSION_COLUMNS = Columns(
    "s.id, s.session_id, s.user_id, s.display_name, s.create_time, s.update_time, s.expiry, "
    "s.expire_rest, s.scope, s.labels, s.unknown, u.scope AS user_scope",
    (
        *("r.id", "r.session_id", "r.user_id", "r.display_name", "r.create_time"),
        *("r.update_time", "r.expiry", "r.expire_rest", "r.scope"),
    ),
    ("r.labels", "r.unknown", joined_members("r.scope"), joined_members("r.user_scope")),
)
_COUNTS = (
    *("r.event_count", "r.prompt_tokens", "r.candidate_tokens", "r.total_tokens"),
    *("r.last_event_time", "r.forked_from"),
)
FULL_COLUMNS = Columns(
    "s.*, u.scope AS user_scope", (*SESSION_COLUMNS.values, *_COUNTS), SESSION_COLUMNS.texts
)
"""The columns of a record with its counts: most lists do without them."""

EVENT_ROW = Columns(
    "e.*", ("r.seq", "r.timestamp_key", "r.id", "r.author", "r.invocation_id"), ("r.text",)
)
ORIGINAL_ROW = Columns(EVENT_ROW.source, EVENT_ROW.values, ("coalesce(r.original, r.text)",))
"""The row of an event as it was before its compaction."""

HAS_ORIGINAL = "(e.original IS NULL OR e.original != '')"
"""SQL for whether an event is no compaction's own."""


USERS = "LEFT JOIN users u ON u.engine = s.engine AND u.user_id = s.user_id"
EVENT_TEXTS = Columns(
    "e.seq, e.timestamp_key, e.id, e.text", (), ("r.seq", "r.timestamp_key", "r.id", "r.text")
)
"""The columns that answers need of an event."""

ORIGINAL_TEXTS = Columns(
    "e.seq, e.timestamp_key, e.id, coalesce(e.original, e.text) AS text", (), EVENT_TEXTS.texts
)
"""The same of an event as it was before its compaction."""

_LIVE = (
    f"FROM (SELECT {FULL_COLUMNS.source}, e.scope AS app_scope "
    f"FROM engines e JOIN sessions s ON s.engine = e.id {USERS} "
    "WHERE e.name = :engine AND s.session_id = :session AND s.expiry > :now) r"
)
LIVE_KEY = """(SELECT s.id FROM engines n JOIN sessions s ON s.engine = n.id WHERE n.name = :engine
    AND s.session_id = :id AND s.expiry > :now AND coalesce(:owner, s.user_id) = s.user_id)"""
"""The key of the session that `live_keys` finds, within another statement."""

_KEYS = (
    "r.id, r.engine, r.user_id, r.update_time, r.scope, r.app_scope, r.user_scope, r.event_count"
)


@dataclass(slots=True)
class SessionKeys:
    """The keys of a session's row and of the rows around it; a scope without state is None."""

    session: int
    engine: int
    user_id: str
    update_time: int
    own: int | None = None
    app: int | None = None
    user: int | None = None
    event_count: int = 0

    @property
    def version(self) -> str:
        """The version of the session's record."""
        return _version(self.session, self.update_time, self.event_count)


def live_keys(
    db: sqlite3.Connection, name: SessionName, now: int, owner: str | None = None
) -> SessionKeys:
    """Finds a live session of the owner, of any without one; raises SessionNotFound."""
    row = db.execute(f"SELECT {_KEYS} {_LIVE}", _named(name, now)).fetchone()
    if row is None or owner not in (None, row[2]):
        raise SessionNotFound(name)
    return SessionKeys(*row)


def live_session(
    db: sqlite3.Connection, name: SessionName, now: int
) -> tuple[SessionKeys, SessionRecord]:
    """Reads a session with its state; raises SessionNotFound."""
    row = db.execute(
        f"SELECT {_KEYS}, {FULL_COLUMNS.plain}, {joined_members('r.app_scope')} {_LIVE}",
        _named(name, now),
    ).fetchone()
    if row is None:
        raise SessionNotFound(name)
    return SessionKeys(*row[:8]), full_record(name.engine, row[8:])


def session_record(engine: str, columns: Sequence[Any]) -> SessionRecord:
    """The record of SESSION_COLUMNS and, behind those, the joined members of the engine's state."""
    (
        _,
        session_id,
        user_id,
        display_name,
        created,
        updated,
        expiry,
        rest,
        scope,
        labels,
        unknown,
        own,
        user,
        app,
        *_,
    ) = columns
    return SessionRecord(
        SessionName(engine, session_id),
        user_id,
        display_name,
        {} if labels == "{}" else read_json(labels.encode()),
        created,
        updated,
        expiry * 1000 - rest,
        None if scope is None else own,
        f"{app},{user}" if app and user else app or user,
        unknown,
    )


def full_record(engine: str, columns: Sequence[Any]) -> SessionRecord:
    """The record of FULL_COLUMNS and, behind those, the joined members of the engine's state."""
    record = session_record(engine, (*columns[:9], *columns[15:]))
    record.event_count, *usage, last_event_time, record.forked_from = columns[9:15]
    record.version = _version(columns[0], record.update_time, record.event_count)
    record.usage = TokenUsage(*usage)
    record.last_event_time = shown_time(last_event_time)
    return record


def session_row(record: SessionRecord) -> dict[str, Any]:
    """The columns that an update may change."""
    expiry, rest = split_expiry(record.expire_time)
    return {
        "display_name": record.display_name,
        "labels": write_json(record.labels),
        "expiry": expiry,
        "expire_rest": rest,
        "unknown": record.unknown,
    }


def event_record(columns: Sequence[Any]) -> EventRecord:
    """The record of EVENT_ROW."""
    _, key, event_id, author, invocation_id, text = columns
    shorter = ""
    # Most texts are whole, and a page has many of them.
    if text[0] != '"':
        text, shorter = whole_text(text), text
    timestamp = int(key, 16) + MIN_TIMESTAMP
    return EventRecord(event_id, timestamp, author, invocation_id, text, shorter=shorter)


def event_text(columns: Sequence[Any]) -> EventRecord:
    """The record of EVENT_TEXTS: it has the event's id and text alone."""
    text = columns[3]
    if text[0] != '"':
        text = whole_text(text)
    return EventRecord(columns[2], 0, "", "", text)


def event_row(session: int, event: EventRecord) -> dict[str, Any]:
    """An event's columns."""
    return {
        "session": session,
        "timestamp_key": timestamp_key(event.timestamp),
        "id": event.id,
        "author": event.author,
        "invocation_id": event.invocation_id,
        "text": event.stored,
        **({"removed": write_plain(event.removed)} if event.removed else {}),
    }


def has_event(db: sqlite3.Connection, session: int, event: EventRecord) -> bool:
    """Whether a session has, or had and deleted, an event under one of the ids of this one."""
    one, other = event.id, event.former_id
    rows = (session, one, session, other, -session, one, -session, other)
    return db.execute(_HAS_EVENT, rows).fetchone() is not None


_HAS_EVENT = " UNION ALL ".join(["SELECT 1 FROM events WHERE session = ? AND id = ?"] * 4)
"""Four lookups in the index; SQLite would make tables of the lists of an IN, which take longer."""


def new_events(
    db: sqlite3.Connection, session: int, events: Sequence[EventAndState]
) -> list[EventAndState]:
    """The events that a session neither has nor has removed; one statement finds them."""
    if len(events) == 1:
        return [each for each in events if not has_event(db, session, each[0])]
    ids = [name for event, _ in events for name in (event.id, event.former_id) if name]
    named = {"session": session, "ids": write_plain(ids)}
    found = {name for (name,) in db.execute(_KNOWN_IDS, named)}
    return [each for each in events if found.isdisjoint((each[0].id, each[0].former_id))]


_KNOWN_IDS = " UNION ALL ".join(
    f"SELECT e.id FROM json_each(:ids) CROSS JOIN events e ON e.session = {key} AND e.id = value"
    for key in (":session", "-:session")
)


def insert_events(db: sqlite3.Connection, session: int, events: Iterable[EventRecord]) -> None:
    """Adds events in their order; one statement serves all rows of the same columns."""
    for columns, rows in groupby((event_row(session, event) for event in events), tuple):
        db.executemany(_insertion("events", columns), rows)


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    """Adds a row and returns its key."""
    return db.execute(_insertion(table, tuple(row)), row).lastrowid or 0


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES (:{', :'.join(columns)})"


def touch(
    db: sqlite3.Connection, session: int, now: int, changed: Mapping[str, Any] | None = None
) -> None:
    """Changes columns of a session; its update_time becomes now, or a microsecond more than before.

    The latter happens if the last writer's clock was ahead, or if this write waited for one that
    began later.
    """
    columns = "".join(f"{column} = :{column}, " for column in changed or ())
    db.execute(
        f"UPDATE sessions SET {columns}update_time = max(:touched, update_time + 1000), "
        "touched = :touched WHERE id = :id",
        {**(changed or {}), "touched": now, "id": session},
    )


def count(
    db: sqlite3.Connection,
    keys: SessionKeys,
    now: int,
    counts: EventCounts,
    *,
    keeps_time: bool = False,
) -> str:
    """Touches a session and counts events that it gained; returns the session's new version.

    With `keeps_time` the session keeps its update_time; its watches wake up all the same.
    """
    prompt, candidates, total = counts.usage
    if not keeps_time:
        keys.update_time = later(keys.update_time, now)
    keys.event_count += counts.events
    db.execute(
        _COUNT,
        {
            "id": keys.session,
            "touched": now,
            "updated": keys.update_time,
            "events": counts.events,
            "time": counts.last_time,
            "prompt": prompt,
            "candidates": candidates,
            "total": total,
        },
    )
    return keys.version


_COUNT = (
    "UPDATE sessions SET update_time = :updated, touched = :touched, "
    "event_count = event_count + :events, "
    "last_event_time = max(coalesce(last_event_time, :time), :time), "
    + ", ".join(
        f"{name}_tokens = coalesce({name}_tokens + :{given}, :{given}, {name}_tokens)"
        for name, given in (("prompt", "prompt"), ("candidate", "candidates"), ("total", "total"))
    )
    + " WHERE id = :id"
)


def add_user(db: sqlite3.Connection, session: int, scope: int | None = None) -> None:
    """Makes the row of a session's user where it is missing, and sets its scope if one is given."""
    db.execute(
        "INSERT INTO users (engine, user_id, create_time, scope) "
        "SELECT engine, user_id, create_time, :scope FROM sessions WHERE id = :session "
        "ON CONFLICT DO UPDATE SET scope = coalesce(excluded.scope, scope)",
        {"session": session, "scope": scope},
    )


def keep_change(
    db: sqlite3.Connection, session: int, change: StateChange, *, is_first: bool = False
) -> None:
    """Keeps what a creation or a patch did to a session's own state, for states of the past.

    With `is_first` the session has no events yet.
    """
    if not change.is_of_session:
        return
    db.execute(
        "INSERT INTO changes (session, after, members, is_replace) "
        f"VALUES (:session, {'0' if is_first else _LAST_EVENT}, :members, :is_replace)",
        {
            "session": session,
            "members": write_json(change.session),
            "is_replace": change.replace,
        },
    )


_LAST_EVENT = (
    "max(coalesce((SELECT max(seq) FROM events WHERE session = :session), 0), "
    "coalesce((SELECT max(seq) FROM events WHERE session = -:session), 0))"
)
"""The greatest `seq` of the events that a session has or had."""


def split_expiry(expire_time: int) -> tuple[int, int]:
    """The columns `expiry` and `expire_rest` of an expire_time."""
    expiry = -(-expire_time // 1000)
    return expiry, expiry * 1000 - expire_time


def merge_state(db: sqlite3.Connection, keys: SessionKeys, change: StateChange) -> None:
    """Merges a change into the scopes that it names; raises TooLarge."""
    if change.is_of_session:
        own = merge(db, keys.own, change.session, replace=change.replace)
        if keys.own is None:
            db.execute("UPDATE sessions SET scope = ? WHERE id = ?", (own, keys.session))
    if change.app:
        app = merge(db, keys.app, change.app)
        db.execute(
            f"UPDATE engines SET scope = ?, state_time = {_STATE_TIME} WHERE id = ?",
            (app, keys.session, keys.engine),
        )
    if change.user:
        user = merge(db, keys.user, change.user)
        if keys.user is None:
            add_user(db, keys.session, user)
        db.execute(
            f"UPDATE users SET state_time = {_STATE_TIME} WHERE engine = ? AND user_id = ?",
            (keys.session, keys.engine, keys.user_id),
        )


_STATE_TIME = "max(coalesce(state_time, 0), (SELECT update_time FROM sessions WHERE id = ?))"
"""The session whose write changes the state has moved already."""


def _version(session: int, update_time: int, event_count: int) -> str:
    # An import adds events and leaves the update_time as it is.
    return f"{session:x}-{update_time:x}-{event_count:x}"


def _named(name: SessionName, now: int) -> dict[str, Any]:
    return {"engine": name.engine, "session": name.session, "now": now // 1000}
