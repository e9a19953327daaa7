"""GET {session}/events: lists a session's events."""

from collections.abc import Sequence

from functions.calls.filters import EVENT_DEFAULT_ORDER, EVENT_FIELDS, EVENT_ORDERS, official
from functions.calls.request import Request, list_json
from functions.rules.event import EventRecord
from functions.rules.event_type import EventView, parse_view, with_event_type
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.rules.names import SessionName
from functions.store.protocol import Store


def list_events(request: Request, store: Store, now: int) -> str:
    """Answers one page of events by timestamp, then arrival; raises SessionNotFound.

    With `view=FULL` each event has its `eventType`. `view=ORIGINAL` has the events as they were
    before compaction, without the summaries that a compaction added.
    """
    session, view = request.session_name, parse_view(request.query.get("view", ""))
    fields = EVENT_FIELDS if request.settings.extensions else official(EVENT_FIELDS)
    query = request.page(session, fields, EVENT_ORDERS, EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE)
    query = query._replace(original=view is EventView.ORIGINAL)
    page = store.list_events(session, query, now)
    events, cursor = events_json(page.items, session, request, view), page.cursor
    # A page may have megabytes: it is not kept while its JSON is joined.
    del page
    return list_json("sessionEvents", events, session, query, cursor)


def events_json(
    records: Sequence[EventRecord], session: SessionName, request: Request, view: EventView
) -> list[str]:
    """Writes each event in the view, and with enums as the request asks for them."""
    name = str(session)
    events = [record.to_json(name) for record in records]
    if request.enum_numbers:
        # Only GAPIC clients ask for numbers, and only their requests wait for the import.
        from functions.messages.session_event import with_enum_numbers

        events = [with_enum_numbers(event) for event in events]
    return [with_event_type(event) for event in events] if view is EventView.FULL else events
