"""The shape of every error."""

from typing import Any

from tests.support.api import Answer

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
"""An event that is valid, for calls that fail for another reason."""


def check(answer: Answer, code: int, status: str, message: str | None = None) -> dict[str, Any]:
    """Holds an answer to the shape of every error and returns its `error`."""
    assert answer.json.keys() == {"error"}
    error: dict[str, Any] = answer.json["error"]
    assert error.keys() <= {"code", "message", "status", "details"}
    assert (answer.status, error["code"], error["status"]) == (code, code, status)
    if message is not None:
        assert error["message"] == message
    return error
