"""What kind of thing an event is, derived from its JSON whenever it is asked for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.messages.json_text import read_json, write_json
from functions.rules.event import EventRecord

USER = "user"
"""The author of what people send; any other is an agent or a system."""


class EventType(StrEnum):
    """What an event is first of all; see `event_type`."""

    INPUT_MESSAGE = "INPUT_MESSAGE"
    THINKING = "THINKING"
    TOOL_INPUT = "TOOL_INPUT"
    TOOL_OUTPUT = "TOOL_OUTPUT"
    AGENT_OUTPUT = "AGENT_OUTPUT"
    STATE_UPDATE = "STATE_UPDATE"
    ERROR = "ERROR"


class EventView(StrEnum):
    """How much lists say of an event: FULL adds its type."""

    BASIC = "BASIC"
    FULL = "FULL"


_SPEECH = ("text", "inlineData", "fileData", "audioTranscription")


def event_type(event: Mapping[str, Any]) -> EventType:
    """The type of an event, given its canonical JSON; the first of these rules that holds.

    1. ERROR: it has an errorCode or an errorMessage.
    2. TOOL_INPUT: a part is a functionCall or executableCode.
    3. TOOL_OUTPUT: a part is a functionResponse or a codeExecutionResult, whoever sends it.
    4. INPUT_MESSAGE or AGENT_OUTPUT: something is said, by `user` or by anybody else: a part
       that is no thought has media or a text that is not empty, or there is a transcription. An
       inputTranscription is always INPUT_MESSAGE: live agents hand on what the user said.
    5. THINKING: a part is a thought, and nothing but thoughts is said.
    6. STATE_UPDATE: it says nothing. What it does stands in `actions`, such as a stateDelta.
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
    """An event's canonical JSON, parsed; its name is not among its members."""
    members: dict[str, Any] = read_json(b"{" + record.text.encode())
    return members


def with_event_type(text: str) -> str:
    """An event's JSON with its `eventType` as the last member."""
    event = read_json(text.encode())
    # UNKNOWN_FIELDS=keep may have stored one; it is output-only, so ours takes its place.
    if "eventType" in event:
        text = write_json({name: value for name, value in event.items() if name != "eventType"})
    return f'{text[:-1]},"eventType":"{event_type(event)}"}}'


def parse_view(text: str) -> EventView:
    """The `view` parameter, BASIC where it is blank; raises InvalidArgument."""
    try:
        return EventView(text or EventView.BASIC)
    except ValueError:
        known = " or ".join(EventView)
        raise InvalidArgument(f'view must be {known}: "{text:.64}".') from None


def _has_text(metadata: Mapping[str, Any], transcription: str) -> bool:
    return bool(metadata.get(transcription, {}).get("text"))


def _is_said(part: Mapping[str, Any]) -> bool:
    return not part.get("thought") and any(part.get(field) for field in _SPEECH)
