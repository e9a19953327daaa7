"""PATCH {event}: changes an event's content, error message, metadata or rawEvent."""

from functions.calls.request import Request
from functions.events.list_events import events_json
from functions.messages.session_event import SessionEvent
from functions.rules.event_change import event_change
from functions.rules.event_type import EventView
from functions.store.protocol import Store


def update_event(request: Request, store: Store, now: int) -> str:
    """Changes the fields that `updateMask` or the body names, and answers the whole SessionEvent.

    The event's original changes alike. State stays as it is, and the retry of the event's append
    still finds it. Raises SessionNotFound, EventNotFound, TooLarge, and InvalidArgument naming a
    field that cannot be changed.
    """
    name = request.session_name
    message = request.message(SessionEvent, "session_event")
    change = event_change(message, request.update_mask())
    event = store.update_event(name, request.event_id, change, now)
    (text,) = events_json([event], name, request, EventView.BASIC)
    return text
