"""Events stored and read back, for tests of single fields."""

from typing import Any

from tests.support.api import Api


def stored(api: Api, event: dict[str, Any] | bytes, **query: Any) -> dict[str, Any]:
    """Appends an event and returns it as list answers it, without its name."""
    session = api.create()
    base = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    body = event if isinstance(event, bytes) else {**base, **event}
    api.ok("POST", f"{session}:appendEvent", body)
    (found,) = api.ok("GET", f"{session}/events", **query)["sessionEvents"]
    del found["name"]
    result: dict[str, Any] = found
    return result


def part(api: Api, part: dict[str, Any], **query: Any) -> Any:
    """One part of a content, stored and read back."""
    return stored(api, {"content": {"parts": [part]}}, **query)["content"]["parts"][0]


def refused(api: Api, event: dict[str, Any], *fragments: str) -> None:
    """Holds an append to a 400 whose message has the fragments."""
    answer = api.append(api.create(), **event)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    for fragment in fragments:
        assert fragment in answer.json["error"]["message"]
