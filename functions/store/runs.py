"""Fills a page of runs from a walk through events, for every store."""

from collections.abc import Iterator

from functions.calls.filters import PageQuery, run_matches
from functions.rules.run import Run
from functions.store.paging import Cursor, Page, fill_page


def fill_runs(stream: Iterator[tuple[Cursor, Run | None]], query: PageQuery) -> Page[Run]:
    """The runs of a walk that comes by every event, and tells a run at the first of its events.

    The cursor is an event's. Each event counts as looked at, and each event that was read to tell a
    run. So a page's work is bounded by its longest run, and a run that began before the cursor
    does not come again.
    """
    page = fill_page(
        stream,
        query,
        lambda run: run is not None and run_matches(query.filter, run),
        lambda run: 0 if run is None else run.size(),
        lambda run: (1, 0) if run is None else (1 + run.event_count, run.event_bytes),
    )
    return Page([run for run in page.items if run is not None], page.cursor)
