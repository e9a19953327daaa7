"""ReasoningEngine, as in the discovery document's schema of that name."""

from typing import Any

from functions.messages.message import Message
from functions.messages.scalars import Timestamp


class ReasoningEngine(Message):
    """An engine; its specs describe code that we do not run, and are kept as sent."""

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
