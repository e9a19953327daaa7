"""The rules of an update of an event: which fields may change, and what becomes of the event."""

from collections.abc import Callable, Sequence

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.messages.content import Content
from functions.messages.session_event import SessionEvent
from functions.rules.event import EventRecord
from functions.rules.event_rules import check_size
from functions.rules.event_text import with_text
from functions.rules.event_type import event_members
from functions.rules.state import StateChange

MUTABLE = ("content", "error_message", "event_metadata", "raw_event")
IMMUTABLE = ("author", "invocation_id", "timestamp", "actions", "error_code")

EventChange = Callable[[EventRecord], EventRecord]
"""Returns an event as it is after a change."""


def event_change(message: SessionEvent, mask: Sequence[FieldPath]) -> EventChange:
    """Returns the change of the fields that the mask names, or else of those that the body sets.

    The change keeps the event's id and its place, whatever it does to the rawEvent. Without a mask,
    it raises InvalidArgument if the body sets an immutable field to another value. It raises
    TooLarge for an event that grows too large.

    Raises InvalidArgument naming a path of the mask that cannot be changed.
    """
    for path in mask:
        if path.field == "*":
            continue
        if path.field not in MUTABLE:
            kind = "an immutable" if path.field in ("name", *IMMUTABLE) else "an unknown"
            raise InvalidArgument(f"updateMask names {kind} field: {path.text!r}.")
        if path.key is not None:
            raise InvalidArgument(f"updateMask can name whole fields only: {path.text!r}.")
    named = {path.field for path in mask}
    sent = {field for field in message.model_fields_set if getattr(message, field) is not None}
    if mask:
        changed = MUTABLE if "*" in named else [field for field in MUTABLE if field in named]
        fixed: Sequence[str] = ()
    else:
        changed = [field for field in MUTABLE if field in sent]
        fixed = [field for field in IMMUTABLE if field in sent]

    def change(event: EventRecord) -> EventRecord:
        stored = SessionEvent.read(event_members(event), "session_event", "keep")
        for field in fixed:
            if _text_of(message, field) != _text_of(stored, field):
                raise InvalidArgument(f"session_event.{field} is immutable.")
        for field in changed:
            setattr(stored, field, getattr(message, field))
        stored.content = stored.content or Content()
        raw_content = (stored.raw_event or {}).get("content")
        changed_event = with_text(event, stored.write()[1:], stored.content.write(), raw_content)
        check_size([(changed_event, StateChange())], "An event")
        return changed_event

    return change


def _text_of(message: SessionEvent, field: str) -> str:
    """The JSON of one field; values that mean the same have the same."""
    return SessionEvent.model_construct(**{field: getattr(message, field)}).write()
