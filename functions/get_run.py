"""GET {session}/runs/{run}: reads a run with its events."""

from dataclasses import replace

from functions.list_events import events_json
from functions.rules.event import EventRecord
from functions.rules.event_type import parse_view
from functions.rules.filters import EVENT_DEFAULT_ORDER, events_of_run
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.rules.names import SessionName
from functions.rules.request import Request, list_json
from functions.rules.run import Run, RunNotFound, invocation_id_of, run_name
from functions.store.paging import Page
from functions.store.protocol import Store


def get_run(request: Request, store: Store, now: int) -> str:
    """Answers the Run with one page of its events; raises SessionNotFound and RunNotFound.

    Whatever the page, the run is told from all of its events.
    """
    session, view = request.session_name, parse_view(request.query.get("view", ""))
    invocation_id = invocation_id_of(request.name.rpartition("/")[2])
    name = run_name(session, invocation_id)
    query = request.page(name, {}, (), EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE)
    if request.query.get("pageSize", "") in ("", "0"):
        query = replace(query, page_size=MAX_EVENTS_PAGE)
    query = replace(query, filter=events_of_run(invocation_id).filter)
    page = store.list_events(session, query, now)
    run = _whole_run(invocation_id, None if query.cursor else page, session, store, now)
    if not run.event_count:
        raise RunNotFound(name)
    events = list_json(
        "sessionEvents", events_json(page.items, session, request, view), name, query, page.cursor
    )
    # Events of a session that was replaced between two pages are no longer there.
    members = filter(None, (run.to_json(session)[1:-1], events[1:-1]))
    return f"{{{','.join(members)}}}"


def _whole_run(
    invocation_id: str,
    page: Page[EventRecord] | None,
    session: SessionName,
    store: Store,
    now: int,
) -> Run:
    """All events of the run, `page` being those from the first on if they were read before."""
    run, query = Run(invocation_id), events_of_run(invocation_id)
    page = page or store.list_events(session, query, now)
    while True:
        for event in page.items:
            run.add(event)
        if page.cursor is None:
            return run
        page = store.list_events(session, replace(query, cursor=page.cursor), now)
