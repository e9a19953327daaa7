"""Event types: in lists with view=FULL, and in filters.

See docs/contract.md, section 7.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import Api

EVENTS: dict[str, dict[str, Any]] = {
    "INPUT_MESSAGE": {"author": "user", "content": {"role": "user", "parts": [{"text": "hi"}]}},
    "THINKING": {"author": "agent", "content": {"parts": [{"text": "hm", "thought": True}]}},
    "TOOL_INPUT": {
        "author": "agent",
        "content": {"parts": [{"functionCall": {"id": "1", "name": "f", "args": {"n": 1}}}]},
    },
    "TOOL_OUTPUT": {
        "author": "agent",
        "content": {"parts": [{"functionResponse": {"id": "1", "name": "f", "response": {}}}]},
    },
    "AGENT_OUTPUT": {"author": "agent", "content": {"parts": [{"text": "there"}]}},
    "STATE_UPDATE": {"author": "user", "actions": {"stateDelta": {"k": 1}}},
    "ERROR": {"author": "agent", "errorCode": "E"},
}


@pytest.fixture
def session(api: Api) -> str:
    """A session with one event of each type, in the order of EVENTS."""
    name = api.create()
    for number, fields in enumerate(EVENTS.values()):
        assert api.append(name, f"2026-01-01T00:00:0{number}Z", **fields).status == 200
    return name


def types(api: Api, session: str, **query: Any) -> list[str]:
    """The types of all events that a list finds."""
    events = api.walk(f"{session}/events", "sessionEvents", view="FULL", **query)
    return [event["eventType"] for event in events]


def test_a_full_view_says_the_type_of_each_event(api: Api, session: str) -> None:
    """`view=FULL` adds `eventType`, and nothing else."""
    assert types(api, session) == list(EVENTS)
    basic = api.ok("GET", f"{session}/events")["sessionEvents"]
    full = api.ok("GET", f"{session}/events", view="FULL")["sessionEvents"]
    assert [{**event, "eventType": kind} for event, kind in zip(basic, EVENTS, strict=True)] == full


@pytest.mark.parametrize("view", ["", "BASIC"])
def test_a_basic_view_is_the_default(api: Api, session: str, view: str) -> None:
    """Without a view the answer is byte for byte that of BASIC: no event has a type."""
    answer = api.call("GET", f"{session}/events", view=view)
    assert answer.text == api.call("GET", f"{session}/events").text
    assert "eventType" not in answer.text


@pytest.mark.parametrize("view", ["full", "EVENT_VIEW_FULL", "2", " FULL"])
def test_any_other_view_is_refused_naming_the_allowed(api: Api, session: str, view: str) -> None:
    """A view that there is not is 400, said before a missing session."""
    for path in (f"{session}/events", f"{session}/runs/i", f"{session}x/events"):
        answer = api.call("GET", path, view=view)
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert "BASIC or FULL" in answer.json["error"]["message"]


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("order", ["timestamp", "timestamp desc"])
def test_events_of_a_type_can_be_found(api: Api, session: str, kind: str, order: str) -> None:
    """`event_type` works in filters whatever the view, in either spelling and with pages."""
    others = [other for other in EVENTS if other != kind]
    found = api.walk(
        f"{session}/events", "sessionEvents", filter=f'event_type="{kind}"', orderBy=order
    )
    assert [event["author"] for event in found] == [EVENTS[kind]["author"]]
    assert types(api, session, filter=f"eventType={kind}", orderBy=order, pageSize=1) == [kind]
    found_others = types(api, session, filter=f'event_type!="{kind}"', orderBy=order)
    assert sorted(found_others) == sorted(others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event_type="TOOL_*"', ["TOOL_INPUT", "TOOL_OUTPUT"]),
        ("event_type=(THINKING OR ERROR)", ["THINKING", "ERROR"]),
        ('event_type="STATE_UPDATE" AND author="user"', ["STATE_UPDATE"]),
        ('event_type="AGENT_OUTPUT" AND author="user"', []),
        ('NOT event_type="*PUT" AND timestamp>"2026-01-01T00:00:01Z"', ["STATE_UPDATE", "ERROR"]),
    ],
)
def test_event_types_go_with_the_rest_of_a_filter(
    api: Api, session: str, text: str, expected: list[str]
) -> None:
    """Types combine with other fields and take wildcards."""
    assert types(api, session, filter=text) == expected


@pytest.mark.parametrize("value", ["TOOL", "tool_input", "", "FOO*", "TOOL_INPUT "])
def test_a_type_that_there_is_not_is_refused_naming_all(api: Api, session: str, value: str) -> None:
    """A misspelled type would find nothing for ever: it is 400, says where, and lists the types."""
    answer = api.call("GET", f"{session}/events", filter=f'event_type="{value}"')
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    message = answer.json["error"]["message"]
    assert ", ".join(EVENTS) in message
    assert "column 12" in message


def test_types_do_not_rise_or_fall(api: Api, session: str) -> None:
    """Enums take `=` and `!=` only."""
    answer = api.call("GET", f"{session}/events", filter='event_type>"ERROR"')
    assert answer.status == 400
    assert "only = and !=" in answer.json["error"]["message"]


def test_a_type_goes_with_enums_by_number(api: Api) -> None:
    """An eventType has no number: it stays a name where other enums are asked for by number."""
    session = api.create()
    api.append(session, content={"parts": [{"executableCode": {"language": "PYTHON"}}]})
    query = {"view": "FULL", "$alt": "json;enum-encoding=int"}
    (event,) = api.ok("GET", f"{session}/events", **query)["sessionEvents"]
    assert event["content"]["parts"][0]["executableCode"]["language"] == 1
    assert event["eventType"] == "TOOL_INPUT"


def test_a_type_that_a_client_sends_is_not_believed(api: Api) -> None:
    """An eventType is output-only: even where unknown fields are kept, ours is the only one."""
    api.settings = replace(api.settings, unknown_fields="keep")
    session = api.create()
    assert api.append(session, eventType="ERROR", content={"parts": [{"text": "a"}]}).status == 200
    answer = api.call("GET", f"{session}/events", view="FULL")
    assert answer.text.count("eventType") == 1
    assert answer.json["sessionEvents"][0]["eventType"] == "INPUT_MESSAGE"
