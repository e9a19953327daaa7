"""Fills one page from a stream of records, within the limits that hold for every page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from functions.aip.page_token import InvalidPageToken
from functions.rules.limits import MAX_PAGE_BYTES
from functions.rules.names import is_path

Cursor = list[str | int]
"""Where a record stands in its list; a page goes on behind one."""

Record = TypeVar("Record")

MAX_SCANNED = 5_000
"""Records looked at for one page; a filter that refuses them all answers early, with a token."""


_INT64 = range(-(2**63), 2**63)


def own_cursor(cursor: Cursor | None, *kinds: type) -> Cursor:
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
    page_size: int,
    matches: Callable[[Record], bool] | None,
    size: Callable[[Record], int],
) -> Page[Record]:
    """Takes matching records until the page is full, by count, by bytes or by work done.

    Every record matches where `matches` is None. A page holds at least one record where any matches
    within MAX_SCANNED, however large, and carries a cursor only where another record matches or
    MAX_SCANNED were looked at.
    """
    items: list[Record] = []
    places: list[Cursor] = []
    total, last = 0, None
    for scanned, (cursor, record) in enumerate(stream):
        if scanned == MAX_SCANNED:
            return Page(items, last, places)
        if matches is None or matches(record):
            total += size(record)
            is_full = len(items) == page_size or (bool(items) and total > MAX_PAGE_BYTES)
            if is_full:
                return Page(items, last, places)
            items.append(record)
            places.append(cursor)
        last = cursor
    return Page(items, None, places)


def cut_page(page: Page[Record], size: Callable[[Record], int]) -> Page[Record]:
    """The page as `fill_page` would have filled it, had it known these sizes."""
    total = 0
    for position, item in enumerate(page.items):
        total += size(item)
        if position and total > MAX_PAGE_BYTES:
            places = page.places[:position]
            return Page(page.items[:position], places[-1], places)
    return page
