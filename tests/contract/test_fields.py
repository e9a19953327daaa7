"""Which fields messages have: unknown names, wrong types, unions and nulls.

See docs/contract.md, section 2.
"""

from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic.alias_generators import to_camel, to_snake

from tests.support.api import Api


def append(api: Api, fields: dict[str, Any]) -> Any:
    """Appends to a new session and returns the answer."""
    return api.append(api.create(), **fields)


UNKNOWN = [
    ({"part_metadata": {}}, "part_metadata", "event.content.parts[0]"),
    ({"functionCall": {"x": 1}}, "x", "event.content.parts[0].function_call"),
    ({"inline_data": {"X": 1}}, "X", "event.content.parts[0].inline_data"),
]


@pytest.mark.parametrize(("sent", "name", "path"), UNKNOWN, ids=[case[2] for case in UNKNOWN])
def test_an_unknown_field_of_a_part_is_refused(
    api: Api, sent: dict[str, Any], name: str, path: str
) -> None:
    """400, with the name as sent and the path from `event`."""
    answer = append(api, {"content": {"parts": [sent]}})
    assert answer.status == 400
    assert answer.json["error"]["message"] == (
        f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
    )


@pytest.mark.parametrize(
    ("fields", "name", "path"),
    [
        ({"nonsense": 1}, "nonsense", "event"),
        ({"actions": {"end_of_the_agent": True}}, "end_of_the_agent", "event.actions"),
        ({"event_metadata": {"a_b": 1}}, "a_b", "event.event_metadata"),
        (
            {"eventMetadata": {"groundingMetadata": {"groundingChunks": [{}, {"web": {"q": 1}}]}}},
            "q",
            "event.event_metadata.grounding_metadata.grounding_chunks[1].web",
        ),
        ({"": 1}, "", "event"),
        ({"é": 1}, "é", "event"),
    ],
    ids=str,
)
def test_an_unknown_field_of_an_event_is_refused(
    api: Api, fields: dict[str, Any], name: str, path: str
) -> None:
    """The path starts with `event`, the body's field in the API."""
    answer = append(api, fields)
    assert answer.status == 400
    assert answer.json["error"]["message"] == (
        f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
    )


def test_an_unknown_field_of_a_session_is_refused(api: Api) -> None:
    """The path starts with `session`, in create and in update."""
    expected = (
        "Invalid JSON payload received. Unknown name \"state\" at 'session': Cannot find field."
    )
    for verb, path in (("POST", f"{api.engine}/sessions"), ("PATCH", api.create())):
        answer = api.call(verb, path, {"userId": "u", "state": {}})
        assert (answer.status, answer.json["error"]["message"]) == (400, expected)


def test_every_unknown_field_is_named(api: Api) -> None:
    """Several unknown names are told in one answer."""
    answer = append(api, {"one": 1, "actions": {"two": 2}})
    assert 'Unknown name "one"' in answer.json["error"]["message"]
    assert 'Unknown name "two"' in answer.json["error"]["message"]


@pytest.mark.parametrize("query", [{}, {"$alt": "json;enum-encoding=int"}], ids=str)
def test_unknown_fields_of_events_can_be_kept(api: Api, query: dict[str, str]) -> None:
    """With `UNKNOWN_FIELDS=keep` they are kept and returned, at every level."""
    api.settings = replace(api.settings, unknown_fields="keep")
    fields: dict[str, Any] = {
        "nonsense": {"a_b": [1, {"cD": None}]},
        "content": {
            "parts": [{"text": "t", "part_metadata": {"k": 1}, "executableCode": None}],
            "x": 1,
        },
        "actions": {"endOfAgent": True, "stateDelta": {"k": 1}},
        "eventMetadata": {"x_y": 1},
    }
    session = api.create()
    assert api.append(session, **fields).status == 200
    (event,) = api.ok("GET", f"{session}/events", **query)["sessionEvents"]
    assert event["nonsense"] == fields["nonsense"]
    assert event["content"] == {"parts": [{"text": "t", "part_metadata": {"k": 1}}], "x": 1}
    assert event["actions"] == fields["actions"]
    assert event["eventMetadata"] == {"x_y": 1}
    assert api.state(session) == {"k": 1}


def test_unknown_fields_of_sessions_can_be_kept(api: Api) -> None:
    """With `UNKNOWN_FIELDS=keep` they are kept and returned, in a session, too."""
    api.settings = replace(api.settings, unknown_fields="keep")
    session = api.create(nonsense={"a": 1})
    assert api.ok("GET", session).get("nonsense") == {"a": 1}
    assert api.ok("PATCH", session, {"displayName": "x", "more": 2}).get("more") == 2


ADK_FIELDS: list[tuple[str, str, Any, Any]] = [
    ("actions", "requestedToolConfirmations", {}, 5),
    ("actions", "requested_tool_confirmations", {"c": {"hint": [1, {"a_b": None}]}}, []),
    ("actions", "agentState", {"a_b": [[1]]}, "x"),
    ("actions", "endOfAgent", True, 1),
    ("actions", "transfer_to_agent", "other", {}),
    ("eventMetadata", "usageMetadata", {"totalTokenCount": 3}, 3),
]
"""Parent, name as sent, a value, and one of a wrong type."""


@pytest.mark.parametrize("unknown_fields", ["reject", "keep"])
def test_what_adk_clients_send_beyond_the_published_schema_is_kept(
    api: Api, unknown_fields: Literal["reject", "keep"]
) -> None:
    """Their clients fail on a 400, or never look at the answer, so that the event is lost."""
    api.settings = replace(api.settings, unknown_fields=unknown_fields)
    for parent, field, value, wrong in ADK_FIELDS:
        session = api.create()
        assert api.append(session, **{parent: {field: value}}).status == 200
        for query in ({}, {"$alt": "json;enum-encoding=int"}):
            (event,) = api.ok("GET", f"{session}/events", **query)["sessionEvents"]
            assert event[parent] == {to_camel(field): value}
        answer = api.append(session, **{parent: {field: wrong}})
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        path = f"event.{to_snake(parent)}.{to_snake(field)}"
        assert path in answer.json["error"]["message"]


@pytest.mark.parametrize(("parent", "field"), [case[:2] for case in ADK_FIELDS])
@pytest.mark.parametrize("value", [{}, None, 5], ids=repr)
def test_a_strict_server_knows_the_published_schema_alone(
    api: Api, parent: str, field: str, value: object
) -> None:
    """With `UNKNOWN_FIELDS=strict` they are as unknown as to the real service."""
    api.settings = replace(api.settings, unknown_fields="strict")
    answer = append(api, {parent: {field: value}})
    path = {"actions": "event.actions", "eventMetadata": "event.event_metadata"}[parent]
    assert answer.status == 400
    assert answer.json["error"]["message"] == (
        f"Invalid JSON payload received. Unknown name \"{field}\" at '{path}': Cannot find field."
    )
    assert append(api, {"actions": {"escalate": True}}).status == 200
    assert append(api, {"nonsense": 1}).status == 400


@pytest.mark.parametrize(
    ("fields", "path", "expected"),
    [
        ({"author": 5}, "event.author", "STRING"),
        ({"author": ["a"]}, "event.author", "STRING"),
        ({"content": "hi"}, "event.content", "object"),
        ({"content": {"parts": {}}}, "event.content.parts", "list"),
        ({"content": {"parts": ["x"]}}, "event.content.parts[0]", "object"),
        ({"content": {"parts": [None]}}, "event.content.parts[0]", "object"),
        ({"content": {"parts": [{"text": 1}]}}, "event.content.parts[0].text", "STRING"),
        ({"content": {"parts": [{"thought": "true"}]}}, "event.content.parts[0].thought", "BOOL"),
        ({"content": {"parts": [{"thought": 1}]}}, "event.content.parts[0].thought", "BOOL"),
        ({"actions": []}, "event.actions", "object"),
        ({"actions": {"stateDelta": []}}, "event.actions.state_delta", "object"),
        ({"actions": {"stateDelta": "x"}}, "event.actions.state_delta", "object"),
        ({"actions": {"artifactDelta": 1}}, "event.actions.artifact_delta", "object"),
        ({"rawEvent": [1]}, "event.raw_event", "object"),
        ({"eventMetadata": {"longRunningToolIds": "x"}}, "long_running_tool_ids", "list"),
        ({"eventMetadata": {"longRunningToolIds": [1]}}, "long_running_tool_ids[0]", "STRING"),
    ],
    ids=str,
)
def test_a_wrong_type_in_an_event_is_refused(
    api: Api, fields: dict[str, Any], path: str, expected: str
) -> None:
    """400 INVALID_ARGUMENT naming the field and what was expected."""
    answer = append(api, fields)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert path in answer.json["error"]["message"]
    assert expected in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"userId": 5}, "session.user_id"),
        ({"displayName": {}}, "session.display_name"),
        ({"labels": []}, "session.labels"),
        ({"labels": {"k": 1}}, "session.labels.k"),
        ({"labels": {"k": None}}, "session.labels.k"),
        ({"sessionState": []}, "session.session_state"),
        ({"sessionState": "x"}, "session.session_state"),
        ({"ttl": 5}, "session.ttl"),
        ({"expireTime": "soon"}, "session.expire_time"),
        ({"createTime": "soon"}, "session.create_time"),
    ],
    ids=str,
)
def test_a_wrong_type_in_a_session_is_refused(api: Api, fields: dict[str, Any], path: str) -> None:
    """400 INVALID_ARGUMENT naming the field."""
    for verb, name in (("POST", f"{api.engine}/sessions"), ("PATCH", api.create())):
        answer = api.call(verb, name, {"userId": "u", **fields})
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert path in answer.json["error"]["message"]
