"""GET {session}/runs/{run}: reads a run with one page of its events."""

from collections.abc import Callable

from functions.calls.filters import EVENT_DEFAULT_ORDER, PageQuery, events_of_run
from functions.calls.request import Request, list_json
from functions.events.list_events import events_json
from functions.messages.json_text import object_text, write_json
from functions.rules.event import EventRecord
from functions.rules.event_type import EventView, parse_view
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.rules.names import SessionName
from functions.rules.run import Run, RunNotFound, invocation_id_of, run_name
from functions.store.in_flight import in_flight
from functions.store.paging import MAX_SCANNED, MAX_SCANNED_BYTES, Page
from functions.store.protocol import Store


def get_run(request: Request, store: Store, now: int) -> str:
    """Answers the Run with one page of its events; raises SessionNotFound and RunNotFound.

    The server reads all events of the run for each page. If the run has more events than a page may
    look at, later pages hold only the run's name and invocationId. So does the first page if
    reading the run takes more than half of STORE_TIMEOUT.
    """
    session, view = request.session_name, parse_view(request.query.get("view", ""))
    invocation_id = invocation_id_of(request.name.rpartition("/")[2])
    name = run_name(session, invocation_id)
    query = request.page(name, {}, (), EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE)
    if request.query.get("pageSize", "") in ("", "0"):
        query = query._replace(page_size=MAX_EVENTS_PAGE)
    is_original = view is EventView.ORIGINAL
    query = query._replace(filter=events_of_run(invocation_id).filter, original=is_original)
    page = store.list_events(session, query, now)
    first = None if query.cursor else page
    whole = events_of_run(invocation_id)._replace(original=is_original)
    run = _whole_run(invocation_id, whole, first, session, store, now, request.is_time_up)
    if run is not None and not run.event_count:
        raise RunNotFound(name)
    told = f'"name":"{name}","invocationId":{write_json(invocation_id)}'
    if run is not None:
        told = run.to_json(session)[1:-1]
    events = list_json(
        "sessionEvents", events_json(page.items, session, request, view), name, query, page.cursor
    )
    # There are no events if the session was replaced between two pages.
    return object_text(told, events[1:-1])


def _whole_run(
    invocation_id: str,
    query: PageQuery,
    first: Page[EventRecord] | None,
    session: SessionName,
    store: Store,
    now: int,
    is_time_up: Callable[[], bool],
) -> Run | None:
    """Folds all events of the run, which `query` finds; `first` is their first page if it was read.

    Returns None if the run is too long to be read for each page, or if the time is up.
    """
    run = Run(invocation_id)
    bytes_of_answer = in_flight.held
    page = first or store.list_events(session, query, now)
    while True:
        for event in page.items:
            run.add(event)
        if page.cursor is None:
            return run
        is_long = run.event_count >= MAX_SCANNED or run.event_bytes >= MAX_SCANNED_BYTES
        if is_long and (first is None or is_time_up()):
            return None
        # The page is over, and the next one takes its room.
        in_flight.release(bytes_of_answer)
        page = store.list_events(session, query._replace(cursor=page.cursor), now)
