"""POST {session}:appendEvent: adds an event and merges its state delta."""

from functions.messages.session_event import SessionEvent
from functions.rules.event import new_event
from functions.rules.request import Request
from functions.store.protocol import Store


def append_event(request: Request, store: Store, now: int) -> str:
    """Answers `{}` once the event is stored for good; a retry of the same event changes nothing.

    Raises InvalidFields naming every missing field, SessionNotFound, and TooLarge.
    """
    name = request.session_name
    message = request.message(SessionEvent, "event")
    event, state = new_event(message, request.query.get("requestId", ""))
    store.append_event(name, event, state, now)
    return "{}"
