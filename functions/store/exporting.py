"""The pages of an export: sessions with their histories, of one engine after another."""

from collections.abc import Callable
from dataclasses import replace

from functions.aip.page_token import InvalidPageToken
from functions.calls.filters import PageQuery
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.history import WholeSession
from functions.store.paging import Page, checked_cursor


def page_by_id(found: list[WholeSession], last: str | None) -> Page[WholeSession]:
    """Sessions of one engine in the order of their ids; `last` is where they go on, if they do."""
    ids = [each.record.name.session for each in found]
    return Page(found, None if last is None else [last], ids, lambda session: [session])


def listed_page(page: Page[SessionRecord]) -> Page[WholeSession]:
    """The sessions of a list, whose histories are still to be read."""
    items = [WholeSession(record, None) for record in page.items]
    return Page(items, page.cursor, page.keys, page.to_cursor)


def page_of_engines(
    location: str,
    next_engine: Callable[[str], str | None],
    read_one: Callable[[EngineName, PageQuery], Page[WholeSession]],
    query: PageQuery,
) -> Page[WholeSession]:
    """One page of one engine; its cursor is the engine's name, then the cursor in that engine.

    Without the latter it goes on with `next_engine`, which answers the name behind another one.
    """
    name, *within = query.cursor or [""]
    if name:
        checked_cursor([name], str)
    if within:
        engine = EngineName.parse(str(name))
    else:
        following = next_engine(str(name))
        if following is None:
            return Page([], None)
        engine = EngineName.parse(following)
    if engine.location != location:
        raise InvalidPageToken
    page = read_one(engine, replace(query, cursor=within or None))
    return Page(
        page.items,
        [str(engine), *(page.cursor or [])],
        page.keys,
        lambda key: [str(engine), *page.to_cursor(key)],
    )
