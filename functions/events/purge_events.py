"""POST {session}/events:purge: removes the events that match a filter; see google.aip.dev/165."""

import hashlib
import time

from functions.aip.filtering import compile_filter
from functions.calls.filters import EVENT_DEFAULT_ORDER, EVENT_FIELDS, PageQuery
from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.messages.purge_events import PurgeEventsRequest
from functions.rules.errors import InvalidFields
from functions.rules.limits import MAX_EVENTS_PAGE
from functions.store.protocol import Store

_ALL = "*"


def purge_events(request: Request, store: Store, now: int) -> str:
    """Answers `{"purgeCount", "purgeSample"}`, and `"done": false` where the time ended first.

    Without `force` it removes nothing: the answer says what it would remove. A purge works for
    WORK_TIME_LIMIT; the same request, sent again, removes the rest. `purgeSample` has the names of
    up to 100 of the events.

    The retry of a purge with a `requestId` that is done removes nothing and has the same answer.
    Raises SessionNotFound, and InvalidFields without a filter: `*` stands for all events.
    """
    session, settings = request.session_name, request.settings
    message = request.message(PurgeEventsRequest, "request")
    text = (message.filter or "").strip()
    if not text:
        raise InvalidFields([("filter", 'Required field is not set; "*" stands for all events.')])
    test = compile_filter(
        "" if text == _ALL else text,
        EVENT_FIELDS,
        most_characters=settings.max_filter_length,
        most_comparisons=settings.max_filter_comparisons,
    )
    end = time.monotonic() + settings.work_time_limit / 1e9
    query = PageQuery(
        test, EVENT_DEFAULT_ORDER, MAX_EVENTS_PAGE, None, lambda: time.monotonic() >= end
    )
    request_id = request.query.get("requestId", "")
    receipt = _receipt(request_id, text) if request_id else ""
    purge = store.purge_events(session, query, now, force=bool(message.force), receipt=receipt)
    answer: dict[str, object] = {"purgeCount": purge.events}
    if purge.sample:
        answer["purgeSample"] = [f"{session}/events/{event}" for event in purge.sample]
    if not purge.done:
        answer["done"] = False
    return write_plain(answer)


def _receipt(request_id: str, text: str) -> str:
    """Returns the id under which a session keeps the answer to a purge."""
    digest = hashlib.sha256(write_plain([request_id, text]).encode()).hexdigest()
    return f"purge-{digest[:32]}"
