"""The rules that make a record of a SessionEvent message, with an id that makes retries safe.

docs/decisions/0003-event-ids-from-content.md says why the id comes from the content.
"""

import base64
import hashlib
import secrets

from functions.messages.content import Content
from functions.messages.json_text import read_json, utf8_size, write_sorted
from functions.messages.session_event import EventActions, SessionEvent
from functions.rules.errors import InvalidFields, TooLarge
from functions.rules.event import EventRecord
from functions.rules.limits import MAX_EVENT_BYTES
from functions.rules.state import StateChange, state_change
from functions.rules.token_usage import usage_of

_ID_BYTES = 15
_SETS = (
    ("eventMetadata", "longRunningToolIds"),
    ("rawEvent", "longRunningToolIds"),
    ("rawEvent", "long_running_tool_ids"),
)
"""Lists whose order does not count: ADK writes Python sets as lists."""


def new_event(message: SessionEvent, request_id: str) -> tuple[EventRecord, StateChange]:
    """Returns the record of an event and its change of state.

    With `rawEvent.id` or `request_id` the event's id is a hash of it and of the content. A retry
    therefore finds its own event, and the same id with another content makes another event. The
    order of keys and of sets does not count as content. Without both, the id is random.

    Raises InvalidFields for missing fields, and TooLarge.
    """
    required = ("author", "invocation_id", "timestamp")
    missing = [field for field in required if getattr(message, field) in (None, "")]
    if missing:
        raise InvalidFields([(f"event.{field}", "Required field is not set.") for field in missing])
    message.name = ""
    message.content = message.content or Content()
    message.actions = message.actions or EventActions()
    text = message.write()[1:]
    # Stores also keep author and invocationId beside the text.
    size = (
        utf8_size(text) + utf8_size(message.author or "") + utf8_size(message.invocation_id or "")
    )
    if size > MAX_EVENT_BYTES:
        raise TooLarge("An event", size, MAX_EVENT_BYTES)
    raw_id = (message.raw_event or {}).get("id")
    retry_key = f"request:{request_id}" if request_id else ""
    if isinstance(raw_id, str) and raw_id:
        retry_key = f"raw:{raw_id}"
    record = EventRecord(
        id=_content_id(retry_key, _canonical(text)) if retry_key else _random_id(),
        timestamp=message.timestamp or 0,
        author=message.author or "",
        invocation_id=message.invocation_id or "",
        text=text,
        former_id=_content_id(retry_key, text) if retry_key else "",
        usage=usage_of(
            message.raw_event, message.event_metadata and message.event_metadata.usage_metadata
        ),
    )
    return record, state_change(message.actions.state_delta or {})


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
    return _spell(digest[:_ID_BYTES])


def _random_id() -> str:
    return _spell(secrets.token_bytes(_ID_BYTES))


def _spell(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()
