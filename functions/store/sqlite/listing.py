"""The queries behind lists: lazy streams in order, from a cursor on."""

import heapq
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import utf8_size
from functions.rules.errors import WalkTooOld
from functions.rules.event import ENVELOPE_BYTES as EVENT_ENVELOPE_BYTES
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.filters import PageQuery
from functions.rules.limits import MAX_PAGE_BYTES
from functions.rules.names import EngineName, SessionName
from functions.rules.session import ENVELOPE_BYTES as SESSION_ENVELOPE_BYTES
from functions.rules.session import SessionRecord
from functions.store.paging import Cursor, Page, own_cursor
from functions.store.sqlite.rows import (
    EVENT_COLUMNS,
    LIVE_KEY,
    SESSION_COLUMNS,
    event_record,
    session_record,
)

_BOUNDS = (-(2**63), 2**63 - 1)

JOINED = 101
"""Items that one step joins, a page of the usual size and one more: each may have a megabyte."""

_WORST_SESSION = 6
"""How much larger than its JSON SessionRecord.size may be."""

_STATE = """(CASE WHEN s.state IS NULL AND :app = '' AND coalesce(u.state, '') = '' THEN ''
    ELSE ',"sessionState":{' || trim(coalesce(s.state, '')
        || CASE :app WHEN '' THEN '' ELSE ',' || :app END
        || CASE coalesce(u.state, '') WHEN '' THEN '' ELSE ',' || u.state END, ',') || '}' END)"""
"""SessionRecord.to_json's state in SQL. No member begins or ends with the comma that trim takes."""

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
"""Where a session stands, the key of its engine, and its SESSION_COLUMNS, the first its id."""


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
    tie = (str, str) if engine.is_any else (str,)
    cursor = own_cursor(query.cursor, int, int, *tie)
    scope, parent = ("location", engine.location) if engine.is_any else ("name", str(engine))
    found = db.execute(f"SELECT id, name, app FROM engines WHERE {scope} = ?", (parent,))
    engines = {key: (name, app) for key, name, app in found}
    if not engines:
        return
    snapshot, *place = cursor or [_last_move(db)]
    behind: tuple[Any, ...] = ()
    if place:
        behind = tuple(place) if engine.is_any else (place[0], parent, place[1])
    walk = _Walk(db, query, now, int(snapshot), behind, is_any=engine.is_any)
    streams = []
    if behind and query.order.field == "update_time":
        _check_moves_since(db, int(snapshot))
        streams.append(walk.moved(scope, parent))
    streams += [walk.unmoved(key, name) for key, (name, _) in engines.items()]
    merged = (
        streams[0]
        if len(streams) == 1
        else heapq.merge(*streams, key=itemgetter(0), reverse=query.order.descending)
    )
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
        self._db, self.behind = db, behind
        field = query.order.field
        self.column = f"s.{field}"
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
                self._conditions.append(f"{self.column} {sign} :bound{limit > 0:d}")
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
        clauses, parameters = self.clauses(engine, name)
        columns = f"s.id, {self.column}, {SESSION_COLUMNS}"
        moved = self._moved
        for row in self._db.execute(f"SELECT {columns} {clauses}", parameters):
            if row[0] not in moved:
                yield (row[1], name, row[2]), engine, row[2:]

    def clauses(self, engine: int, name: str) -> tuple[str, dict[str, object]]:
        """What `unmoved` goes through, from FROM on, with its parameters."""
        conditions = ["s.engine = :engine", *self._conditions, *self._unmoved]
        parameters = {**self._parameters, "engine": engine}
        if self.behind:
            position, at, session_id = self.behind
            conditions.append(f"({self.column}, s.session_id) {self._beyond} (:position, :tie)")
            # An engine behind the cursor's has all its sessions of that position yet to come.
            others = _BEFORE_ALL_IDS if name > at else _BEHIND_ALL_IDS
            parameters |= {"position": position, "tie": session_id if name == at else others}
        return (
            f"FROM sessions s {_USERS} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {self.column} {self._direction}, s.session_id {self._direction}"
        ), parameters

    def moved(self, scope: str, parent: str) -> _Placed:
        """The sessions that moved since the snapshot, where they stood then."""
        direction = self._direction
        conditions = [
            f"s.engine IN (SELECT id FROM engines WHERE {scope} = :parent)",
            *self._conditions,
            f"(m.previous, e.name, s.session_id) {self._beyond} (:position, :at, :tie)",
        ]
        position, at, tie = self.behind
        rows = self._db.execute(
            f"SELECT s.engine, m.previous, e.name, {SESSION_COLUMNS} FROM {_MOVED} "
            f"WHERE {' AND '.join(conditions)} "
            f"ORDER BY m.previous {direction}, e.name {direction}, s.session_id {direction}",
            {**self._parameters, "parent": parent, "position": position, "at": at, "tie": tie},
        )
        for engine, previous, name, *row in rows:
            yield (previous, name, row[0]), engine, row


def events_in_order(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    """A session's events by timestamp, then arrival; the cursor is `[timestamp key, seq]`."""
    clauses, parameters = event_clauses(session, query)
    rows = db.execute(f"SELECT {EVENT_COLUMNS} {clauses}", parameters)
    for row in rows:
        yield [row[1], row[0]], event_record(row)


def joined_sessions(
    db: sqlite3.Connection, engine: EngineName, query: PageQuery, now: int
) -> Page[str] | None:
    """The page of `sessions_in_order` as `_join` makes it; None where it cannot.

    That is for all engines, for sessions that may have moved since the walk began, for a filter
    that looks at more than the user, and for sessions that an earlier version wrote last.
    """
    is_plain = query.filter.is_empty or query.filter.is_equality("user_id")
    is_walk = query.cursor is not None and query.order.field == "update_time"
    if engine.is_any or is_walk or not is_plain:
        return None
    cursor = own_cursor(query.cursor, int, int, str)
    name = str(engine)
    found = db.execute("SELECT id, app FROM engines WHERE name = ?", (name,)).fetchone()
    if found is None:
        return Page([], None)
    snapshot, *place = cursor or [_last_move(db)]
    walk = _Walk(db, query, now, int(snapshot), (), is_any=False)

    def clauses(place: Cursor) -> tuple[str, dict[str, Any]]:
        walk.behind = (int(place[0]), name, place[1]) if place else ()
        return walk.clauses(found[0], name)

    page = _join(
        db,
        f"s.session_id || '\",' || nullif(s.text, '') || {_STATE} || '}}'",
        f"{walk.column} || ' ' || s.session_id",
        clauses,
        place,
        {"app": found[1], "head": f'{{"name":"{name}/sessions/', "size": query.page_size},
        lambda piece, count: _WORST_SESSION * utf8_size(piece) + count * SESSION_ENVELOPE_BYTES,
    )
    if page is None or page.cursor is None:
        return page
    position, session_id = page.cursor
    return Page(page.items, [snapshot, int(position), session_id])


def joined_events(
    db: sqlite3.Connection, name: SessionName, query: PageQuery, now: int, owner: str | None
) -> Page[str] | None:
    """The page of a live session's `events_in_order` as `_join` makes it; None where it cannot.

    That is for a filter, which has to look, and where nothing is found: maybe there is no session.
    A page of fewer than JOINED items is one statement.
    """
    if not query.filter.is_empty:
        return None
    live = {"engine": name.engine, "id": name.session, "now": now // 1000, "owner": owner}
    page = _join(
        db,
        "e.id || '\",' || e.text",
        "e.timestamp_key || ' ' || e.seq",
        lambda place: event_clauses(LIVE_KEY, replace(query, cursor=_event_place(place))),
        own_cursor(query.cursor, str, int),
        {**live, "head": f'{{"name":"{name}/events/', "size": query.page_size},
        lambda piece, count: utf8_size(piece) + count * EVENT_ENVELOPE_BYTES,
    )
    if page is None or not page.items:
        return None
    return Page(page.items, _event_place(page.cursor))


def _event_place(words: Cursor | None) -> Cursor | None:
    return [words[0], int(words[1])] if words else None


def _join(
    db: sqlite3.Connection,
    json: str,
    place: str,
    clauses: Callable[[Cursor], tuple[str, dict[str, Any]]],
    behind: Cursor,
    more: dict[str, Any],
    size: Callable[[str, int], int],
) -> Page[str] | None:
    """A page's JSON as SQLite joins it, `:head` before each item, without an object for each.

    Each row that SQLite hands over lets another thread have the interpreter, so that a page of a
    hundred rows costs a hundred changes of threads on a busy server; here it is one for each
    JOINED items. `clauses` are those behind a place; the page's cursor is the two words of its
    last item's `place`. `size` is at least what fill_page would make of so many items' JSON.

    None where the page may pass MAX_PAGE_BYTES, or the JSON of an item is NULL.
    """
    pieces: list[str] = []
    total, left = 0, more["size"]
    while True:
        limit = min(JOINED, left + 1)
        text, parameters = clauses(behind)
        piece, count, joined, places = db.execute(
            "SELECT group_concat(json, ',' || :head), count(*), count(json), "
            "group_concat(place || ' ' || length(json), ';') "
            f"FROM (SELECT {json} AS json, {place} AS place {text} LIMIT :limit)",
            {**parameters, **more, "limit": limit},
        ).fetchone()
        total += size(piece or "", count)
        if joined < count or total > MAX_PAGE_BYTES:
            return None
        if not count:
            return Page(pieces, None)
        before, last = ["", *places.rsplit(";", 2)][-2:]
        if count > left:
            # The last shows that there are more; it is not of this page.
            if left:
                end = len(piece) - int(last.rpartition(" ")[2]) - len(f",{more['head']}")
                pieces.append(f"{more['head']}{piece[:end]}")
                behind = before.split(" ")[:2]
            return Page(pieces, behind)
        pieces.append(f"{more['head']}{piece}")
        behind = last.split(" ")[:2]
        left -= count
        if count < limit:
            return Page(pieces, None)


def event_clauses(session: int | str, query: PageQuery) -> tuple[str, dict[str, Any]]:
    """Which events `e` of a session may match, and their order, from FROM on, with parameters.

    `session` is its key, or SQL for it. An invocation_id and the bounds of the field that the query
    orders by are looked up.
    """
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    is_key = isinstance(session, int)
    conditions: list[str] = [f"e.session = {':session' if is_key else session}"]
    parameters: dict[str, Any] = {"session": session} if is_key else {}
    invocation = query.filter.equality("invocation_id")
    if invocation is not None:
        conditions.append("e.invocation_id = :invocation")
        parameters["invocation"] = invocation
    lower, upper = query.filter.bounds(query.order.field)
    for name, bound, sign in (("lower", lower, ">="), ("upper", upper, "<=")):
        if bound is not None:
            conditions.append(f"e.timestamp_key {sign} :{name}")
            parameters[name] = timestamp_key(max(bound, MIN_TIMESTAMP))
    if cursor := own_cursor(query.cursor, str, int):
        conditions.append(f"(e.timestamp_key, e.seq) {beyond} (:key, :seq)")
        parameters["key"], parameters["seq"] = cursor
    order = f"ORDER BY e.timestamp_key {direction}, e.seq {direction}"
    return f"FROM events e WHERE {' AND '.join(conditions)} {order}", parameters


def _last_move(db: sqlite3.Connection) -> int:
    last: int = db.execute("SELECT coalesce(max(seq), 0) FROM moves").fetchone()[0]
    return last


def _check_moves_since(db: sqlite3.Connection, snapshot: int) -> None:
    first = db.execute("SELECT min(seq) FROM moves").fetchone()[0]
    if first is not None and first > snapshot + 1:
        raise WalkTooOld
