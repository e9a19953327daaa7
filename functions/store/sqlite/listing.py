"""The queries behind lists: lazy streams in order, from a cursor on."""

import heapq
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.calls.filters import PageQuery, predicate, session_matches
from functions.messages.json_text import write_plain
from functions.rules.errors import WalkTooOld
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionRecord
from functions.store.paging import Cursor, Page, checked_cursor, fill_page
from functions.store.sqlite.members import joined_members
from functions.store.sqlite.packing import MAX_ROWS, packed, packed_rows
from functions.store.sqlite.rows import (
    EVENT_ROW,
    LIVE_KEY,
    SESSION_COLUMNS,
    USERS,
    add_state,
    event_record,
    session_record,
)

_BOUNDS = (-(2**63), 2**63 - 1)

_BEFORE_ALL_IDS, _BEHIND_ALL_IDS = "", "~"

_INLINE_BYTES = 1024
"""State of this size comes with its session; more is read for the sessions of a page alone."""

_SCOPES = f"{USERS} LEFT JOIN scopes o ON o.id = s.scope LEFT JOIN scopes v ON v.id = u.scope"
_SIZE = "coalesce(o.size, 0) + coalesce(v.size, 0)"


def _inline(scope: str, size: str) -> str:
    return f"CASE WHEN {size} <= {_INLINE_BYTES} THEN {joined_members(scope)} END"


_LISTED = (
    *("s.id", "s.scope", "u.scope", _SIZE),
    *(_inline("s.scope", _SIZE), _inline("u.scope", _SIZE)),
    *SESSION_COLUMNS,
)
_FIRST_MOVES = (
    "(SELECT session, previous, min(seq) FROM moves WHERE seq > :snapshot GROUP BY session) m "
    f"CROSS JOIN sessions s ON s.id = m.session CROSS JOIN engines e ON e.id = s.engine {_SCOPES}"
)
"""From the few moves to their sessions: a CROSS JOIN keeps its order."""

Place = tuple[int, str, str]
"""Nanoseconds, an engine's full name and a session id: what sessions are ordered by."""

_Placed = Iterator[tuple[Place, list[str]]]
"""Where a session stands, and its columns: position, engine, and those of _LISTED."""

_Clauses = Callable[[Place | None], tuple[str, dict[str, object]]]
"""Which sessions follow a place, in SQL from FROM on, with its parameters."""


@dataclass(slots=True)
class _Scopes:
    """The scopes of a session, "" for none, and the bytes of state that its record lacks yet."""

    own: str
    user: str
    app: str
    size: int


def list_sessions(
    db: sqlite3.Connection, engine: EngineName, query: PageQuery, now: int
) -> Page[SessionRecord]:
    """One page of live sessions of an engine in the query's order, with their state.

    Large state is read for the sessions of the page alone; its size, which is known before, may
    end the page.
    """
    incomplete: dict[SessionName, _Scopes] = {}

    def size(record: SessionRecord) -> int:
        scopes = incomplete.get(record.name) if incomplete else None
        return record.size() + (scopes.size if scopes else 0)

    page = fill_page(
        _in_order(db, engine, query, now, incomplete),
        query,
        predicate(query.filter, session_matches),
        size,
    )
    lacking = [
        (record, incomplete[record.name]) for record in page.items if record.name in incomplete
    ]
    keys = {int(key) for _, of in lacking for key in (of.own, of.user, of.app) if key}
    if keys:
        rows = packed_rows(
            db,
            packed("j.value", joined_members("j.value")),
            "FROM json_each(:scopes) j",
            {"scopes": write_plain(list(keys))},
        )
        texts = {"": ""}
        for key, text in rows:
            texts[key] = text
        for record, of in lacking:
            own = texts[of.own] if of.own else None
            add_state(record, own, texts[of.app], texts[of.user])
    return page


def _in_order(
    db: sqlite3.Connection,
    engine: EngineName,
    query: PageQuery,
    now: int,
    incomplete: dict[SessionName, _Scopes],
) -> Iterator[tuple[Cursor, SessionRecord]]:
    """Live sessions of an engine in the query's order, behind its cursor; lazily.

    Those whose state is large come without it, and are put into `incomplete`.

    The engine `-` stands for all of its location: their sessions come in one order, though each
    engine's from its own index, since an index over all would be written with every append.

    Ordered by update_time, sessions that moved since the walk began stand where they stood
    then: `[snapshot, position, session_id]` is the cursor, for all engines with the engine's name
    before the session's id, and `snapshot` the last move that the first page knew of. Raises
    WalkTooOld when moves since then are forgotten.
    """
    ids = (str, str) if engine.is_wildcard else (str,)
    cursor = checked_cursor(query.cursor, int, int, *ids)
    scope, parent = ("location", engine.location) if engine.is_wildcard else ("name", str(engine))
    found = db.execute(
        "SELECT e.name, e.id, coalesce(e.scope, ''), coalesce(a.size, 0), "
        f"coalesce({_inline('e.scope', 'a.size')}, ''), (SELECT coalesce(max(seq), 0) FROM moves) "
        f"FROM engines e LEFT JOIN scopes a ON a.id = e.scope WHERE e.{scope} = ?",
        (parent,),
    ).fetchall()
    apps = {name: app for name, *app in found}
    if not apps:
        return
    snapshot, *place = cursor or [found[0][-1]]
    behind: Place | None = None
    if place:
        position, *names = place
        name, session_id = map(str, names if engine.is_wildcard else (parent, *names))
        behind = (int(position), name, session_id)
    walk = _Walk(db, query, now, int(snapshot), len(apps))
    streams = []
    if behind and query.order.field == "update_time":
        _check_moves_since(db, int(snapshot))
        streams.append(walk.moved(scope, parent, behind))
    streams += [walk.unmoved(key, name, behind) for name, (key, *_) in apps.items()]
    merged = (
        streams[0]
        if len(streams) == 1
        else heapq.merge(*streams, key=itemgetter(0), reverse=query.order.descending)
    )
    is_wildcard = engine.is_wildcard
    for (position, name, session_id), columns in merged:
        _, _, _, own, user, size, own_state, user_state, *record_columns = columns
        record = session_record(name, record_columns)
        _, app, app_size, app_state, _ = apps[name]
        add_state(record, own_state if own else None, app_state, user_state)
        lacks = app_size if app_size > _INLINE_BYTES else 0
        if int(size) > _INLINE_BYTES:
            lacks += int(size)
        if lacks:
            incomplete[record.name] = _Scopes(own, user, str(app), lacks)
        tie = [name, session_id] if is_wildcard else [session_id]
        yield [snapshot, position, *tie], record


class _Walk:
    """The statements of one page of a walk through sessions."""

    def __init__(
        self, db: sqlite3.Connection, query: PageQuery, now: int, snapshot: int, engines: int
    ) -> None:
        """`snapshot` is the last move that the walk's first page knew of, `engines` how many."""
        self._db = db
        field = query.order.field
        self._column = f"s.{field}"
        self._direction, self._beyond = ("DESC", "<") if query.order.descending else ("ASC", ">")
        self._conditions = ["s.expiry > :now"]
        self._parameters: dict[str, object] = {"now": now // 1000, "snapshot": snapshot}
        for name, key, value in query.filter.equalities():
            if name == "user_id" and key is None:
                self._conditions.append("s.user_id = :user_id")
                self._parameters["user_id"] = value
        bounds = query.filter.bounds(field)
        for bound, sign, limit in zip(bounds, (">=", "<="), _BOUNDS, strict=True):
            if bound is not None:
                self._conditions.append(f"{self._column} {sign} :bound{limit > 0:d}")
                self._parameters[f"bound{limit > 0:d}"] = min(max(bound, _BOUNDS[0]), _BOUNDS[1])
        self._first_rows = max(2, min(query.page_size + 1, MAX_ROWS) // engines)
        self._moved: set[str] = set()
        if query.cursor is not None and field == "update_time":
            moved = "FROM (SELECT DISTINCT session FROM moves WHERE seq > :snapshot)"
            rows = packed_rows(db, packed("session"), moved, {"snapshot": snapshot})
            self._moved = {session for (session,) in rows}

    def unmoved(self, engine: int, name: str, behind: Place | None) -> _Placed:
        """An engine's sessions where they stand, but for those that moved."""
        own = {"engine": engine, "name": name}
        order = f"{self._column} {self._direction}, s.session_id {self._direction}"

        def clauses(behind: Place | None) -> tuple[str, dict[str, object]]:
            conditions, parameters = ["s.engine = :engine", *self._conditions], own
            if behind:
                position, at, session_id = behind
                conditions.append(
                    f"({self._column}, s.session_id) {self._beyond} (:position, :tie)"
                )
                # An engine behind the cursor's has all its sessions of that position yet to come.
                others = _BEFORE_ALL_IDS if name > at else _BEHIND_ALL_IDS
                tie = session_id if name == at else others
                parameters = {**own, "position": position, "tie": tie}
            where = " AND ".join(conditions)
            return f"FROM sessions s {_SCOPES} WHERE {where} ORDER BY {order}", parameters

        rows = self._rows((self._column, ":name"), clauses, behind)
        if not self._moved:
            return rows
        return ((place, columns) for place, columns in rows if columns[2] not in self._moved)

    def moved(self, scope: str, parent: str, behind: Place) -> _Placed:
        """The sessions that moved since the snapshot, where they stood then."""
        conditions = [
            f"s.engine IN (SELECT id FROM engines WHERE {scope} = :parent)",
            *self._conditions,
            f"(m.previous, e.name, s.session_id) {self._beyond} (:position, :at, :tie)",
        ]
        order = ", ".join(
            f"{column} {self._direction}" for column in ("m.previous", "e.name", "s.session_id")
        )

        def clauses(behind: Place | None) -> tuple[str, dict[str, object]]:
            position, at, tie = behind or (0, "", "")
            return (
                f"FROM {_FIRST_MOVES} WHERE {' AND '.join(conditions)} ORDER BY {order}",
                {"parent": parent, "position": position, "at": at, "tie": tie},
            )

        return self._rows(("m.previous", "e.name"), clauses, behind)

    def _rows(self, place: tuple[str, str], clauses: _Clauses, behind: Place | None) -> _Placed:
        """Rows behind a place, and on from the last of them, a few more at a time."""
        row, limit = packed(*place, *_LISTED), self._first_rows
        while True:
            text, parameters = clauses(behind)
            parameters = {**self._parameters, **parameters, "limit": limit}
            count = 0
            for columns in packed_rows(self._db, row, f"{text} LIMIT :limit", parameters):
                count += 1
                behind = (int(columns[0]), columns[1], columns[8])
                yield behind, columns
            if count < limit:
                return
            limit = min(2 * limit, MAX_ROWS)


def live_events(
    db: sqlite3.Connection, name: SessionName, query: PageQuery, now: int, owner: str | None
) -> Iterator[tuple[Cursor, EventRecord]]:
    """The `events_in_order` of a session that is there for its owner; none where it is not.

    Fewer than MAX_ROWS without a filter are one statement.
    """
    live = {"engine": name.engine, "id": name.session, "now": now // 1000, "owner": owner}
    return _events(db, LIVE_KEY, live, query)


def events_in_order(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    """A session's events by timestamp, then arrival; the cursor is `[timestamp key, seq]`."""
    return _events(db, ":session", {"session": session}, query)


def _events(
    db: sqlite3.Connection, session: str, named: Mapping[str, Any], query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    limit = min(query.page_size + 1, MAX_ROWS) if query.filter.is_empty else MAX_ROWS
    while True:
        clauses, parameters = event_clauses(session, query)
        parameters = {**parameters, **named, "limit": limit}
        place: Cursor = []
        count = 0
        for columns in packed_rows(db, EVENT_ROW, f"{clauses} LIMIT :limit", parameters):
            count += 1
            place = [columns[1], int(columns[0])]
            yield place, event_record(columns)
        if count < limit:
            return
        query, limit = replace(query, cursor=place), MAX_ROWS


def event_clauses(session: str, query: PageQuery) -> tuple[str, dict[str, Any]]:
    """Which events `e` of a session may match, and their order, from FROM on, with parameters.

    `session` is SQL for its key. An invocation_id and the bounds of the field that the query
    orders by are looked up.
    """
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions = [f"e.session = {session}"]
    parameters: dict[str, Any] = {}
    invocation = query.filter.equality("invocation_id")
    if invocation is not None:
        conditions.append("e.invocation_id = :invocation")
        parameters["invocation"] = invocation
    lower, upper = query.filter.bounds(query.order.field)
    for name, bound, sign in (("lower", lower, ">="), ("upper", upper, "<=")):
        if bound is not None:
            conditions.append(f"e.timestamp_key {sign} :{name}")
            parameters[name] = timestamp_key(max(bound, MIN_TIMESTAMP))
    if cursor := checked_cursor(query.cursor, str, int):
        conditions.append(f"(e.timestamp_key, e.seq) {beyond} (:key, :seq)")
        parameters["key"], parameters["seq"] = cursor
    order = f"ORDER BY e.timestamp_key {direction}, e.seq {direction}"
    return f"FROM events e WHERE {' AND '.join(conditions)} {order}", parameters


def _check_moves_since(db: sqlite3.Connection, snapshot: int) -> None:
    first = db.execute("SELECT min(seq) FROM moves").fetchone()[0]
    if first is not None and first > snapshot + 1:
        raise WalkTooOld
