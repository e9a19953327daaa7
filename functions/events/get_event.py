"""GET {event}: reads an event."""

from functions.calls.request import Request
from functions.events.list_events import events_json
from functions.rules.event_type import EventView, parse_view
from functions.store.protocol import Store


def get_event(request: Request, store: Store, now: int) -> str:
    """Answers the SessionEvent; raises SessionNotFound and EventNotFound.

    With `view=FULL` it has its `eventType`. With `view=ORIGINAL` it is the event as it was before
    its compaction; an event that a compaction added was not there.
    """
    name, view = request.session_name, parse_view(request.query.get("view", ""))
    is_original = view is EventView.ORIGINAL
    event = store.get_event(name, request.event_id, now, original=is_original)
    (text,) = events_json([event], name, request, view)
    return text
