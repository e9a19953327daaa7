"""Fills a page of runs from a walk through events, for every store."""

from collections.abc import Iterator

from functions.calls.filters import PageQuery, run_matches
from functions.rules.run import Run
from functions.store.paging import Cursor, Page, fill_page


def fill_runs(stream: Iterator[tuple[Cursor, Run | None]], query: PageQuery) -> Page[Run]:
    """A page of runs; the walk yields a run at its first event, and None at every other event.

    The cursor is an event's, so that each run is on the page that holds its first event. Each event
    of the walk counts as scanned, and so does each event that was read for a run: the longest run
    bounds the work of a page.
    """
    page = fill_page(
        stream,
        query,
        lambda run: run is not None and run_matches(query.filter, run),
        lambda run: 0 if run is None else run.size(),
        lambda run: (1, 0) if run is None else (1 + run.event_count, run.event_bytes),
    )
    return Page([run for run in page.items if run is not None], page.cursor)
