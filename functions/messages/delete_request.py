"""The body that genai's client sends with the DELETE of an engine."""

from functions.messages.message import Message


class DeleteReasoningEngineRequest(Message):
    """Whether the engine's sessions go with it; the name stands in the path."""

    name: str | None = ""
    force: bool | None = False
