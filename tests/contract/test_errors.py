"""Errors: code, message, status and details, in one JSON shape.

See docs/contract.md, section 6.
"""

from typing import Any

import pytest

from functions.rules.errors import Contention, StoreUnavailable
from tests.support.api import Api
from tests.support.errors import EVENT, check
from tests.support.project import LOCATION


@pytest.mark.parametrize(
    ("verb", "suffix", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"displayName": "x"}),
        ("DELETE", "", None),
        ("POST", ":appendEvent", EVENT),
        ("POST", "", EVENT),
        ("GET", "/events", None),
    ],
)
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_missing_session_is_not_found(
    api: Api, version: str, verb: str, suffix: str, body: Any
) -> None:
    """A missing session is 404 `Session <name> not found.` for every method."""
    name = f"{api.engine}/sessions/none"
    answer = api.call(verb, f"/{version}/{name}{suffix}", body)
    assert "details" not in check(answer, 404, "NOT_FOUND", f"Session {name} not found.")


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        ({}, ["author", "invocation_id", "timestamp"]),
        ({"author": "a"}, ["invocation_id", "timestamp"]),
        ({"author": "", "invocationId": "i", "timestamp": None}, ["author", "timestamp"]),
        ({"author": "a", "invocation_id": "i"}, ["timestamp"]),
        ({"timestamp": "2026-01-01T00:00:00Z", "author": "a"}, ["invocation_id"]),
        ({"invocationId": "i", "timestamp": {"seconds": 0}}, ["author"]),
    ],
    ids=str,
)
def test_all_missing_fields_are_named_in_one_answer(
    api: Api, event: dict[str, Any], missing: list[str]
) -> None:
    """`List of found errors:`, numbered, a tab after each, and fieldViolations."""
    for session in (api.create(), f"{api.engine}/sessions/none"):
        listed = "".join(
            f"{number}.Field: event.{field}; Message: Required field is not set.\t"
            for number, field in enumerate(missing, 1)
        )
        answer = api.call("POST", f"{session}:appendEvent", event)
        error = check(answer, 400, "INVALID_ARGUMENT", f"List of found errors:\t{listed}")
        assert error["details"] == [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": f"event.{field}", "description": "Required field is not set."}
                    for field in missing
                ],
            }
        ]


@pytest.mark.parametrize("segment", ["-", "__x__", "a.b", "é", "a b", "x" * 129, "@", "%25"])
def test_a_malformed_session_name_is_refused(api: Api, segment: str) -> None:
    """400 `1.Field: name; Message: Invalid Session resource name.` + fieldViolations."""
    for verb, suffix, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", ":appendEvent", EVENT),
    ):
        answer = api.call(verb, f"{api.engine}/sessions/{segment}{suffix}", body)
        message = "List of found errors:\t1.Field: name; Message: Invalid Session resource name.\t"
        error = check(answer, 400, "INVALID_ARGUMENT", message)
        assert error["details"] == [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": "name", "description": "Invalid Session resource name."}
                ],
            }
        ]


@pytest.mark.parametrize("engine", ["-", "__x__", "a.b", "é"])
def test_a_malformed_engine_name_is_refused(api: Api, engine: str) -> None:
    """The engine of a name is held to the rules of ids, too; lists alone take `-` for all."""
    path = f"{LOCATION}/reasoningEngines/{engine}/sessions"
    calls: list[tuple[str, str, Any]] = [("POST", "", {"userId": "u"}), ("GET", "/s", None)]
    if engine != "-":
        calls.append(("GET", "", None))
    for verb, suffix, body in calls:
        error = check(api.call(verb, path + suffix, body), 400, "INVALID_ARGUMENT")
        assert error["message"].startswith("List of found errors:\t1.Field: ")
        assert error["details"][0]["fieldViolations"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"x", b"{'a': 1}", b'{"userId": "u"', b"\xff\xfe", b'{"userId": "u"} x', b"{,}", b"nul"],
)
def test_a_body_that_is_not_json_is_refused(api: Api, body: bytes) -> None:
    """400 INVALID_ARGUMENT, nothing made."""
    for verb, path in (
        ("POST", f"{api.engine}/sessions"),
        ("POST", f"{api.create()}:appendEvent"),
        ("PATCH", api.create()),
    ):
        check(api.call(verb, path, body), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true", b"[{}]"])
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    """400 naming the field and what was expected."""
    for path, field in (
        (f"{api.engine}/sessions", "session"),
        (f"{api.create()}:appendEvent", "event"),
    ):
        error = check(api.call("POST", path, body), 400, "INVALID_ARGUMENT")
        assert field in error["message"]
        assert "object" in error["message"]


class Failing:
    """A store whose every method fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (StoreUnavailable(), 503, "UNAVAILABLE"),
        (Contention("x"), 409, "ABORTED"),
        (RuntimeError("secret"), 500, "INTERNAL"),
        (KeyError("secret"), 500, "INTERNAL"),
        (RecursionError("secret"), 500, "INTERNAL"),
    ],
    ids=repr,
)
def test_a_failing_store_has_the_shape_of_every_error(
    api: Api, error: Exception, code: int, status: str
) -> None:
    """503 UNAVAILABLE, 409 ABORTED; anything unforeseen 500 INTERNAL with a constant text."""
    api.store = Failing(error)
    session = f"{api.engine}/sessions/s"
    messages = set()
    for verb, path, body in (
        ("GET", session, None),
        ("POST", f"{session}:appendEvent", EVENT),
        ("GET", f"{session}/events", None),
        ("POST", f"{api.engine}/sessions", {"userId": "u"}),
        ("GET", f"{api.engine}/sessions", None),
        ("DELETE", session, None),
    ):
        answer = api.call(verb, path, body)
        messages.add(check(answer, code, status)["message"])
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
    assert len(messages) == 1
