"""POST {session}:batchAppendEvents: adds several events at once and merges their state deltas."""

from functions.aip.errors import FieldViolation, InvalidArgument
from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.events.append_event import append
from functions.messages.batch_append_events import BatchAppendEventsRequest
from functions.rules.errors import InvalidFields
from functions.rules.event import EventAndState
from functions.rules.event_rules import check_size, missing_fields, new_event
from functions.rules.limits import MAX_BATCH
from functions.store.protocol import Store


def batch_append_events(request: Request, store: Store, now: int) -> Answer:
    """Answers as append_event does, after all events are stored: all of them, or none.

    Events of equal timestamps keep their order, and their state deltas apply in it. Events that
    landed before count as done. An event that stands twice in the batch is added once: one of the
    same content, and of the same `rawEvent.id` or, without that, with the batch's `requestId`.

    Raises the errors of append_event, which name a field as `events[3].author`.
    """
    return append(request, store, now, _events)


def _events(request: Request) -> list[EventAndState]:
    messages = request.message(BatchAppendEventsRequest, "").events or []
    if not messages:
        raise InvalidFields([("events", "Required field is not set.")])
    if len(messages) > MAX_BATCH:
        text = f"events is limited to {MAX_BATCH} in one batch: {len(messages)} were sent."
        raise InvalidArgument(text, [FieldViolation("events", text)])
    named = [(f"events[{number}]", message) for number, message in enumerate(messages)]
    if missing := [fault for where, message in named for fault in missing_fields(message, where)]:
        raise InvalidFields(missing)
    request_id = request.query.get("requestId", "")
    events = [new_event(message, request_id, where) for where, message in named]
    check_size(events, "A batch")
    by_id: dict[str, EventAndState] = {}
    for each in events:
        by_id.setdefault(each[0].id, each)
    return [*by_id.values()]
