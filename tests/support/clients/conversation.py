"""A conversation of the fields that every client has, to and from the JSON of the API."""

from datetime import datetime
from typing import Any, NamedTuple

from google.genai import types


class Said(NamedTuple):
    """An event, with the fields that every client has."""

    author: str
    invocation_id: str
    timestamp: datetime
    content: types.Content
    state_delta: dict[str, Any]
    branch: str
    custom_metadata: dict[str, Any]
    error_code: str

    @classmethod
    def from_json(cls, event: dict[str, Any]) -> "Said":
        metadata = event["eventMetadata"]
        return cls(
            event["author"],
            event["invocationId"],
            datetime.fromisoformat(event["timestamp"]),
            types.Content.model_validate(event["content"]),
            event["actions"]["stateDelta"],
            metadata["branch"],
            metadata["customMetadata"],
            event["errorCode"],
        )

    def to_json(self) -> dict[str, Any]:
        content = self.content.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {
            "author": self.author,
            "invocationId": self.invocation_id,
            "timestamp": self.timestamp.isoformat(),
            "content": content,
            "actions": {"stateDelta": self.state_delta},
            "eventMetadata": {"branch": self.branch, "customMetadata": self.custom_metadata},
            "errorCode": self.error_code,
        }


class Conversation(NamedTuple):
    """A session and its events."""

    user: str
    state: dict[str, Any]
    events: list[Said]

    @classmethod
    def from_json(cls, session: dict[str, Any], events: list[dict[str, Any]]) -> "Conversation":
        said = [Said.from_json(event) for event in events]
        return cls(session["userId"], session["sessionState"], said)
