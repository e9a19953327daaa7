"""The walk behind list_sessions: documents in order, from a cursor on.

Ordered by update_time, sessions that moved since the walk began stand where they stood then:
Firestore still knows, for an hour, what a document was at the moment of the first page. Each later
page is read at that moment, then its sessions are read by name as they are today. So it is
Firestore's own clock that decides what has moved, whatever the clocks of servers show. The cursor
is `[snapshot, position, session]`: that moment, and the last session's place, in nanoseconds and by
its id, or by its full name where the walk goes through all engines. The reasons are in
docs/decisions/0001-walks-in-update-time-order.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from functions.calls.filters import PageQuery, session_matches
from functions.rules.errors import WalkTooOld
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.firestore.condemned import CONDEMNED, is_condemned
from functions.store.firestore.documents import expiry_of, session_name, session_record
from functions.store.firestore.protobuf import Document, StructuredQuery, Timestamp
from functions.store.firestore.queries import (
    ORDER_FIELDS,
    next_limit,
    run_in_steps,
    sessions_in_order,
)
from functions.store.firestore.rpc import Refused, Rpc, Stale
from functions.store.firestore.sharing import share
from functions.store.firestore.values import nanoseconds, timestamp
from functions.store.paging import Cursor, Page, checked_cursor, cut_page, fill_page

_BY_NAME = 100
"""Sessions that one call reads by name at most, unless a page is larger: each is read whole."""

_SHARED = ("app", "hasUserState", CONDEMNED)

Place = tuple[int, list[str]]
"""Nanoseconds and the ids below the walk's parent: what sessions are ordered by.

Names compare segment by segment, as Firestore does, since "a-b/" comes before "a/".
"""


def list_sessions(
    rpc: Rpc,
    engine: EngineName,
    query: PageQuery,
    now: int,
    hidden: frozenset[str] = frozenset(),
) -> Page[SessionRecord]:
    """One page of an engine's sessions, or of its location's, with their shared state.

    Leaves out the sessions of the `hidden` engines and of those that are being deleted.
    """
    reading = None if engine.is_wildcard else rpc.batch_get([str(engine)], _SHARED)
    page = fill_page(
        (
            (cursor, session_record(session_name(found), found))
            for cursor, found in _Walk(rpc, engine, query).live_documents(now)
        ),
        query,
        # A facet of the filter finds sessions of every location.
        lambda record: (
            record.name.engine.startswith(f"{engine.location}/")
            and record.name.engine not in hidden
            and session_matches(query.filter, record)
        ),
        SessionRecord.size,
    )
    names = [str(engine)]
    if reading is None:
        # Only the page tells whose sessions it holds.
        names = sorted({record.name.engine for record in page.items})
        reading = rpc.batch_get(names, _SHARED) if names else list
    engines = dict(zip(names, reading(), strict=True))
    condemned = {name for name, found in engines.items() if is_condemned(found)}
    if condemned and not engine.is_wildcard:
        return Page([], None)
    if condemned:
        return list_sessions(rpc, engine, query, now, hidden | condemned)
    share(rpc, page.items, engines)
    return cut_page(page, SessionRecord.size)


Placed = tuple[Timestamp, Place, Document]
"""When a session was read, where it stood, and its document."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """A query's way through the sessions below an engine, or in the whole database."""

    rpc: Rpc
    engine: EngineName
    query: PageQuery

    @property
    def parent(self) -> str:
        """The path that queries start from."""
        return "" if self.engine.is_wildcard else str(self.engine)

    @property
    def prefix(self) -> str:
        """What a document's name has before the ids of its place."""
        return f"{self.rpc.root}/" + ("" if self.engine.is_wildcard else f"{self.engine}/sessions/")

    def live_documents(self, now: int) -> Iterator[tuple[Cursor, Document]]:
        """Documents of live sessions in the query's order, behind its cursor."""
        snapshot, *place = checked_cursor(self.query.cursor, int, int, str) or [0]
        behind = (int(place[0]), str(place[1]).split("/")) if place else None
        if behind is not None and self.query.order.field == "update_time":
            placed = self.places_at(behind, timestamp(int(snapshot)))
        else:
            placed = self.places(behind)
        for read_time, (position, ids), found in placed:
            if expiry_of(found) > now // 1000:
                yield [snapshot or nanoseconds(read_time), position, "/".join(ids)], found

    def places(
        self, behind: Place | None, read_time: Timestamp | None = None, fields: Sequence[str] = ()
    ) -> Iterator[Placed]:
        """Every session where it stands, now or at `read_time`, with some fields or all."""

        def request(last: Document | None) -> StructuredQuery:
            place = behind if last is None else self.place(last)
            reference = place and (place[0], self.prefix + "/".join(place[1]))
            return sessions_in_order(self.query, self.engine, reference, fields)

        for found, at in run_in_steps(
            self.rpc, self.parent, request, self.query.page_size + 1, read_time
        ):
            if found is not None:
                yield at, self.place(found), found

    def places_at(self, behind: Place, snapshot: Timestamp) -> Iterator[Placed]:
        """Every session that is still there, as it is today, where it stood at the snapshot."""
        then = self.places(behind, snapshot, ["updateTime"])
        size = self.query.page_size + 1
        while some := self.next_of(then, size):
            names = [found.name.removeprefix(f"{self.rpc.root}/") for _, _, found in some]
            today = self.rpc.batch_get(names)()
            for (at, place, _), found in zip(some, today, strict=True):
                if found is not None:
                    yield at, place, found
            size = min(next_limit(size), _BY_NAME)

    @staticmethod
    def next_of(then: Iterator[Placed], count: int) -> list[Placed]:
        """The next so many places; raises WalkTooOld where Firestore has forgotten them."""
        try:
            return list(islice(then, count))
        except (Refused, Stale) as error:
            raise WalkTooOld from error

    def place(self, found: Document) -> Place:
        """Where a document stands."""
        stamp = found.fields[ORDER_FIELDS[self.query.order.field]].timestamp_value
        return nanoseconds(stamp), found.name.removeprefix(self.prefix).split("/")
