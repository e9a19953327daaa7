"""Unions, nulls and empty messages: what is set and what is not.

See docs/contract.md, section 2.
"""

from typing import Any

import pytest

from tests.support.api import Api


def append(api: Api, fields: dict[str, Any]) -> Any:
    """Appends to a new session and returns the answer."""
    return api.append(api.create(), **fields)


@pytest.mark.parametrize(
    "part",
    [
        {"text": "a", "functionCall": {"name": "f"}},
        {"text": "", "inline_data": {"data": ""}},
        {"fileData": {"fileUri": "u"}, "executableCode": {"code": "x"}},
    ],
    ids=str,
)
def test_a_part_holds_one_kind_of_data(api: Api, part: dict[str, Any]) -> None:
    """Two members of a oneof in one message: 400 naming the place."""
    answer = append(api, {"content": {"parts": [{"text": "fine"}, part]}})
    assert answer.status == 400
    assert "event.content.parts[1]" in answer.json["error"]["message"]
    assert "oneof" in answer.json["error"]["message"]


def test_a_null_member_of_a_union_is_not_set(api: Api) -> None:
    """A null is unset, in a oneof, too."""
    session = api.create()
    parts = [{"text": "a", "functionCall": None, "inlineData": None}]
    assert api.append(session, content={"parts": parts}).status == 200
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["content"] == {"parts": [{"text": "a"}]}


def test_null_fields_are_unset_and_null_members_of_structs_stay(api: Api) -> None:
    """The null handling of proto3 JSON: fields vanish, struct values are nulls."""
    session = api.create(displayName=None, labels=None, sessionState={"n": None, "l": [None]})
    assert "displayName" not in api.ok("GET", session)
    assert api.state(session) == {"n": None, "l": [None]}
    event: dict[str, Any] = {
        "content": {"role": None, "parts": None},
        "actions": {"stateDelta": {"d": None}, "escalate": None, "artifactDelta": None},
        "eventMetadata": None,
        "errorCode": None,
        "rawEvent": {"r": None, "s": {"t": [None]}},
    }
    assert api.append(session, **event).status == 200
    (found,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert found["content"] == {}
    assert found["actions"] == {"stateDelta": {"d": None}}
    assert found["rawEvent"] == {"r": None, "s": {"t": [None]}}
    assert not found.keys() & {"eventMetadata", "errorCode"}


@pytest.mark.parametrize(
    "part", [{"text": ""}, {"functionCall": {"args": {}}}, {"functionResponse": {}}, {}], ids=str
)
def test_an_empty_part_stays_what_it_is(api: Api, part: dict[str, Any]) -> None:
    """Which member of the union was set can be told from the answer, though it be empty."""
    session = api.create()
    assert api.append(session, content={"parts": [part]}).status == 200
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["content"]["parts"] == [part]
