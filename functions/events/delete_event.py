"""DELETE {event}: removes an event."""

from functions.calls.request import Request
from functions.store.protocol import Store


def delete_event(request: Request, store: Store, now: int) -> str:
    """Answers `{}` once no request sees the event; raises SessionNotFound and EventNotFound.

    State stays as it is. The retry of the event's append adds nothing: the event's id, place and
    state delta stay in the store until the session goes.
    """
    store.delete_event(request.session_name, request.event_id, now)
    return "{}"
