"""The history of a session by arrival: its events, also those deleted, and changes of its state.

Firestore gives all documents of one commit the same createTime, and `n` tells which of them came
first. Queries go by `arrived`, the time at which Firestore received a commit, which is no later.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from heapq import heappop, heappush, merge

from functions.messages.json_text import read_json
from functions.rules.errors import EventNotFound
from functions.rules.event import EventRecord
from functions.rules.fork import InvocationNotFound, Point
from functions.rules.names import SessionName
from functions.rules.state import MemberChanges
from functions.rules.state_history import StateHistory, changes_of_delta, changes_of_event
from functions.store.firestore.documents import arrival_of, place_in_commit
from functions.store.firestore.event_documents import event_record
from functions.store.firestore.protobuf import Document, Timestamp
from functions.store.firestore.queries import DELETED, arrivals, places_of_invocation
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import by_field_name, nanoseconds

Place = tuple[int, int]
"""When a document was created, in nanoseconds, and its `n`."""

_PAGE = 1_000
_PAGE_BYTES = 4 * 2**20
"""Documents and bytes that are in memory at a time; the document that reaches them is the last."""

_NEVER = 2**62


def place(found: Document) -> Place:
    """Where a document stands in its session's history."""
    return nanoseconds(found.create_time), place_in_commit(found)


def place_before(
    rpc: Rpc, name: SessionName, point: Point, read_time: Timestamp | None = None
) -> Place:
    """The last place that may be before a point; raises EventNotFound, InvocationNotFound."""
    if point.through_event:
        path = f"{name}/events/{point.through_event}"
        (event,) = rpc.batch_get([path], ["key", "n"], read_time)()
        if event is None or "key" not in event.fields:
            raise EventNotFound(path)
        return place(event)
    wanted = point.before_invocation_id
    answers = rpc.run_query(str(name), places_of_invocation(wanted), read_time)
    places = [
        place(found)
        for found, _ in answers
        if found is not None and found.fields["invocationId"].string_value == wanted
    ]
    if not places:
        raise InvocationNotFound(name, wanted)
    created, number = min(places)
    return created, number - 1


class History:
    """The documents of a session's history behind one place and up to another, as they arrived."""

    def __init__(
        self,
        rpc: Rpc,
        name: SessionName,
        end: Place | None,
        read_time: Timestamp | None = None,
        *,
        behind: Place | None = None,
        since: int | None = None,
    ) -> None:
        """`since` is what `left_since` was when the history had come to `behind`."""
        self._behind, self._end = behind, end
        until = None if end is None else end[0]
        self._streams = [
            ByPlace(_pages(rpc, name, collection, since, until, read_time))
            for collection in ("events", "changes")
        ]

    def __iter__(self) -> Iterator[Document]:
        for at, _, found in merge(*self._streams):
            if self._end is not None and at > self._end:
                return
            if self._behind is None or at > self._behind:
                yield found

    @property
    def left_since(self) -> int:
        """The nanoseconds at which the earliest of the documents may have arrived that are left."""
        return min(stream.left_since for stream in self._streams)


def is_event(found: Document) -> bool:
    """Whether a document of a history is an event that was not deleted."""
    return "key" in found.fields


def changes_of(found: Document, event: EventRecord | None) -> tuple[MemberChanges, bool]:
    """The change that a document made to its session's own state; whether all other keys went.

    `event` is the record of the document where that is an event. The keys are the names of fields.
    """
    fields = found.fields
    if "members" in fields:
        members = fields["members"].map_value.fields
        changes = {key: member.string_value or None for key, member in members.items()}
        return changes, fields["replace"].boolean_value
    if event is None:
        changes = changes_of_delta(read_json(fields[DELETED].string_value.encode()))
    else:
        changes = changes_of_event(event.text)
    if "removed" in fields:
        removed = fields["removed"].array_value.values
        changes |= dict.fromkeys(key.string_value for key in removed)
    return by_field_name(changes), False


def state_at(rpc: Rpc, name: SessionName, end: Place) -> Mapping[str, str | None]:
    """The members of a session's own state at a place, by the names of their fields."""
    then = StateHistory()
    for found in History(rpc, name, end):
        event = event_record(rpc, found, None) if is_event(found) else None
        changes, replace = changes_of(found, event)
        then.apply(changes, replace=replace)
    return then.members


def _pages(
    rpc: Rpc,
    name: SessionName,
    collection: str,
    since: int | None,
    until: int | None,
    read_time: Timestamp | None,
) -> Iterator[Document]:
    """Documents in the order in which they arrived.

    No call stays open while the caller works: it would meet its deadline.
    """
    last, is_full = None, True
    while is_full:
        query = arrivals(collection, since, until, last, _PAGE)
        page: list[Document] = []
        size = 0
        with closing(rpc.run_query(str(name), query, read_time)) as answers:
            for found, _ in answers:
                if found is not None:
                    page.append(found)
                    size += found.ByteSize()
                if size >= _PAGE_BYTES:
                    break
        is_full = len(page) == _PAGE or size >= _PAGE_BYTES
        last = page[-1] if page else None
        yield from page


class ByPlace:
    """Documents of one collection by place."""

    def __init__(self, arrived: Iterator[Document]) -> None:
        """`arrived` has them as they arrived."""
        self._arrived = arrived
        self._held: list[tuple[Place, str, Document]] = []
        self._recent: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[tuple[Place, str, Document]]:
        held = self._held
        for found in self._arrived:
            arrival = arrival_of(found)
            # No document that has yet to come was created before it arrived.
            while held and held[0][0][0] < arrival:
                yield self._next(arrival)
            heappush(held, (place(found), found.name, found))
        while held:
            yield self._next()

    @property
    def left_since(self) -> int:
        """The earliest arrival of what was not taken before the last document."""
        left = (arrival_of(found) for _, _, found in self._held)
        return min((*self._recent, *left), default=_NEVER)

    def _next(self, *read: int) -> tuple[Place, str, Document]:
        first = heappop(self._held)
        # The caller merges streams, and takes one document ahead.
        self._recent = (arrival_of(first[2]), *read)
        return first
