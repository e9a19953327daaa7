"""The rules that make a record of a SessionEvent message, with an id that makes retries safe.

docs/decisions/0003-event-ids-from-content.md says why the id comes from the content.
"""

import base64
import hashlib
from collections.abc import Iterable

from functions.messages.content import Content
from functions.messages.json_text import read_json, utf8_size, write_sorted
from functions.messages.session_event import EventActions, SessionEvent
from functions.rules.chance import chance
from functions.rules.errors import InvalidFields, TooLarge
from functions.rules.event import EventAndState, EventRecord
from functions.rules.event_text import LEAST_BYTES, shorter_text
from functions.rules.limits import MAX_DOCUMENT_BYTES, MAX_EVENT_BYTES
from functions.rules.state import state_change
from functions.rules.token_usage import usage_of

_ID_BYTES = 15
_ID_LENGTH = 24
_BASE_32 = b"abcdefghijklmnopqrstuvwxyz234567"

_NO_CONTENT, _NO_ACTIONS = Content(), EventActions()

_SETS = (
    ("eventMetadata", "longRunningToolIds"),
    ("rawEvent", "longRunningToolIds"),
    ("rawEvent", "long_running_tool_ids"),
)
"""Lists whose order does not count: ADK writes Python sets as lists."""


def new_event(message: SessionEvent, request_id: str, what: str = "An event") -> EventAndState:
    """Returns the record of an event and its change of state.

    With `rawEvent.id` or `request_id` the event's id is a hash of it and of the content. A retry
    therefore finds its own event, and the same id with another content makes another event. The
    order of keys and of sets does not count as content. Without both, the id is random.

    Raises InvalidFields for missing fields, and TooLarge, whose message calls the event `what`.
    """
    if missing := missing_fields(message, "event"):
        raise InvalidFields(missing)
    # Setting one of these fields takes Pydantic as long as writing the event's text.
    if message.name:
        message.name = ""
    if message.content is None:
        message.content = _NO_CONTENT
    if message.actions is None:
        message.actions = _NO_ACTIONS
    text = message.write()[1:]
    raw_event = message.raw_event or {}
    raw_id = raw_event.get("id")
    retry_key = f"request:{request_id}" if request_id else ""
    if isinstance(raw_id, str) and raw_id:
        retry_key = f"raw:{raw_id}"
    is_large = len(text) >= LEAST_BYTES
    shorter = ""
    if is_large:
        shorter = shorter_text(text, message.content.write(), raw_event.get("content"))
    record = EventRecord(
        id=_content_id(retry_key, _canonical(text)) if retry_key else _random_id(),
        timestamp=message.timestamp or 0,
        author=message.author or "",
        invocation_id=message.invocation_id or "",
        text=text,
        former_id=_content_id(retry_key, text) if retry_key else "",
        shorter=shorter,
        usage=usage_of(
            message.raw_event, message.event_metadata and message.event_metadata.usage_metadata
        ),
    )
    state = state_change(message.actions.state_delta or {})
    if is_large:
        check_size([(record, state)], what)
        if (named := _named_bytes(record)) > MAX_DOCUMENT_BYTES:
            raise TooLarge(f"{what}'s author and invocationId", named, MAX_DOCUMENT_BYTES)
    return record, state


def missing_fields(message: SessionEvent, where: str) -> list[tuple[str, str]]:
    """Returns the required fields that the event lacks, as faults of InvalidFields."""
    if message.author and message.invocation_id and message.timestamp is not None:
        return []
    required = ("author", "invocation_id", "timestamp")
    return [
        (f"{where}.{field}", "Required field is not set.")
        for field in required
        if getattr(message, field) in (None, "")
    ]


def check_size(events: Iterable[EventAndState], what: str) -> None:
    """Raises TooLarge if the events do not fit in one commit; `what` names them in the message."""
    size = 0
    for record, state in events:
        # Stores also keep author and invocationId beside the text.
        size += utf8_size(record.stored) + _named_bytes(record)
        for scope in (state.session, state.app, state.user):
            if scope:
                size += sum(utf8_size(member or "") for member in scope.values())
    if size > MAX_EVENT_BYTES:
        raise TooLarge(what, size, MAX_EVENT_BYTES)


def _named_bytes(record: EventRecord) -> int:
    return utf8_size(record.author) + utf8_size(record.invocation_id)


def _canonical(text: str) -> str:
    """Returns a text that is the same for all spellings of one event."""
    event = read_json(b"{" + text.encode())
    for parent, field in _SETS:
        ids = event.get(parent, {}).get(field)
        if isinstance(ids, list) and all(isinstance(each, str) for each in ids):
            ids.sort()
    return write_sorted(event)


def _content_id(retry_key: str, text: str) -> str:
    digest = hashlib.sha256(f"{len(retry_key)}:{retry_key}{text}".encode()).digest()
    return base64.b32encode(digest[:_ID_BYTES]).decode().lower()


def _random_id() -> str:
    return chance.get().randbytes(_ID_LENGTH).translate(_BASE_32 * 8).decode()
