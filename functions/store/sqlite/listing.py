"""The queries behind lists: lazy streams in order, from a cursor on."""

import heapq
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.calls.filters import PageQuery, predicate, session_matches
from functions.rules.errors import WalkTooOld
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionRecord
from functions.store.paging import Cursor, Page, checked_cursor, fill_page
from functions.store.sqlite.members import joined_members
from functions.store.sqlite.packing import MAX_ROWS, Columns, packed_rows, with_records
from functions.store.sqlite.rows import (
    EVENT_ROW,
    EVENT_TEXTS,
    FULL_COLUMNS,
    HAS_ORIGINAL,
    LIVE_KEY,
    ORIGINAL_ROW,
    ORIGINAL_TEXTS,
    SESSION_COLUMNS,
    USERS,
    event_record,
    event_text,
    full_record,
    session_record,
)

_BOUNDS = (-(2**63), 2**63 - 1)

_BEFORE_ALL_IDS, _BEHIND_ALL_IDS = "", "~"

_ENGINE = "(SELECT id FROM engines WHERE name = :engine)"
_APP_SCOPE = "(SELECT scope FROM engines WHERE name = :engine)"


def _listed(session: Columns) -> Columns:
    last_move = "coalesce(:snapshot, (SELECT max(seq) FROM moves), 0)"
    shared = (joined_members(_APP_SCOPE), last_move)
    return Columns(session.source, session.values, session.texts, shared)


def _first_move(session: Columns) -> Columns:
    return Columns(
        f"{session.source}, m.previous, e.name, e.scope AS app_scope",
        ("r.previous", "r.name", *session.values),
        (*session.texts, joined_members("r.app_scope")),
    )


_LISTED, _LISTED_FULL = _listed(SESSION_COLUMNS), _listed(FULL_COLUMNS)
_FIRST_MOVE, _FIRST_MOVE_FULL = _first_move(SESSION_COLUMNS), _first_move(FULL_COLUMNS)
_MOVED = Columns("DISTINCT session", ("r.session",), shared=("(SELECT min(seq) FROM moves)",))
_FIRST_MOVES = (
    "(SELECT session, previous, min(seq) FROM moves WHERE seq > :snapshot GROUP BY session) m "
    f"CROSS JOIN sessions s ON s.id = m.session CROSS JOIN engines e ON e.id = s.engine {USERS}"
)
"""From the few moves to their sessions: a CROSS JOIN keeps its order."""

Place = tuple[int, str, str, int]
"""Nanoseconds, an engine's full name and a session id: what sessions are ordered by.

Behind them is the last move that the walk's first page knew of, the same for all sessions.
"""

_Placed = tuple[Place, SessionRecord]

_Clauses = Callable[[Place | None], tuple[str, dict[str, object]]]
"""Which sessions follow a place, in SQL from FROM on, with its parameters."""


def is_one_statement(engine: EngineName, query: PageQuery) -> bool:
    """Whether `list_sessions` answers the page from one statement, so needs no transaction."""
    knows_moves = query.cursor is not None and query.order.field == "update_time"
    return not (engine.is_wildcard or knows_moves) and has_one_statement(query)


def list_sessions(
    db: sqlite3.Connection, engine: EngineName, query: PageQuery, now: int
) -> Page[SessionRecord]:
    """One page of live sessions of an engine in the query's order, with their state.

    The engine `-` stands for all of its location: their sessions come in one order, though each
    engine's from its own index, since an index over all would be written with every append.

    Ordered by update_time, sessions that moved since the walk began stand where they stood
    then: `[snapshot, position, session_id]` is the cursor, for all engines with the engine's name
    before the session's id, and `snapshot` the last move that the first page knew of. Raises
    WalkTooOld when moves since then are forgotten.
    """
    is_wildcard = engine.is_wildcard
    ids = (str, str) if is_wildcard else (str,)
    cursor = checked_cursor(query.cursor, int, int, *ids)
    scope, parent = ("location", engine.location) if is_wildcard else ("name", str(engine))
    names = [parent]
    if is_wildcard:
        names = [
            name for (name,) in db.execute(f"SELECT name FROM engines WHERE {scope} = ?", (parent,))
        ]
        if not names:
            return Page([], None)
    behind: Place | None = None
    snapshot: int | None = None
    if cursor:
        first, position, *rest = cursor
        name, session_id = map(str, rest if is_wildcard else (parent, *rest))
        snapshot = int(first)
        behind = (int(position), name, session_id, snapshot)
    walk = _Walk(db, query, now, snapshot, len(names))
    if is_one_statement(engine, query):
        return walk.page_of_one_statement(parent, behind)
    streams = [walk.unmoved(name, behind) for name in names]
    if behind and walk.has_moved:
        streams.append(walk.moved(scope, parent, behind))
    merged = (
        streams[0]
        if len(streams) == 1
        else heapq.merge(*streams, key=itemgetter(0), reverse=query.order.descending)
    )
    return fill_page(
        merged,
        query,
        predicate(query.filter, session_matches),
        SessionRecord.size,
        to_cursor=lambda place: [place[3], place[0], *place[1 if is_wildcard else 2 : 3]],
    )


class _Walk:
    """The statements of one page of a walk through sessions."""

    def __init__(
        self,
        db: sqlite3.Connection,
        query: PageQuery,
        now: int,
        snapshot: int | None,
        engines: int,
    ) -> None:
        """`snapshot` is the last move that the walk's first page knew of, None on that page.

        `engines` is their number. Raises WalkTooOld.
        """
        self._db, self._query = db, query
        self._listed, self._first_move, self._record = _LISTED, _FIRST_MOVE, session_record
        if query.is_full:
            self._listed, self._first_move = _LISTED_FULL, _FIRST_MOVE_FULL
            self._record = full_record
        field = query.order.field
        self._column = f"s.{field}"
        self._position: int = SESSION_COLUMNS.values.index(f"r.{field}")
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
        self._moved: set[int] = set()
        if snapshot is not None and field == "update_time":
            moved = "FROM moves WHERE seq > :snapshot"
            for session, oldest in packed_rows(db, _MOVED, moved, {"snapshot": snapshot}):
                if oldest > snapshot + 1:
                    raise WalkTooOld
                self._moved.add(session)

    @property
    def has_moved(self) -> bool:
        """Whether any session moved since the walk began."""
        return bool(self._moved)

    def page_of_one_statement(self, name: str, behind: Place | None) -> Page[SessionRecord]:
        """The page of an engine's sessions, for a walk in which none has moved."""
        rows = self._some_rows(self._listed, self._unmoved_clauses(name), behind, self._first_rows)
        position, record = self._position, self._record
        return fill_page(
            with_records(rows, partial(record, name)),
            self._query,
            None,
            SessionRecord.size,
            to_cursor=lambda row: [row[-1], row[position], row[1]],
        )

    def unmoved(self, name: str, behind: Place | None) -> Iterator[_Placed]:
        """An engine's sessions where they stand, except those that moved."""
        position, moved, record = self._position, self._moved, self._record

        def place(row: Sequence[Any]) -> Place:
            return row[position], name, row[1], row[-1]

        return (
            (place(row), record(name, row))
            for row in self._rows(self._listed, place, self._unmoved_clauses(name), behind)
            if row[0] not in moved
        )

    def _unmoved_clauses(self, name: str) -> _Clauses:
        order = f"{self._column} {self._direction}, s.session_id {self._direction}"

        def clauses(behind: Place | None) -> tuple[str, dict[str, object]]:
            conditions = [f"s.engine = {_ENGINE}", *self._conditions]
            parameters: dict[str, object] = {"engine": name}
            if behind:
                where, at, session_id, _ = behind
                conditions.append(
                    f"({self._column}, s.session_id) {self._beyond} (:position, :tie)"
                )
                # An engine behind the cursor's has all its sessions of that position yet to come.
                others = _BEFORE_ALL_IDS if name > at else _BEHIND_ALL_IDS
                tie = session_id if name == at else others
                parameters |= {"position": where, "tie": tie}
            found = f"FROM sessions s {USERS} WHERE {' AND '.join(conditions)}"
            return f"{found} ORDER BY {order}", parameters

        return clauses

    def moved(self, scope: str, parent: str, behind: Place) -> Iterator[_Placed]:
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
            position, at, tie, _ = behind or (0, "", "", 0)
            return (
                f"FROM {_FIRST_MOVES} WHERE {' AND '.join(conditions)} ORDER BY {order}",
                {"parent": parent, "position": position, "at": at, "tie": tie},
            )

        def place(row: Sequence[Any]) -> Place:
            return row[0], row[1], row[3], behind[-1]

        return (
            (place(row), self._record(row[1], row[2:]))
            for row in self._rows(self._first_move, place, clauses, behind)
        )

    def _rows(
        self,
        columns: Columns,
        place: Callable[[Sequence[Any]], Place],
        clauses: _Clauses,
        behind: Place | None,
    ) -> Iterator[Sequence[Any]]:
        """Rows behind a place, and on from the last of them, a few more at a time."""
        limit = self._first_rows
        while True:
            row: Sequence[Any] = ()
            count = 0
            for row in self._some_rows(columns, clauses, behind, limit):
                count += 1
                yield row
            if count < limit:
                return
            behind, limit = place(row), min(2 * limit, MAX_ROWS)

    def _some_rows(
        self, columns: Columns, clauses: _Clauses, behind: Place | None, limit: int
    ) -> Iterable[Sequence[Any]]:
        text, parameters = clauses(behind)
        named = {**self._parameters, **parameters, "limit": limit}
        return packed_rows(self._db, columns, f"{text} LIMIT :limit", named)


def live_events(
    db: sqlite3.Connection, name: SessionName, query: PageQuery, now: int, owner: str | None
) -> Iterable[tuple[Sequence[Any], EventRecord]]:
    """The `events_in_order` of a session that is there for its owner; none where it is not."""
    live = {"engine": name.engine, "id": name.session, "now": now // 1000, "owner": owner}
    return _events(db, LIVE_KEY, live, query)


def events_in_order(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterable[tuple[Sequence[Any], EventRecord]]:
    """A session's events by timestamp, then arrival, each behind its columns.

    Without a filter, a record has the event's id and text alone.
    """
    return _events(db, ":session", {"session": session}, query)


def _events(
    db: sqlite3.Connection, session: str, named: Mapping[str, Any], query: PageQuery
) -> Iterable[tuple[Sequence[Any], EventRecord]]:
    event_columns, record = ORIGINAL_ROW if query.original else EVENT_ROW, event_record
    if query.filter.is_empty and not query.is_whole:
        event_columns, record = ORIGINAL_TEXTS if query.original else EVENT_TEXTS, event_text

    def some_rows(query: PageQuery, limit: int) -> Iterable[Sequence[Any]]:
        clauses, parameters = event_clauses(session, query)
        parameters = {**parameters, **named, "limit": limit}
        return packed_rows(db, event_columns, f"{clauses} LIMIT :limit", parameters)

    def all_rows(query: PageQuery, limit: int) -> Iterator[Sequence[Any]]:
        while True:
            columns: Sequence[Any] = ()
            count = 0
            for columns in some_rows(query, limit):
                count += 1
                yield columns
            if count < limit:
                return
            query, limit = query._replace(cursor=event_cursor(columns)), MAX_ROWS

    if has_one_statement(query):
        rows = some_rows(query, query.page_size + 1)
    else:
        rows = all_rows(
            query, min(query.page_size + 1, MAX_ROWS) if query.filter.is_empty else MAX_ROWS
        )
    return with_records(rows, record)


def event_cursor(columns: Sequence[Any]) -> Cursor:
    """The cursor of an event, `[timestamp key, seq]`."""
    seq, key, *_ = columns
    return [key, int(seq)]


def event_clauses(session: str, query: PageQuery) -> tuple[str, dict[str, Any]]:
    """Which events `e` of a session may match, and their order, from FROM on, with parameters.

    `session` is SQL for its key. An invocation_id and the bounds of the field that the query
    orders by are looked up.
    """
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions = [f"e.session = {session}"]
    if query.original:
        conditions.append(HAS_ORIGINAL)
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


def has_one_statement(query: PageQuery) -> bool:
    """Whether the first statement of a list, of a row more than the page, is its only one."""
    return query.filter.is_empty and query.page_size < MAX_ROWS
