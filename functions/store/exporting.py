"""The pages of an export: sessions with their histories, by engine and by session id."""

from collections.abc import Callable

from functions.aip.page_token import InvalidPageToken
from functions.calls.filters import PageQuery
from functions.rules.names import EngineName
from functions.rules.session import SessionRecord
from functions.store.history import WholeSession
from functions.store.paging import Page, checked_cursor


def page_by_id(found: list[WholeSession], last: str | None) -> Page[WholeSession]:
    """A page of sessions by id; the next one starts behind the id `last`, None at the end."""
    ids = [each.record.name.session for each in found]
    return Page(found, None if last is None else [last], ids, lambda session: [session])


def listed_page(page: Page[SessionRecord]) -> Page[WholeSession]:
    """A page of a list of sessions, without their histories."""
    items = [WholeSession(record, None) for record in page.items]
    return Page(items, page.cursor, page.keys, page.to_cursor)


def page_of_engines(
    engine: EngineName,
    next_engine: Callable[[str], str | None],
    read_one: Callable[[EngineName, PageQuery], Page[WholeSession]],
    query: PageQuery,
) -> Page[WholeSession]:
    """A page that `read_one` reads of an engine; the engine `-` stands for all of its location.

    A cursor of all engines is an engine's name, then the cursor in that engine. If the cursor is
    the name alone, the page is of the engine that `next_engine` finds behind the name. Raises
    InvalidPageToken for an engine of another location.
    """
    if not engine.is_wildcard:
        return read_one(engine, query)
    name, *within = query.cursor or [""]
    if name:
        checked_cursor([name], str)
    found = str(name) if within else next_engine(str(name))
    if found is None:
        return Page([], None)
    one = EngineName.parse(found)
    if one.location != engine.location:
        raise InvalidPageToken
    page = read_one(one, query._replace(cursor=within or None))
    return Page(
        page.items,
        [str(one), *(page.cursor or [])],
        page.keys,
        lambda key: [str(one), *page.to_cursor(key)],
    )
