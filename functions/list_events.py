"""GET {session}/events: lists a session's events."""

from functions.messages.session_event import with_enum_numbers
from functions.rules.filters import EVENT_DEFAULT_ORDER, EVENT_FIELDS, EVENT_ORDERS
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.rules.request import Request, list_json
from functions.store.protocol import Store


def list_events(request: Request, store: Store, now: int) -> str:
    """Answers one page of events by timestamp, then arrival; raises SessionNotFound."""
    session = request.session_name
    query = request.page(session, EVENT_FIELDS, EVENT_ORDERS, EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE)
    page = store.list_events(session, query, now)
    events = [event.to_json(session) for event in page.items]
    if request.enum_numbers:
        events = [with_enum_numbers(event) for event in events]
    return list_json("sessionEvents", events, session, query, page.cursor)
