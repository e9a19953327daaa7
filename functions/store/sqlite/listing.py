"""The queries behind lists: lazy streams in order, from a cursor on."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.rules.errors import WalkTooOld
from functions.rules.event import EventRecord, timestamp_key
from functions.rules.filters import PageQuery
from functions.store.paging import Cursor
from functions.store.sqlite.rows import SESSION_COLUMNS

_BOUNDS = (-(2**63), 2**63 - 1)

Row = Sequence[Any]


def session_rows(
    db: sqlite3.Connection, engine: int, query: PageQuery, now: int
) -> Iterator[tuple[Cursor, Row]]:
    """Live sessions of an engine in the query's order, behind its cursor; lazily.

    Ordered by update_time, sessions that moved since the walk began stand where they stood
    then: `[snapshot, position, session_id]` is the cursor, and `snapshot` the last move that
    the first page knew of. Raises WalkTooOld when moves since then are forgotten.
    """
    order = query.order
    snapshot, *behind = query.cursor or [_last_move(db)]
    direction, beyond = ("DESC", "<") if order.descending else ("ASC", ">")
    conditions = ["s.engine = :engine", "s.expiry > :now"]
    parameters: dict[str, object] = {"engine": engine, "now": now // 1000, "snapshot": snapshot}
    for field, key, value in query.filter.equalities():
        if field == "user_id" and key is None:
            conditions.append("s.user_id = :user_id")
            parameters["user_id"] = value
    for bound, sign, limit in zip(
        query.filter.bounds(order.field), (">=", "<="), _BOUNDS, strict=True
    ):
        if bound is not None:
            conditions.append(f"s.{order.field} {sign} :bound{limit > 0:d}")
            parameters[f"bound{limit > 0:d}"] = min(max(bound, _BOUNDS[0]), _BOUNDS[1])
    position = f"s.{order.field}"
    source = (
        f"SELECT {SESSION_COLUMNS}, {{position}} AS position, s.session_id AS tie FROM {{tables}}"
    )
    users = "LEFT JOIN users u ON u.engine = s.engine AND u.user_id = s.user_id"
    unmoved, moved = list(conditions), list(conditions)
    if behind:
        parameters["position"], parameters["tie"] = behind
        unmoved.append(f"({position}, s.session_id) {beyond} (:position, :tie)")
        moved.append(f"(m.previous, s.session_id) {beyond} (:position, :tie)")
    sql = ""
    if behind and order.field == "update_time":
        _check_moves_since(db, int(snapshot))
        unmoved.append("s.id NOT IN (SELECT session FROM moves WHERE seq > :snapshot)")
        tables = (
            "(SELECT session, previous, min(seq) FROM moves WHERE seq > :snapshot "
            f"GROUP BY session) m JOIN sessions s ON s.id = m.session {users}"
        )
        sql = f"{source.format(position='m.previous', tables=tables)} WHERE {' AND '.join(moved)}"
        sql += " UNION ALL "
    sql += source.format(position=position, tables=f"sessions s {users}")
    sql += f" WHERE {' AND '.join(unmoved)} ORDER BY position {direction}, tie {direction}"
    for *row, at, tie in db.execute(sql, parameters):
        yield [snapshot, at, tie], row


def events_in_order(
    db: sqlite3.Connection, session: int, query: PageQuery
) -> Iterator[tuple[Cursor, EventRecord]]:
    """A session's events by timestamp, then arrival; the cursor is `[timestamp key, seq]`."""
    descending = query.order.descending
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    conditions: list[str] = ["session = ?"]
    parameters: list[str | int] = [session]
    lower, upper = query.filter.bounds("timestamp")
    for bound, sign in ((lower, ">="), (upper, "<=")):
        if bound is not None:
            conditions.append(f"timestamp_key {sign} ?")
            parameters.append(timestamp_key(max(bound, MIN_TIMESTAMP)))
    if query.cursor:
        conditions.append(f"(timestamp_key, seq) {beyond} (?, ?)")
        parameters.extend(query.cursor)
    rows = db.execute(
        "SELECT seq, timestamp_key, id, author, invocation_id, text FROM events "
        f"WHERE {' AND '.join(conditions)} "
        f"ORDER BY timestamp_key {direction}, seq {direction}",
        parameters,
    )
    for seq, key, *columns in rows:
        id_, author, invocation_id, text = columns
        timestamp = int(key, 16) + MIN_TIMESTAMP
        yield [key, seq], EventRecord(id_, timestamp, author, invocation_id, text)


def _last_move(db: sqlite3.Connection) -> int:
    last: int = db.execute("SELECT coalesce(max(seq), 0) FROM moves").fetchone()[0]
    return last


def _check_moves_since(db: sqlite3.Connection, snapshot: int) -> None:
    first = db.execute("SELECT min(seq) FROM moves").fetchone()[0]
    if first is not None and first > snapshot + 1:
        raise WalkTooOld
