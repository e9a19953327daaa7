"""The queries behind lists: lazy streams in order, from a cursor on."""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.rules.errors import WalkTooOld
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.filters import PageQuery
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.paging import Cursor
from functions.store.sqlite.rows import (
    EVENT_COLUMNS,
    SESSION_COLUMNS,
    event_record,
    session_record,
)

_BOUNDS = (-(2**63), 2**63 - 1)

_BEFORE_ALL_IDS, _BEHIND_ALL_IDS = "", "~"

_USERS = "LEFT JOIN users u ON u.engine = s.engine AND u.user_id = s.user_id"
_MOVED = (
    "(SELECT session, previous, min(seq) FROM moves WHERE seq > :snapshot GROUP BY session) m "
    f"CROSS JOIN sessions s ON s.id = m.session CROSS JOIN engines e ON e.id = s.engine {_USERS}"
)
"""From the few moves to their sessions: a CROSS JOIN keeps its order."""

Place = tuple[int, str, str]
"""Nanoseconds, an engine's full name and a session id: what sessions are ordered by."""

_Placed = Iterator[tuple[Place, int, Sequence[Any]]]
"""Where a session stands, the key of its engine, and its SESSION_COLUMNS."""


def sessions_in_order(
    db: sqlite3.Connection, engine: EngineName, query: PageQuery, now: int
) -> Iterator[tuple[Cursor, SessionRecord]]:
    """Live sessions of an engine in the query's order, behind its cursor; lazily.

    The engine `-` stands for all of its location: their sessions come in one order, though each
    engine's from its own index, since an index over all would be written with every append.

    Ordered by update_time, sessions that moved since the walk began stand where they stood
    then: `[snapshot, position, session_id]` is the cursor, for all engines with the engine's name
    before the session's id, and `snapshot` the last move that the first page knew of. Raises
    WalkTooOld when moves since then are forgotten.
    """
    scope, parent = ("location", engine.location) if engine.is_any else ("name", str(engine))
    found = db.execute(f"SELECT id, name, app FROM engines WHERE {scope} = ?", (parent,))
    engines = {key: (name, app) for key, name, app in found}
    if not engines:
        return
    snapshot, *place = query.cursor or [_last_move(db)]
    behind: tuple[Any, ...] = ()
    if place:
        behind = tuple(place) if engine.is_any else (place[0], parent, place[1])
    walk = _Walk(db, query, now, int(snapshot), behind, is_any=engine.is_any)
    streams = []
    if behind and query.order.field == "update_time":
        _check_moves_since(db, int(snapshot))
        streams.append(walk.moved(scope, parent))
    streams += [walk.unmoved(key, name) for key, (name, _) in engines.items()]
    merged = heapq.merge(*streams, key=itemgetter(0), reverse=query.order.descending)
    for (position, name, session_id), key, row in merged:
        shown = (name, session_id) if engine.is_any else (session_id,)
        yield [snapshot, position, *shown], session_record(*engines[key], row)


class _Walk:
    """The statements of one page of a walk through sessions."""

    def __init__(
        self,
        db: sqlite3.Connection,
        query: PageQuery,
        now: int,
        snapshot: int,
        behind: tuple[Any, ...],
        *,
        is_any: bool,
    ) -> None:
        """`behind` is the Place to go on from, or empty; `is_any` for more engines than one."""
        self._db, self._behind = db, behind
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
        self._unmoved: list[str] = []
        self._moved: set[int] = set()
        if behind and field == "update_time":
            moved = "SELECT session FROM moves WHERE seq > :snapshot"
            if is_any:
                # Looked up once, and not in the statement of each engine.
                self._moved = {session for (session,) in db.execute(moved, {"snapshot": snapshot})}
            else:
                self._unmoved = [f"s.id NOT IN ({moved})"]

    def unmoved(self, engine: int, name: str) -> _Placed:
        """An engine's sessions where they stand, but for those that moved."""
        conditions = ["s.engine = :engine", *self._conditions, *self._unmoved]
        parameters = {**self._parameters, "engine": engine}
        if self._behind:
            position, at, session_id = self._behind
            conditions.append(f"({self._column}, s.session_id) {self._beyond} (:position, :tie)")
            # An engine behind the cursor's has all its sessions of that position yet to come.
            others = _BEFORE_ALL_IDS if name > at else _BEHIND_ALL_IDS
            parameters |= {"position": position, "tie": session_id if name == at else others}
        rows = self._db.execute(
            f"SELECT {SESSION_COLUMNS}, s.id, {self._column}, s.session_id "
            f"FROM sessions s {_USERS} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {self._column} {self._direction}, s.session_id {self._direction}",
            parameters,
        )
        for *row, session, position, session_id in rows:
            if session not in self._moved:
                yield (position, name, session_id), engine, row

    def moved(self, scope: str, parent: str) -> _Placed:
        """The sessions that moved since the snapshot, where they stood then."""
        direction = self._direction
        conditions = [
            f"s.engine IN (SELECT id FROM engines WHERE {scope} = :parent)",
            *self._conditions,
            f"(m.previous, e.name, s.session_id) {self._beyond} (:position, :at, :tie)",
        ]
        position, at, tie = self._behind
        rows = self._db.execute(
            f"SELECT {SESSION_COLUMNS}, s.engine, m.previous, e.name, s.session_id FROM {_MOVED} "
            f"WHERE {' AND '.join(conditions)} "
            f"ORDER BY m.previous {direction}, e.name {direction}, s.session_id {direction}",
            {**self._parameters, "parent": parent, "position": position, "at": at, "tie": tie},
        )
        for *row, engine, previous, name, session_id in rows:
            yield (previous, name, session_id), engine, row


def events_in_order(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    """A session's events by timestamp, then arrival; the cursor is `[timestamp key, seq]`."""
    clauses, parameters = event_clauses(session, query)
    rows = db.execute(f"SELECT seq, {EVENT_COLUMNS} FROM events e {clauses}", parameters)
    for seq, key, *columns in rows:
        yield [key, seq], event_record(key, *columns)


def event_clauses(session: int, query: PageQuery) -> tuple[str, list[str | int]]:
    """Which events `e` of a session may match, and their order, with the parameters of both.

    An invocation_id and the bounds of the field that the query orders by are looked up.
    """
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions: list[str] = ["e.session = ?"]
    parameters: list[str | int] = [session]
    invocation = query.filter.equality("invocation_id")
    if invocation is not None:
        conditions.append("e.invocation_id = ?")
        parameters.append(invocation)
    lower, upper = query.filter.bounds(query.order.field)
    for bound, sign in ((lower, ">="), (upper, "<=")):
        if bound is not None:
            conditions.append(f"e.timestamp_key {sign} ?")
            parameters.append(timestamp_key(max(bound, MIN_TIMESTAMP)))
    if query.cursor:
        conditions.append(f"(e.timestamp_key, e.seq) {beyond} (?, ?)")
        parameters.extend(query.cursor)
    order = f"ORDER BY e.timestamp_key {direction}, e.seq {direction}"
    return f"WHERE {' AND '.join(conditions)} {order}", parameters


def _last_move(db: sqlite3.Connection) -> int:
    last: int = db.execute("SELECT coalesce(max(seq), 0) FROM moves").fetchone()[0]
    return last


def _check_moves_since(db: sqlite3.Connection, snapshot: int) -> None:
    first = db.execute("SELECT min(seq) FROM moves").fetchone()[0]
    if first is not None and first > snapshot + 1:
        raise WalkTooOld
