"""The type of an event. It is never stored; the server derives it from the event's JSON."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import read_json, write_json
from functions.rules.event import EventRecord

USER = "user"
"""The author of events that people send; every other author is an agent or a system."""


class EventType(StrEnum):
    """The type of an event; see `event_type`."""

    INPUT_MESSAGE = "INPUT_MESSAGE"
    THINKING = "THINKING"
    TOOL_INPUT = "TOOL_INPUT"
    TOOL_OUTPUT = "TOOL_OUTPUT"
    AGENT_OUTPUT = "AGENT_OUTPUT"
    STATE_UPDATE = "STATE_UPDATE"
    ERROR = "ERROR"


class EventView(StrEnum):
    """The view of an event in an answer.

    FULL adds the event's type. ORIGINAL is the event as it was before its compaction.
    """

    BASIC = "BASIC"
    FULL = "FULL"
    ORIGINAL = "ORIGINAL"


_SPEECH = ("text", "inlineData", "fileData", "audioTranscription")


def event_type(event: Mapping[str, Any]) -> EventType:
    """Returns the type of an event, given its canonical JSON; the first rule that holds decides.

    1. ERROR: the event has an errorCode or an errorMessage.
    2. TOOL_INPUT: a part is a functionCall or executableCode.
    3. TOOL_OUTPUT: a part is a functionResponse or a codeExecutionResult, by any author.
    4. INPUT_MESSAGE if the author is `user`, else AGENT_OUTPUT: a part that is not a thought has
       media or a text that is not empty, or the event has a transcription. An inputTranscription
       is always INPUT_MESSAGE: live agents forward the words of the user.
    5. THINKING: a part is a thought.
    6. STATE_UPDATE: the event says nothing; its `actions`, such as a stateDelta, are its effect.
    """
    if event.get("errorCode") or event.get("errorMessage"):
        return EventType.ERROR
    parts = event.get("content", {}).get("parts", [])
    if any("functionCall" in part or "executableCode" in part for part in parts):
        return EventType.TOOL_INPUT
    if any("functionResponse" in part or "codeExecutionResult" in part for part in parts):
        return EventType.TOOL_OUTPUT
    metadata = event.get("eventMetadata", {})
    if _has_text(metadata, "inputTranscription"):
        return EventType.INPUT_MESSAGE
    if _has_text(metadata, "outputTranscription") or any(map(_is_said, parts)):
        is_input = event.get("author") == USER
        return EventType.INPUT_MESSAGE if is_input else EventType.AGENT_OUTPUT
    if any(part.get("thought") for part in parts):
        return EventType.THINKING
    return EventType.STATE_UPDATE


def event_members(record: EventRecord) -> dict[str, Any]:
    """Parses an event's canonical JSON; the event's name is not part of it."""
    members: dict[str, Any] = read_json(b"{" + record.text.encode())
    return members


def with_event_type(text: str) -> str:
    """Returns an event's JSON with its `eventType` as the last member."""
    event = read_json(text.encode())
    # With UNKNOWN_FIELDS=keep a client may have stored an eventType. The field is output-only.
    if "eventType" in event:
        text = write_json({name: value for name, value in event.items() if name != "eventType"})
    return f'{text[:-1]},"eventType":"{event_type(event)}"}}'


def parse_view(text: str) -> EventView:
    """Reads the `view` parameter; a blank one is BASIC. Raises InvalidArgument."""
    try:
        return EventView(text or EventView.BASIC)
    except ValueError:
        known = " or ".join(EventView)
        raise InvalidArgument(f'view must be {known}: "{text:.64}".') from None


def _has_text(metadata: Mapping[str, Any], transcription: str) -> bool:
    return bool(metadata.get(transcription, {}).get("text"))


def _is_said(part: Mapping[str, Any]) -> bool:
    return not part.get("thought") and any(part.get(field) for field in _SPEECH)
