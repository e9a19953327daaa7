"""GET {session}/events:watch: follows a session's events as they are appended."""

from functions.aip.page_token import decode_page_token, encode_page_token
from functions.calls.filters import EVENT_FIELDS, event_matches
from functions.calls.request import Request
from functions.events.list_events import events_json
from functions.rules.errors import SessionNotFound
from functions.rules.event import EventRecord
from functions.rules.event_type import EventView, parse_view
from functions.store.paging import Cursor
from functions.store.protocol import Store
from functions.store.streams import EndedReader, EventReader, EventStream

_SCOPE = "watch"


def watch_events(request: Request, store: Store, now: int) -> EventStream:
    """Answers the stream of a session's events: each event once, in the order of their commits.

    `filter` leaves out events, and `view` decides what the JSON of an event has, as in lists.
    `Last-Event-ID`, or else `pageToken`, is the token of the event behind which the stream goes on.
    If the session is gone, or hidden from the caller, a stream with a token ends at once; without a
    token, the method raises SessionNotFound.
    """
    session = request.session_name
    view = parse_view(request.query.get("view", ""))
    matching = request.filter(EVENT_FIELDS)
    position = request.last_event_id or request.query.get("pageToken", "")
    after = decode_page_token(position, _SCOPE, str(session)) if position else None

    def to_json(record: EventRecord) -> str | None:
        if not event_matches(matching, record):
            return None
        (event,) = events_json([record], session, request, view)
        return event

    def token(position: Cursor) -> str:
        return encode_page_token(position, _SCOPE, str(session))

    reader: EventReader
    try:
        reader = store.watch(session, after, now, original=view is EventView.ORIGINAL)
    except SessionNotFound:
        if after is None:
            raise
        reader = EndedReader(session)
    return EventStream(str(session), reader, to_json, token)
