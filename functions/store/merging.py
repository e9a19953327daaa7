"""One list of the sessions of several engines, made from a list of each.

docs/decisions/0005-lists-over-all-engines.md says why SQLite merges.
"""

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from functions.aip.page_token import InvalidPageToken
from functions.calls.filters import PageQuery
from functions.rules.limits import MAX_PAGE_BYTES
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.paging import Cursor, Page

_START: Cursor = []
"""The cursor of an engine from which nothing was taken yet."""

ListOne = Callable[[EngineName, PageQuery], Page[SessionRecord]]


def list_merged(
    list_one: ListOne, engines: Iterable[EngineName], query: PageQuery
) -> Page[SessionRecord]:
    """One page over all engines in the query's order; its cursor holds one for each engine.

    That cursor is, for each engine that has more, its name and its own cursor as JSON text.
    """
    cursors = _unpack(query.cursor, engines)
    pages = {
        name: list_one(EngineName.parse(name), query._replace(cursor=cursor or None))
        for name, cursor in cursors.items()
    }
    streams = [
        [((place[-2], name, place[-1]), name, record) for place, record in _placed(page)]
        for name, page in pages.items()
    ]
    merged = heapq.merge(*streams, key=lambda entry: entry[0], reverse=query.order.descending)
    items: list[SessionRecord] = []
    order: list[str] = []
    taken = dict.fromkeys(pages, 0)
    total = 0
    # The next session of an engine is unknown once its page is used up, or where it has no items.
    is_blocked = any(page.cursor is not None and not page.items for page in pages.values())
    for _, name, record in merged:
        total += record.size()
        is_full = len(items) == query.page_size or (bool(items) and total > MAX_PAGE_BYTES)
        if is_blocked or is_full:
            break
        items.append(record)
        order.append(name)
        taken[name] += 1
        is_blocked = taken[name] == len(pages[name].items) and pages[name].cursor is not None
    left = {name: _left(page, taken[name], cursors[name]) for name, page in pages.items()}
    more = {name: cursor for name, cursor in left.items() if cursor is not None}

    def place_behind(count: int) -> Cursor:
        """Where the first so many items end; an engine without more stands behind its last one."""
        behind = Counter(order[:count])
        return _pack({name: _place(pages[name], behind[name], cursors[name]) for name in pages})

    return Page(items, _pack(more) if more else None, range(1, len(items) + 1), place_behind)


def _pack(cursors: Mapping[str, Cursor]) -> Cursor:
    return [text for name, cursor in cursors.items() for text in (name, json.dumps(cursor))]


def _placed(page: Page[SessionRecord]) -> Iterable[tuple[Cursor, SessionRecord]]:
    return zip(page.places, page.items, strict=True)


def _left(page: Page[SessionRecord], taken: int, before: Cursor) -> Cursor | None:
    """Where an engine's list goes on; None at its end."""
    if taken == len(page.items):
        return page.cursor
    return _place(page, taken, before)


def _place(page: Page[SessionRecord], taken: int, before: Cursor) -> Cursor:
    """Where the first items of an engine's page end."""
    return page.to_cursor(page.keys[taken - 1]) if taken else before


def _unpack(cursor: Sequence[str | int] | None, engines: Iterable[EngineName]) -> dict[str, Cursor]:
    names = {str(engine) for engine in engines}
    if cursor is None:
        return dict.fromkeys(sorted(names), _START)
    try:
        packed = dict(zip(cursor[::2], map(json.loads, map(str, cursor[1::2])), strict=True))
    except (ValueError, RecursionError):
        raise InvalidPageToken from None
    if not all(isinstance(place, list) for place in packed.values()):
        raise InvalidPageToken
    return {str(name): place for name, place in packed.items() if name in names}
