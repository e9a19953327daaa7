"""The walk behind list_sessions: documents in order, from a cursor on.

In the order of update_time a session that moved since the walk began is listed where it stood
then. Firestore can read the past hour, so the server reads each later page as of the moment of the
first page, and then the sessions of that page by name, as they are today. Only Firestore's own
clock decides which sessions moved.

The cursor is `[snapshot, shards, position, session]`: the moment of the first page in nanoseconds,
the layout of the walk (see `layouts`), and the place of the last session: nanoseconds and an id,
or a full name if the walk covers all engines. A walk that began before sessions had shards has a
cursor without `shards`. docs/decisions/0001-walks-in-update-time-order.md has the reasons.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import chain, islice
from operator import itemgetter

from functions.calls.filters import PageQuery, session_matches
from functions.rules.errors import WalkTooOld
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionRecord
from functions.store.firestore.condemned import HIDING, hides_sessions, is_condemned
from functions.store.firestore.documents import (
    is_erased,
    is_live,
    session_name,
    session_record,
)
from functions.store.firestore.layouts import FORMER, MAX_SHARDS, Layout, Layouts
from functions.store.firestore.protobuf import Document, StructuredQuery, Timestamp
from functions.store.firestore.queries import (
    next_limit,
    run_in_steps,
    searched_facets,
    sessions_in_order,
    sessions_of_id,
)
from functions.store.firestore.rpc import Refused, Rpc, Stale
from functions.store.firestore.sharing import share
from functions.store.firestore.values import nanoseconds, timestamp
from functions.store.paging import Cursor, Page, checked_cursor, cut_page, fill_page

_BY_NAME = 100
"""Sessions that one call reads by name at most, unless a page is larger: each is read whole."""

_SHARED = ("app", "hasUserState", *HIDING)

Place = tuple[int, list[str]]
"""Nanoseconds and the ids below the walk's parent: what sessions are ordered by.

Names compare segment by segment, as Firestore does, since "a-b/" comes before "a/".
"""


def list_sessions(
    rpc: Rpc,
    engine: EngineName,
    query: PageQuery,
    layouts: Layouts,
    now: int,
    hiding: Mapping[str, Document] | None = None,
) -> Page[SessionRecord]:
    """One page of an engine's sessions, or of its location's, with their shared state.

    Each session is found by one layout at least. Leaves out what the documents of engines hide:
    all sessions, or those of users who are being erased. `hiding` holds the documents, by name,
    that are known to do so.
    """
    hiding, hidden = hiding or {}, set[SessionName]()
    reading = None if engine.is_wildcard else rpc.batch_get([str(engine)], _SHARED)

    def placed() -> Iterator[tuple[Cursor, SessionRecord]]:
        for cursor, found in _Walk(rpc, engine, query, layouts).live_documents(now):
            record = session_record(session_name(found), found, is_full=query.is_full)
            of_engine = hiding.get(record.name.engine)
            if is_condemned(of_engine) or is_erased(of_engine, found):
                hidden.add(record.name)
            yield cursor, record

    def matches(record: SessionRecord) -> bool:
        is_hidden = record.name in hidden
        # There may be very many, and the page is through with this one.
        hidden.discard(record.name)
        # A facet of the filter finds sessions of every location.
        is_here = record.name.engine.startswith(f"{engine.location}/")
        return is_here and not is_hidden and session_matches(query.filter, record)

    page = fill_page(placed(), query, matches, SessionRecord.size)
    names = [str(engine)]
    if reading is None:
        # The engines are known only from the sessions of the page.
        names = sorted({record.name.engine for record in page.items})
        reading = rpc.batch_get(names, _SHARED) if names else list
    engines = dict(zip(names, reading(), strict=True))
    if not engine.is_wildcard and is_condemned(engines[names[0]]):
        return Page([], None)
    found = {
        name: document
        for name, document in engines.items()
        if document is not None and hides_sessions(document)
    }
    if found.keys() - hiding.keys():
        return list_sessions(rpc, engine, query, layouts, now, {**hiding, **found})
    share(rpc, page.items, engines)
    return cut_page(page, SessionRecord.size)


def find_sessions(rpc: Rpc, location: str, session: str, now: int) -> list[SessionName]:
    """The live sessions of an id in a location, whatever their engines."""
    answers = rpc.run_query("", sessions_of_id(session))
    found = {session_name(found): found for found, _ in answers if found is not None}
    names = sorted(name for name in found if EngineName.parse(name.engine).location == location)
    engines = [name.engine for name in names]
    hiding = rpc.batch_get(engines, HIDING)() if engines else []
    return [
        name
        for name, engine in zip(names, hiding, strict=True)
        if not is_condemned(engine) and is_live(found[name], now, None, engine)
    ]


Placed = tuple[Timestamp, Place, Document]
"""When a session was read, where it stood, and its document."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk through the sessions below an engine, or of the whole database."""

    rpc: Rpc
    engine: EngineName
    query: PageQuery
    layouts: Layouts

    @property
    def parent(self) -> str:
        """The path that queries start from."""
        return "" if self.engine.is_wildcard else str(self.engine)

    @property
    def prefix(self) -> str:
        """The start of a document's name, before the ids of its place."""
        return f"{self.rpc.root}/" + ("" if self.engine.is_wildcard else f"{self.engine}/sessions/")

    def live_documents(self, now: int) -> Iterator[tuple[Cursor, Document]]:
        """Documents of live sessions in the query's order, behind its cursor."""
        cursor = self.query.cursor
        is_former = cursor is not None and len(cursor) == 3
        kinds = (int, int, str) if is_former else (int, int, int, str)
        snapshot, *place = checked_cursor(cursor, *kinds) or [0]
        begun_with = 0 if is_former or not place else int(place.pop(0))
        behind = (int(place[0]), str(place[1]).split("/")) if place else None
        if behind is not None and self.query.order.field == "update_time":
            walk = self.with_shards(begun_with)
            placed = walk.places_at(behind, timestamp(int(snapshot)))
        else:
            walk = self
            placed = self.places(behind)
        shards = [] if FORMER in walk.layouts else [walk.layouts[0].shards]
        for read_time, (position, ids), found in placed:
            if is_live(found, now):
                yield [snapshot or nanoseconds(read_time), *shards, position, "/".join(ids)], found

    def with_shards(self, shards: int) -> "_Walk":
        """The same walk, by the layout that it began with; 0 shards mean the former layout."""
        if [layout.shards for layout in self.layouts] == [shards]:
            return self
        if shards:
            layouts: Layouts = (Layout(min(max(shards, 1), MAX_SHARDS), self.layouts[0].labels),)
        else:
            layouts = (FORMER, *(layout for layout in self.layouts if layout != FORMER))
        return replace(self, layouts=layouts)

    def places(
        self, behind: Place | None, read_time: Timestamp | None = None, fields: Sequence[str] = ()
    ) -> Iterator[Placed]:
        """Every session with its place, now or at `read_time`, and with these fields or all."""
        (layout, facets), *others = [
            (layout, facets)
            for layout in self.layouts
            for facets in searched_facets(self.query, self.engine, layout)
        ]
        answers = self.answers(layout, facets, behind, read_time, fields)
        first = next(answers)
        # All queries look at the moment of the first.
        moment = first[1]
        streams = [self.placed(layout, chain([first], answers))]
        streams += [
            self.placed(layout, self.answers(layout, facets, behind, moment, fields))
            for layout, facets in others
        ]
        yield from merge(*streams, key=itemgetter(1), reverse=self.query.order.descending)

    def answers(
        self,
        layout: Layout,
        facets: Sequence[str],
        behind: Place | None,
        read_time: Timestamp | None,
        fields: Sequence[str],
    ) -> Iterator[tuple[Document | None, Timestamp]]:
        """The answers of one query: at least one, which has no document if the query finds none."""

        def request(last: Document | None) -> StructuredQuery:
            place = behind if last is None else self.place(layout, last)
            reference = place and (place[0], self.prefix + "/".join(place[1]))
            return sessions_in_order(self.query, self.engine, layout, facets, reference, fields)

        limit = self.query.page_size + 1
        return run_in_steps(self.rpc, self.parent, request, limit, read_time)

    def placed(
        self, layout: Layout, answers: Iterable[tuple[Document | None, Timestamp]]
    ) -> Iterator[Placed]:
        """The documents that a layout has to find; it leaves former ones to the former layout."""
        for found, at in answers:
            is_elsewhere = (
                found is not None
                and FORMER in self.layouts
                and layout.is_former != (FORMER.array in found.fields)
            )
            if found is not None and not is_elsewhere:
                yield at, self.place(layout, found), found

    def places_at(self, behind: Place, snapshot: Timestamp) -> Iterator[Placed]:
        """Every session that still exists, as it is today, with its place at the snapshot."""
        fields = {layout.order_field(self.query.order.field) for layout in self.layouts}
        fields |= {FORMER.array} if FORMER in self.layouts else set()
        then = self.places(behind, snapshot, sorted(fields))
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

    def place(self, layout: Layout, found: Document) -> Place:
        """The place of a document."""
        position = layout.position(found, self.query.order.field)
        return position, found.name.removeprefix(self.prefix).split("/")
