"""ReasoningEngine of the discovery document, and the body of its DELETE, which only genai has."""

from typing import Any

from functions.messages.message import Message
from functions.messages.scalars import Timestamp


class ReasoningEngine(Message):
    """An engine. The server stores its specs as sent; they describe code that it does not run."""

    name: str | None = ""
    display_name: str | None = ""
    description: str | None = ""
    spec: dict[str, Any] | None = None
    context_spec: dict[str, Any] | None = None
    create_time: Timestamp = None
    update_time: Timestamp = None
    etag: str | None = ""
    labels: dict[str, str] | None = {}
    encryption_spec: dict[str, Any] | None = None
    traffic_config: dict[str, Any] | None = None
    revision_garbage_collection_strategy: dict[str, Any] | None = None


class DeleteReasoningEngineRequest(Message):
    """The body that genai's client sends with the DELETE of an engine; the path names the engine.

    `force` deletes the engine's sessions, too.
    """

    name: str | None = ""
    force: bool | None = False
