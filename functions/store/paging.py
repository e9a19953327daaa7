"""Fills one page from a stream of records, within the limits that hold for every page."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

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
"""The stored records, and their bytes, after which a page with an item ends."""

_COUNTED_BYTES = 2**16
"""Bytes of a page that are counted at a time among those of the process; less cost a lock each."""

_INT64 = range(-(2**63), 2**63)


def checked_cursor(cursor: Cursor | None, *kinds: type) -> Cursor:
    """The cursor of a page token, [] for none; raises InvalidPageToken for a forged one.

    Its parts must have these types: integers of 64 bits, or names. The token's checksum finds
    mistakes, but it is no secret, and a token of another store passes it.
    """
    if cursor is None:
        return []
    if tuple(map(type, cursor)) != kinds or not all(
        is_path(part) if isinstance(part, str) else part in _INT64 for part in cursor
    ):
        raise InvalidPageToken
    return cursor


class Page(NamedTuple, Generic[Record]):
    """Records, and the cursor to go on from, None on the last page.

    `keys` are the places of the items, of which `to_cursor` makes cursors.
    """

    items: list[Record]
    cursor: Cursor | None
    keys: Sequence[Any] = ()
    to_cursor: Callable[[Any], Cursor] = list

    @property
    def places(self) -> list[Cursor]:
        """Where each item stands."""
        return [self.to_cursor(key) for key in self.keys]


def fill_page(
    stream: Iterable[tuple[Any, Record]],
    query: PageQuery,
    matches: Callable[[Record], bool] | None,
    size: Callable[[Record], int],
    work: Callable[[Record], tuple[int, int]] | None = None,
    to_cursor: Callable[[Any], Cursor] = list,
) -> Page[Record]:
    """Takes matching records until the page is full, by count, by bytes or by work done.

    The stream yields a key and a record; it is a list if the store read all of them at once.
    `to_cursor` makes a record's cursor of its key; most records of a page need none.

    Every record matches where `matches` is None; the time does not end such a page. `size` is the
    bytes of a record in the answer, and `work` how many stored records and bytes were read for it,
    one and its size by default.

    The page holds the first match before `query.is_time_up()`, however large and however far. It
    has a cursor if the stream had another match, which is the first item of the next page. If the
    time is up before a second match, the page has a cursor although no match may follow. Raises
    TooManyBytesInFlight when the requests of this process leave no room for the page.
    """
    if isinstance(stream, list) and matches is None and work is None:
        # Most pages are such lists, and one sum shows that they keep the limit of bytes.
        at_once = _all_at_once(stream, query, size, to_cursor)
        if at_once is not None:
            return at_once
    items: list[Record] = []
    keys: list[Any] = []

    def page(last: Any) -> Page[Record]:
        return Page(items, None if last is None else to_cursor(last), keys, to_cursor)

    page_size, is_time_up = query.page_size, query.is_time_up
    is_search = matches is not None or work is not None
    counted = total = scanned = scanned_bytes = 0
    last = before_last_item = None
    for key, record in stream:
        bytes_of_record = size(record)
        if matches is None or matches(record):
            total += bytes_of_record
            if len(items) == page_size or (total > MAX_PAGE_BYTES and items):
                return page(last)
            if total - counted >= _COUNTED_BYTES:
                in_flight.take(total - counted)
                counted = total
            items.append(record)
            keys.append(key)
            before_last_item = last
        last = key
        if not is_search:
            # Each record is an item, so that the page's own limits bound the work.
            continue
        if work is None:
            scanned += 1
            scanned_bytes += bytes_of_record
        else:
            count, read = work(record)
            scanned, scanned_bytes = scanned + count, scanned_bytes + read
        is_late = is_time_up()
        is_much = scanned >= MAX_SCANNED or scanned_bytes >= MAX_SCANNED_BYTES
        if len(items) > 1 and (is_late or is_much):
            # The last item shows that there are more; the next page begins with it.
            items.pop()
            keys.pop()
            return page(before_last_item)
        if is_late:
            return page(last)
    return page(None)


def _all_at_once(
    placed: list[tuple[Any, Record]],
    query: PageQuery,
    size: Callable[[Record], int],
    to_cursor: Callable[[Any], Cursor],
) -> Page[Record] | None:
    """The page of records all of which match; None if they have more bytes than one page holds."""
    keys, items = [key for key, _ in placed], [record for _, record in placed]
    total = sum(map(size, items))
    if total > MAX_PAGE_BYTES:
        return None
    if total >= _COUNTED_BYTES:
        in_flight.take(total)
    if len(items) <= query.page_size:
        return Page(items, None, keys, to_cursor)
    del keys[query.page_size :], items[query.page_size :]
    return Page(items, to_cursor(keys[-1]), keys, to_cursor)


def map_page(page: Page[Record], change: Callable[[Record], Changed]) -> Page[Changed]:
    """The page with `change(record)` in place of each record, such as its JSON."""
    return Page([change(item) for item in page.items], page.cursor)


def cut_page(page: Page[Record], size: Callable[[Record], int]) -> Page[Record]:
    """Cuts a page where `fill_page` would have ended it with these sizes."""
    total = 0
    for position, item in enumerate(page.items):
        total += size(item)
        if position and total > MAX_PAGE_BYTES:
            keys = page.keys[:position]
            return Page(page.items[:position], page.to_cursor(keys[-1]), keys, page.to_cursor)
    return page
