"""SessionEvent and the messages in it; see the discovery document's schemas."""

import re
from typing import Annotated, Any

from functions.messages.content import Content
from functions.messages.grounding import GroundingMetadata
from functions.messages.json_text import read_json
from functions.messages.message import ADK, Message
from functions.messages.scalars import Int32Item, Timestamp


class EventActions(Message):
    """The effects of an event on state, artifacts and the flow between agents."""

    skip_summarization: bool | None = False
    state_delta: dict[str, Any] | None = None
    artifact_delta: dict[str, Int32Item] | None = {}
    transfer_agent: str | None = ""
    escalate: bool | None = False
    requested_auth_configs: dict[str, Any] | None = None
    requested_tool_confirmations: Annotated[dict[str, Any] | None, ADK] = None
    agent_state: Annotated[dict[str, Any] | None, ADK] = None
    end_of_agent: Annotated[bool | None, ADK] = False
    transfer_to_agent: Annotated[str | None, ADK] = ""


class Transcription(Message):
    """Speech as text."""

    text: str | None = ""
    finished: bool | None = False


class EventMetadata(Message):
    """Facts about an event besides its content."""

    grounding_metadata: GroundingMetadata | None = None
    partial: bool | None = False
    turn_complete: bool | None = False
    interrupted: bool | None = False
    long_running_tool_ids: list[str] | None = []
    branch: str | None = ""
    custom_metadata: dict[str, Any] | None = None
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    usage_metadata: Annotated[dict[str, Any] | None, ADK] = None


class SessionEvent(Message):
    """One event of a session. The server sets `name` and ignores a `name` that a client sends."""

    name: str | None = ""
    author: str | None = ""
    content: Content | None = None
    invocation_id: str | None = ""
    actions: EventActions | None = None
    timestamp: Timestamp = None
    error_code: str | None = ""
    error_message: str | None = ""
    event_metadata: EventMetadata | None = None
    raw_event: dict[str, Any] | None = None


def with_enum_numbers(text: str) -> str:
    """Returns an event's canonical JSON with enums as numbers, which GAPIC clients ask for."""
    if not _MAY_HOLD_ENUM.search(text):
        return text
    return SessionEvent.read(read_json(text.encode()), "event", "keep").write(enum_numbers=True)


_MAY_HOLD_ENUM = re.compile('"(language|outcome|level|scheduling|mediaProcessing|nullValue)":')
