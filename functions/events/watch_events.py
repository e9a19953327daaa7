"""GET {session}/events:watch: follows a session's events as they are appended."""

from functions.aip.page_token import decode_page_token, encode_page_token
from functions.calls.filters import EVENT_FIELDS, event_matches
from functions.calls.request import Request
from functions.events.list_events import events_json
from functions.rules.errors import SessionNotFound
from functions.rules.event_type import parse_view
from functions.store.protocol import Store
from functions.store.watching import Arrival, EndedWatch, Tail, Watch

_SCOPE = "watch"


def watch_events(request: Request, store: Store, now: int) -> Tail:
    """Answers Server-Sent Events: each event once, in the order of their commits.

    `id` is an event's position, to go on behind it by `Last-Event-ID` or `pageToken`; `data` its
    JSON, as `view` says; `filter` leaves out others. A client that comes back with a position to a
    session that is gone, or that its caller may not see, is told `event: deleted`. Without a
    position it gets SessionNotFound.
    """
    session = request.session_name
    view = parse_view(request.query.get("view", ""))
    filter = request.filter(EVENT_FIELDS)
    position = request.last_event_id or request.query.get("pageToken", "")
    after = decode_page_token(position, _SCOPE, str(session)) if position else None

    def frame(arrival: Arrival) -> str:
        cursor, record = arrival
        if not event_matches(filter, record):
            return ""
        (event,) = events_json([record], session, request, view)
        return f"id: {encode_page_token(cursor, _SCOPE, str(session))}\ndata: {event}\n\n"

    try:
        watch: Watch = store.watch(session, after, now)
    except SessionNotFound:
        if after is None:
            raise
        watch = EndedWatch(session)
    return Tail(str(session), watch, frame)
