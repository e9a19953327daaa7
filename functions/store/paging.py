"""Fills one page from a stream of records, within the limits that hold for every page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from functions.aip.page_token import InvalidPageToken
from functions.calls.filters import PageQuery
from functions.rules.limits import MAX_PAGE_BYTES
from functions.rules.names import is_path
from functions.store.in_flight import in_flight

Cursor = list[str | int]
"""Where a record stands in its list; a page goes on behind one."""

Record = TypeVar("Record")
Changed = TypeVar("Changed")

MAX_SCANNED = 5_000
MAX_SCANNED_BYTES = 4 * MAX_PAGE_BYTES
"""Stored records, and bytes of them, behind which a page ends that has an item to answer."""

_COUNTED_BYTES = 2**16
"""Bytes of a page that are counted at a time among those of the process; less cost a lock each."""

_INT64 = range(-(2**63), 2**63)


def checked_cursor(cursor: Cursor | None, *kinds: type) -> Cursor:
    """The cursor of a page token, [] for none; raises InvalidPageToken for one never made here.

    Its parts must be of these kinds, 64 bits or names: the token's checksum keeps mistakes out, but
    it holds in every store and is no secret.
    """
    if cursor is None:
        return []
    if tuple(map(type, cursor)) != kinds or not all(
        is_path(part) if isinstance(part, str) else part in _INT64 for part in cursor
    ):
        raise InvalidPageToken
    return cursor


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Records, and the cursor to go on from, None on the last page."""

    items: list[Record]
    cursor: Cursor | None
    places: Sequence[Cursor] = ()
    """Where each item stands."""


def fill_page(
    stream: Iterator[tuple[Cursor, Record]],
    query: PageQuery,
    matches: Callable[[Record], bool] | None,
    size: Callable[[Record], int],
    work: Callable[[Record], tuple[int, int]] | None = None,
) -> Page[Record]:
    """Takes matching records until the page is full, by count, by bytes or by work done.

    Every record matches where `matches` is None. `size` is the bytes of a record in the answer, and
    `work` how many stored records and bytes were read for it, one and its size by default.

    The page holds a record where any matches before `query.is_time_up()`, however large and however
    far. It carries a cursor where another match was seen, and that match is the next page's first.
    Only where the time is up before a second match is a cursor a promise of nothing. Raises
    TooManyBytesInFlight when the requests of this process leave no room for the page.
    """
    items: list[Record] = []
    places: list[Cursor] = []
    uncounted = total = scanned = scanned_bytes = 0
    last = before_last_item = None
    for cursor, record in stream:
        bytes_of_record = size(record)
        if matches is None or matches(record):
            total += bytes_of_record
            is_full = len(items) == query.page_size or (bool(items) and total > MAX_PAGE_BYTES)
            if is_full:
                return Page(items, last, places)
            uncounted += bytes_of_record
            if uncounted >= _COUNTED_BYTES:
                in_flight.take(uncounted)
                uncounted = 0
            items.append(record)
            places.append(cursor)
            before_last_item = last
        last = cursor
        count, read = (1, bytes_of_record) if work is None else work(record)
        scanned, scanned_bytes = scanned + count, scanned_bytes + read
        is_late = query.is_time_up()
        is_much = scanned >= MAX_SCANNED or scanned_bytes >= MAX_SCANNED_BYTES
        if len(items) > 1 and (is_late or is_much):
            # The last item shows that there are more; the next page begins with it.
            return Page(items[:-1], before_last_item, places[:-1])
        if is_late:
            return Page(items, last, places)
    return Page(items, None, places)


def map_page(page: Page[Record], change: Callable[[Record], Changed]) -> Page[Changed]:
    """The page with what `change` makes of each record, such as its JSON."""
    return Page([change(item) for item in page.items], page.cursor)


def cut_page(page: Page[Record], size: Callable[[Record], int]) -> Page[Record]:
    """The page as `fill_page` would have filled it, had it known these sizes."""
    total = 0
    for position, item in enumerate(page.items):
        total += size(item)
        if position and total > MAX_PAGE_BYTES:
            places = page.places[:position]
            return Page(page.items[:position], places[-1], places)
    return page
