"""The walk behind list_sessions: documents in order, from a cursor on.

Ordered by update_time, sessions that moved since the walk began stand where they stood then:
Firestore still knows, for an hour, what a document was at the moment of the first page. The
cursor is `[snapshot, started, position, session]`: that moment by Firestore's clock and by ours,
and the last session's place, in nanoseconds and by its id, or by its full name where the walk
goes through all engines.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from functions.rules.errors import WalkTooOld
from functions.rules.filters import PageQuery, session_matches
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.firestore.documents import expiry_of, session_name, session_record
from functions.store.firestore.queries import (
    ORDER_FIELDS,
    sessions_in_order,
    sessions_updated_after,
)
from functions.store.firestore.rpc import Refused, Rpc, Stale
from functions.store.firestore.sharing import share
from functions.store.firestore.values import nanoseconds, timestamp
from functions.store.paging import Cursor, Page, cut_page, fill_page, own_cursor

_CLOCK_SKEW = 5 * 10**9
"""Nanoseconds by which the clocks of two servers may differ."""

_MEMORY = 3600 * 10**9
"""Nanoseconds for which Firestore can read the past."""

MAX_DOCUMENTS = 1_000
"""What one call asks for at most, unless a page is larger."""

_SHARED = ("app", "hasUserState")

Place = tuple[int, list[str]]
"""Nanoseconds and the ids below the walk's parent: what sessions are ordered by.

Names compare segment by segment, as Firestore does, since "a-b/" comes before "a/".
"""


def next_limit(limit: int) -> int:
    """What the next call asks for, where one for `limit` documents did not do."""
    return max(limit, min(2 * limit, MAX_DOCUMENTS))


def stream(
    rpc: Rpc,
    parent: str,
    request: Callable[[Any], Any],
    limit: int,
    read_time: Any = None,
) -> Iterator[tuple[Any, Any]]:
    """All that a query finds at one moment: `(document, read_time)`.

    The first call asks for `limit` documents, and each for twice as many as the one before, up to
    MAX_DOCUMENTS: who needs a second call is passing over what was found. `request` makes the
    query that goes on behind a document, or None to start.
    """
    last, is_full = None, True
    while is_full:
        query, count = request(last), 0
        query.limit.value = limit
        for found, at in rpc.run_query(parent, query, read_time):
            if found is not None:
                last, count = found, count + 1
            yield found, at
        is_full, read_time = count >= limit, at
        limit = next_limit(limit)


def list_sessions(rpc: Rpc, engine: EngineName, query: PageQuery, now: int) -> Page[SessionRecord]:
    """One page of an engine's sessions, or of its location's, with their shared state."""
    reading = None if engine.is_any else rpc.batch_get([str(engine)], _SHARED)
    page = fill_page(
        (
            (cursor, session_record(session_name(found), found))
            for cursor, found in _Walk(rpc, engine, query).live_documents(now)
        ),
        query,
        # A facet of the filter finds sessions of every location.
        lambda record: (
            record.name.engine.startswith(f"{engine.location}/")
            and session_matches(query.filter, record)
        ),
        SessionRecord.size,
    )
    names = [str(engine)]
    if reading is None:
        # Only the page tells whose sessions it holds.
        names = sorted({record.name.engine for record in page.items})
        reading = rpc.batch_get(names, _SHARED) if names else list
    share(rpc, page.items, dict(zip(names, reading(), strict=True)))
    return cut_page(page, SessionRecord.size)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A query's way through the sessions below an engine, or in the whole database."""

    rpc: Rpc
    engine: EngineName
    query: PageQuery

    @property
    def parent(self) -> str:
        """The path that queries start from."""
        return "" if self.engine.is_any else str(self.engine)

    @property
    def prefix(self) -> str:
        """What a document's name has before the ids of its place."""
        return f"{self.rpc.root}/" + ("" if self.engine.is_any else f"{self.engine}/sessions/")

    def live_documents(self, now: int) -> Iterator[tuple[Cursor, Any]]:
        """Documents of live sessions in the query's order, behind its cursor."""
        snapshot, started, *place = own_cursor(self.query.cursor, int, int, int, str) or [0, now]
        behind = (int(place[0]), str(place[1]).split("/")) if place else None
        if behind is not None and self.query.order.field == "update_time":
            placed = self.places_at(behind, int(snapshot), int(started), now)
        else:
            placed = self.places_now(behind)
        for read_time, (position, ids), found in placed:
            if expiry_of(found) > now // 1000:
                moment = snapshot or nanoseconds(read_time)
                yield [moment, started, position, "/".join(ids)], found

    def places_now(
        self, behind: Place | None, not_after: int | None = None, read_time: Any = None
    ) -> Iterator[tuple[Any, Place, Any]]:
        """Every session where it stands, those updated later than `not_after` left out."""

        def request(last: Any) -> Any:
            place = behind if last is None else self.place(last)
            reference = place and (place[0], self.prefix + "/".join(place[1]))
            return sessions_in_order(self.query, self.engine, reference, not_after)

        for found, at in stream(
            self.rpc, self.parent, request, self.query.page_size + 1, read_time
        ):
            if found is not None:
                yield at, self.place(found), found

    def places_at(
        self, behind: Place, snapshot: int, started: int, now: int
    ) -> Iterator[tuple[Any, Place, Any]]:
        """Every session where it stood at the snapshot."""
        if now - started > _MEMORY:
            raise WalkTooOld
        settled = started - _CLOCK_SKEW
        descending = self.query.order.descending
        query = sessions_updated_after(self.query, self.engine, settled)
        answers = list(self.rpc.run_query(self.parent, query))
        recent = [found for found, _ in answers if found is not None]
        read_time = answers[-1][1]
        moved = [
            (read_time, place, found)
            for place, found in self.places_then(recent, snapshot)
            if (place < behind if descending else place > behind)
        ]
        moved.sort(key=itemgetter(1), reverse=descending)
        unmoved = self.places_now(behind, settled, read_time)
        return heapq.merge(moved, unmoved, key=itemgetter(1), reverse=descending)

    def places_then(self, recent: list[Any], snapshot: int) -> Iterator[tuple[Place, Any]]:
        """Where sessions stood at the snapshot; those that were not there yet are left out."""
        if not recent:
            return
        names = [found.name.removeprefix(f"{self.rpc.root}/") for found in recent]
        try:
            then = self.rpc.batch_get(names, ["updateTime"], timestamp(snapshot))()
        except (Refused, Stale) as error:
            raise WalkTooOld from error
        for old, found in zip(then, recent, strict=True):
            if old is not None and "updateTime" in old.fields:
                yield (self.place(old), found)

    def place(self, found: Any) -> Place:
        """Where a document stands."""
        stamp = found.fields[ORDER_FIELDS[self.query.order.field]].timestamp_value
        return nanoseconds(stamp), found.name.removeprefix(self.prefix).split("/")
