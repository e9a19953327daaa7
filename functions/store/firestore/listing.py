"""The walk behind list_sessions: documents in order, from a cursor on.

Ordered by update_time, sessions that moved since the walk began stand where they stood then:
Firestore still knows, for an hour, what a document was at the moment of the first page. The
cursor is `[snapshot, started, position, session_id]`: that moment by Firestore's clock and by
ours, and the last session's place, in nanoseconds.
"""

import heapq
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from functions.rules.errors import WalkTooOld
from functions.rules.filters import PageQuery
from functions.store.firestore.documents import expiry_of
from functions.store.firestore.queries import (
    ORDER_FIELDS,
    sessions_in_order,
    sessions_updated_after,
)
from functions.store.firestore.rpc import Refused, Rpc, Stale
from functions.store.firestore.values import nanoseconds, timestamp
from functions.store.paging import Cursor

_CLOCK_SKEW = 5 * 10**9
"""Nanoseconds by which the clocks of two servers may differ."""

_MEMORY = 3600 * 10**9
"""Nanoseconds for which Firestore can read the past."""

Place = tuple[int, str]
"""Nanoseconds and a session id: what sessions are ordered by."""


def stream(
    rpc: Rpc,
    parent: str,
    request: Callable[[Any], Any],
    limit: int,
    read_time: Any = None,
) -> Iterator[tuple[Any, Any]]:
    """All that a query finds at one moment, `limit` documents a call: `(document, read_time)`.

    `request` makes the query that goes on behind a document, or None to start.
    """
    last, count = None, limit
    while count == limit:
        count = 0
        for found, at in rpc.run_query(parent, request(last), read_time):
            if found is not None:
                last, count = found, count + 1
            yield found, at
        read_time = at


def live_documents(
    rpc: Rpc, engine: str, query: PageQuery, now: int
) -> Iterator[tuple[Cursor, Any]]:
    """Documents of live sessions of an engine in the query's order, behind its cursor."""
    snapshot, started, *place = query.cursor or [0, now]
    behind = (int(place[0]), str(place[1])) if place else None
    if behind is not None and query.order.field == "update_time":
        placed = _places_at(rpc, engine, query, behind, int(snapshot), int(started), now)
    else:
        placed = _places_now(rpc, engine, query, behind)
    for read_time, (position, session_id), found in placed:
        if expiry_of(found) > now // 1000:
            yield [snapshot or nanoseconds(read_time), started, position, session_id], found


def _places_now(
    rpc: Rpc,
    engine: str,
    query: PageQuery,
    behind: Place | None,
    not_after: int | None = None,
    read_time: Any = None,
) -> Iterator[tuple[Any, Place, Any]]:
    """Every session where it stands, those updated later than `not_after` left out."""
    limit = query.page_size + 1

    def request(last: Any) -> Any:
        place = behind if last is None else _place(last, query)
        reference = place and (place[0], f"{rpc.root}/{engine}/sessions/{place[1]}")
        return sessions_in_order(query, limit, reference, not_after)

    for found, at in stream(rpc, engine, request, limit, read_time):
        if found is not None:
            yield at, _place(found, query), found


def _places_at(
    rpc: Rpc, engine: str, query: PageQuery, behind: Place, snapshot: int, started: int, now: int
) -> Iterator[tuple[Any, Place, Any]]:
    """Every session where it stood at the snapshot."""
    if now - started > _MEMORY:
        raise WalkTooOld
    settled = started - _CLOCK_SKEW
    descending = query.order.descending
    answers = list(rpc.run_query(engine, sessions_updated_after(query, settled)))
    recent = [found for found, _ in answers if found is not None]
    read_time = answers[-1][1]
    moved = [
        (read_time, place, found)
        for place, found in _places_then(rpc, recent, snapshot, query)
        if (place < behind if descending else place > behind)
    ]
    moved.sort(key=itemgetter(1), reverse=descending)
    unmoved = _places_now(rpc, engine, query, behind, settled, read_time)
    return heapq.merge(moved, unmoved, key=itemgetter(1), reverse=descending)


def _places_then(
    rpc: Rpc, recent: list[Any], snapshot: int, query: PageQuery
) -> Iterator[tuple[Place, Any]]:
    """Where sessions stood at the snapshot; those that were not there yet are left out."""
    if not recent:
        return
    names = [found.name.removeprefix(f"{rpc.root}/") for found in recent]
    try:
        then = rpc.batch_get(names, ["updateTime"], timestamp(snapshot))()
    except (Refused, Stale) as error:
        raise WalkTooOld from error
    for old, found in zip(then, recent, strict=True):
        if old is not None and "updateTime" in old.fields:
            yield (_place(old, query), found)


def _place(found: Any, query: PageQuery) -> Place:
    stamp = found.fields[ORDER_FIELDS[query.order.field]].timestamp_value
    return nanoseconds(stamp), found.name.rpartition("/")[2]
