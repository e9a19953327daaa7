"""The walk behind list_sessions: documents in order, from a cursor on.

Ordered by update_time, sessions that moved since the walk began stand where they stood then:
Firestore still knows, for an hour, what a document was at the moment of the first page. The
cursor is `[snapshot, position, session_id]`, in nanoseconds.
"""

import heapq
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from functions.rules.errors import WalkTooOld
from functions.rules.filters import PageQuery
from functions.store.firestore.documents import expiry_of, nanoseconds, timestamp
from functions.store.firestore.queries import (
    ORDER_FIELDS,
    sessions_in_order,
    sessions_updated_after,
)
from functions.store.firestore.rpc import Refused, Rpc, Stale
from functions.store.paging import Cursor

_CLOCK_SKEW = 5 * 10**9
"""Nanoseconds by which the clocks of two servers may differ from Firestore's."""

_MEMORY = 3600 * 10**9
"""Nanoseconds for which Firestore can read the past."""

Place = tuple[int, str]


def stream(
    rpc: Rpc, parent: str, request: Callable[[Any], Any], limit: int
) -> Iterator[tuple[Any, Any]]:
    """All that a query finds, `limit` documents a call: `(document, read_time)`.

    `request` makes the query that goes on behind a document, or None to start.
    """
    last, count = None, limit
    while count == limit:
        count = 0
        for found, read_time in rpc.run_query(parent, request(last)):
            if found is not None:
                last, count = found, count + 1
            yield found, read_time


def live_documents(
    rpc: Rpc, engine: str, query: PageQuery, now: int
) -> Iterator[tuple[Cursor, Any]]:
    """Documents of live sessions of an engine in the query's order, behind its cursor."""
    if query.cursor is not None and query.order.field == "update_time":
        placed = _places_at_snapshot(rpc, engine, query, now)
    else:
        placed = _places_now(rpc, engine, query)
    for snapshot, (position, session_id), found in placed:
        if expiry_of(found) > now // 1000:
            yield [snapshot, position, session_id], found


def _places_now(rpc: Rpc, engine: str, query: PageQuery) -> Iterator[tuple[int, Place, Any]]:
    """Every session where it stands; the snapshot is when the first of them was read."""
    snapshot, behind = _split_cursor(query)
    for found, read_time in _in_order(rpc, engine, query, behind):
        snapshot = snapshot or nanoseconds(read_time)
        if found is not None:
            yield snapshot, _place(found, query), found


def _places_at_snapshot(
    rpc: Rpc, engine: str, query: PageQuery, now: int
) -> Iterator[tuple[int, Place, Any]]:
    """Every session where it stood at the cursor's snapshot."""
    snapshot, behind = _split_cursor(query)
    if now - snapshot > _MEMORY:
        raise WalkTooOld
    settled = snapshot - _CLOCK_SKEW
    descending = query.order.descending
    recent = rpc.run_query(engine, sessions_updated_after(query, settled))
    moved = [
        (place, found)
        for place, found in _places_then(
            rpc, [found for found, _ in recent if found], snapshot, query
        )
        if behind is None or (place < behind if descending else place > behind)
    ]
    moved.sort(key=itemgetter(0), reverse=descending)
    unmoved = (
        (_place(found, query), found)
        for found, _ in _in_order(rpc, engine, query, behind, settled)
        if found is not None
    )
    for place, found in heapq.merge(moved, unmoved, key=itemgetter(0), reverse=descending):
        yield snapshot, place, found


def _in_order(
    rpc: Rpc, engine: str, query: PageQuery, behind: Place | None, not_after: int | None = None
) -> Iterator[tuple[Any, Any]]:
    limit = query.page_size + 1

    def request(last: Any) -> Any:
        place = behind if last is None else _place(last, query)
        reference = place and (place[0], f"{rpc.root}/{engine}/sessions/{place[1]}")
        return sessions_in_order(query, limit, reference, not_after)

    return stream(rpc, engine, request, limit)


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


def _split_cursor(query: PageQuery) -> tuple[int, Place | None]:
    if query.cursor is None:
        return 0, None
    snapshot, position, session_id = query.cursor
    return int(snapshot), (int(position), str(session_id))
