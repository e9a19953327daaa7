"""How a page is filled from a stream of records; the test counts what is looked at."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.aip.filtering import compile_filter
from functions.calls.filters import EVENT_DEFAULT_ORDER, PageQuery
from functions.rules.limits import MAX_PAGE_BYTES
from functions.store.paging import MAX_SCANNED, MAX_SCANNED_BYTES, Page, fill_page


class Records:
    """The numbers from 0 on as records of so many bytes each; a cursor holds its number."""

    def __init__(self, count: int, size: int = 1) -> None:
        self.count, self.size, self.looked_at = count, size, 0

    def stream(self, behind: int = -1) -> Iterator[tuple[list[Any], int]]:
        for number in range(behind + 1, self.count):
            self.looked_at += 1
            yield [number], number

    def page(
        self,
        matches: Callable[[int], bool] | None,
        behind: int = -1,
        *,
        page_size: int = 100,
        is_time_up: Callable[[], bool] = lambda: False,
    ) -> Page[int]:
        empty = compile_filter("", {})
        query = PageQuery(empty, EVENT_DEFAULT_ORDER, page_size, [behind], is_time_up)
        return fill_page(self.stream(behind), query, matches, lambda _: self.size)

    def walk(self, matches: Callable[[int], bool] | None, **options: Any) -> Iterator[list[int]]:
        behind = -1
        while True:
            page = self.page(matches, behind, **options)
            yield page.items
            if page.cursor is None:
                return
            behind = int(page.cursor[0])


def after(looks: int) -> Callable[[], bool]:
    """A deadline that is over once it was asked so often."""
    asked = iter(range(1, looks + 1))
    return lambda: next(asked, looks) >= looks


def test_a_page_without_an_item_looks_on_beyond_the_budget() -> None:
    """The budget ends pages that have something to answer."""
    records = Records(3 * MAX_SCANNED)
    page = records.page(lambda number: number == records.count - 1)
    assert (page.items, page.cursor) == ([records.count - 1], None)


def test_a_page_with_items_ends_at_the_budget_of_records() -> None:
    """A few sparse matches cost no more than MAX_SCANNED looks."""
    records = Records(3 * MAX_SCANNED)
    page = records.page(lambda number: number % 1000 == 0)
    assert page.items == [0, 1000, 2000, 3000]
    assert records.looked_at == MAX_SCANNED


def test_a_page_with_items_ends_at_the_budget_of_bytes() -> None:
    """Large records use the budget up sooner than small ones."""
    records = Records(300, size=2**20)
    page = records.page(lambda number: number % 10 == 0)
    assert page.items == [0, 10, 20]
    assert records.looked_at == MAX_SCANNED_BYTES // 2**20


@pytest.mark.parametrize("size", [1, 2**20, MAX_PAGE_BYTES])
@pytest.mark.parametrize("step", [1, 7, 4999, 5000, 5001, 12_000])
@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_every_token_leads_to_a_match(size: int, step: int, page_size: int) -> None:
    """While there is time, no page is empty, and the walk repeats and misses nothing."""
    records = Records(20_000, size)
    pages = list(records.walk(lambda number: number % step == 3 % step, page_size=page_size))
    assert all(pages)
    assert [item for page in pages for item in page] == list(range(3 % step, 20_000, step))


def test_a_page_without_a_match_ends_when_its_time_is_up() -> None:
    """It is empty, and goes on behind what was looked at."""
    records = Records(100)
    page = records.page(lambda number: number == 50, is_time_up=after(10))
    assert (page.items, page.cursor, records.looked_at) == ([], [9], 10)


def test_a_page_whose_time_is_up_keeps_its_last_match_for_the_next() -> None:
    """So that the next page is not empty, whatever follows."""
    records = Records(100)
    page = records.page(lambda number: number in (2, 5, 7), is_time_up=after(10))
    assert (page.items, page.places, page.cursor) == ([2, 5], [[2], [5]], [6])


def test_the_only_match_of_a_page_whose_time_is_up_is_answered() -> None:
    """A later page may not be empty, so that it cannot be kept back."""
    records = Records(100)
    page = records.page(lambda number: number == 2, is_time_up=after(10))
    assert (page.items, page.cursor, records.looked_at) == ([2], [9], 10)


def test_a_walk_whose_time_is_always_up_comes_to_its_end() -> None:
    """Each page looks at one record."""
    records = Records(20)
    pages = list(records.walk(lambda number: number % 2 == 0, is_time_up=lambda: True))
    assert [item for page in pages for item in page] == list(range(0, 20, 2))
    assert records.looked_at == 20


def test_a_page_makes_the_cursor_of_its_last_item_alone() -> None:
    """A cursor for each of a hundred items would cost as much as the items."""
    made: list[list[Any]] = []

    def to_cursor(key: list[Any]) -> list[Any]:
        made.append(key)
        return ["cursor", *key]

    query = PageQuery(compile_filter("", {}), EVENT_DEFAULT_ORDER, 100, None)
    page = fill_page(Records(200).stream(), query, None, lambda _: 1, to_cursor=to_cursor)
    assert (page.cursor, made) == (["cursor", 99], [[99]])
    assert page.places[:2] == [["cursor", 0], ["cursor", 1]]
