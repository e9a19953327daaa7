"""The body of batch_append_events, which the official service does not have."""

from functions.messages.message import Message
from functions.messages.session_event import SessionEvent


class BatchAppendEventsRequest(Message):
    """Events to append to one session, in their order."""

    events: list[SessionEvent] | None = []
