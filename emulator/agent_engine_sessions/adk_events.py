"""Makes messages of the API from ADK's events, and ADK's events from messages."""

from datetime import UTC, datetime
from typing import Any

from google.adk.events import Event

_NO_INVOCATION = "-"
"""The invocation id of an event that has none in ADK; the API requires one."""

_MICROSECOND = 1e-6

_OF_EVENT = ("content", "errorCode", "errorMessage")
_OF_METADATA = (
    *("partial", "turnComplete", "interrupted", "branch", "customMetadata"),
    *("longRunningToolIds", "groundingMetadata"),
)
"""Fields that the API and ADK spell alike."""

_ACTIONS = {
    "skipSummarization": "skipSummarization",
    "stateDelta": "stateDelta",
    "artifactDelta": "artifactDelta",
    "transferToAgent": "transferAgent",
    "escalate": "escalate",
    "requestedAuthConfigs": "requestedAuthConfigs",
}
"""A field of ADK's actions → the API's name of it."""


def event_body(event: Event) -> dict[str, Any]:
    """The body of an append, with ADK's own copy of the event as `rawEvent`.

    Other clients of the API read the same as from ADK's VertexAiSessionService.
    """
    raw = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["invocationId"] = raw["invocationId"] or _NO_INVOCATION
    for part in raw.get("content", {}).get("parts", ()):
        # The API has no such field, and ADK sends none.
        part.pop("partMetadata", None)
    actions, metadata = raw["actions"], {key: raw[key] for key in _OF_METADATA if key in raw}
    kept = {"_compaction": event.actions.compaction, "_usage_metadata": event.usage_metadata}
    more = {
        key: model.model_dump(mode="json", exclude_none=True)
        for key, model in kept.items()
        if model
    }
    if more:
        metadata["customMetadata"] = {**metadata.get("customMetadata", {}), **more}
    return {
        "author": event.author,
        "invocationId": raw["invocationId"],
        "timestamp": datetime.fromtimestamp(event.timestamp, UTC).isoformat(),
        **{key: raw[key] for key in _OF_EVENT if key in raw},
        "actions": {name: actions[key] for key, name in _ACTIONS.items() if key in actions},
        "eventMetadata": metadata,
        "rawEvent": raw,
    }


def read_event(found: dict[str, Any]) -> Event:
    """ADK's event of a SessionEvent, also of one that another client has appended."""
    if raw := found.get("rawEvent"):
        fields = {"id": found["name"].rpartition("/")[2], **raw}
    else:
        actions = dict(found.get("actions", {}))
        if "transferAgent" in actions:
            actions["transferToAgent"] = actions.pop("transferAgent")
        fields = {
            **found.get("eventMetadata", {}),
            **{key: found[key] for key in _OF_EVENT if key in found},
            "id": found["name"].rpartition("/")[2],
            "actions": actions,
        }
    fields |= {key: found[key] for key in ("invocationId", "author") if key in found}
    if fields.get("invocationId") == _NO_INVOCATION:
        fields["invocationId"] = ""
    time, exact = seconds(found["timestamp"]), fields.get("timestamp")
    # The API's timestamp has microseconds; ADK's own copy is more exact.
    if not isinstance(exact, float) or abs(exact - time) > _MICROSECOND:
        fields["timestamp"] = time
    return Event.model_validate(fields)


def seconds(timestamp: str) -> float:
    """A timestamp of the API as seconds since the epoch."""
    return datetime.fromisoformat(timestamp).timestamp()
