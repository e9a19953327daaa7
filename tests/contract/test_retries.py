"""Appends that are sent again.

See docs/contract.md, section 5.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api

DELTA = {"stateDelta": {"n": 1, "app:n": 1, "user:n": 1}}


def events(api: Api, session: str) -> list[dict[str, Any]]:
    """All events."""
    return api.walk(f"{session}/events", "sessionEvents")


def send(api: Api, session: str, how: str, key: str, **fields: Any) -> int:
    """Appends with the key as `rawEvent.id`, as `requestId`, or not at all; answers the status."""
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z", **fields}
    query = {}
    if how == "rawEvent.id":
        event["rawEvent"] = {"id": key}
    if how == "requestId":
        query["requestId"] = key
    return api.call("POST", f"{session}:appendEvent", event, **query).status


@pytest.mark.parametrize("how", ["rawEvent.id", "requestId"])
def test_the_same_append_sent_twice_changes_nothing_the_second_time(api: Api, how: str) -> None:
    """No second event, no second state merge, updateTime unmoved, and 200."""
    session = api.create()
    assert send(api, session, how, "e1", actions=DELTA) == 200
    assert (
        send(api, session, "", "", actions={"stateDelta": {"n": 2, "app:n": 2, "user:n": 2}}) == 200
    )
    before = api.ok("GET", session)
    api.now += SECOND
    assert send(api, session, how, "e1", actions=DELTA) == 200
    assert api.ok("GET", session) == before
    assert api.state(session) == {"n": 2, "app:n": 2, "user:n": 2}
    assert len(events(api, session)) == 2


@pytest.mark.parametrize("how", ["rawEvent.id", "requestId"])
@pytest.mark.parametrize(
    "change",
    [
        {"author": "b"},
        {"timestamp": "2026-01-01T00:00:00.000000001Z"},
        {"content": {"parts": [{"text": "x"}]}},
        {"actions": {"stateDelta": {"n": 2}}},
        {"errorCode": "E"},
    ],
    ids=str,
)
def test_the_same_id_with_another_body_is_a_new_event(
    api: Api, how: str, change: dict[str, Any]
) -> None:
    """The same id with another body is a new event, and its delta is merged."""
    session = api.create()
    assert send(api, session, how, "e1", actions={"stateDelta": {"n": 1}}) == 200
    assert send(api, session, how, "e1", **{"actions": {"stateDelta": {"n": 1}}, **change}) == 200
    assert len(events(api, session)) == 2
    assert api.state(session) == {"n": change.get("actions", DELTA)["stateDelta"]["n"]}


def test_without_an_id_the_same_append_sent_twice_is_two_events(api: Api) -> None:
    """Only an id makes a retry of it."""
    session = api.create()
    for _ in range(2):
        assert send(api, session, "", "") == 200
    assert len(events(api, session)) == 2


def test_another_id_with_the_same_body_is_a_new_event(api: Api) -> None:
    """Two ids are two appends."""
    session = api.create()
    for key in ("r1", "r2"):
        assert send(api, session, "requestId", key) == 200
    assert len(events(api, session)) == 2


@pytest.mark.parametrize("how", ["rawEvent.id", "requestId"])
def test_one_id_in_two_sessions_is_two_events(api: Api, how: str) -> None:
    """An append concerns its session only."""
    for session in (api.create(), api.create()):
        assert send(api, session, how, "e1") == 200
        assert len(events(api, session)) == 1


def test_request_id_has_both_spellings(api: Api) -> None:
    """Parameters are camelCase or snake_case, too; the two URLs of append are one method."""
    session = api.create()
    event = {"author": "a", "invocation_id": "i", "timestamp": "2026-01-01T00:00:00Z"}
    api.ok("POST", f"{session}:appendEvent", event, requestId="r")
    api.ok("POST", session, event, request_id="r")
    assert len(events(api, session)) == 1


def test_a_retry_may_be_spelled_otherwise(api: Api) -> None:
    """Identical means the same event: spelling of names, offsets and bytes do not matter."""
    session = api.create()
    api.ok(
        "POST",
        f"{session}:appendEvent",
        {
            "author": "a",
            "invocationId": "i",
            "timestamp": "2026-01-01T00:00:00Z",
            "rawEvent": {"id": "e"},
            "content": {"parts": [{"inlineData": {"mimeType": "m", "data": "__4A"}}]},
        },
    )
    api.ok(
        "POST",
        f"{session}:appendEvent",
        {
            "content": {"parts": [{"inline_data": {"mime_type": "m", "data": "//4A"}}]},
            "raw_event": {"id": "e"},
            "author": "a",
            "timestamp": "2026-01-01T01:00:00.000+01:00",
            "invocation_id": "i",
        },
    )
    assert len(events(api, session)) == 1


ORDERS = [
    ({"rawEvent": {"id": "e", "a": 1, "b": 2}}, {"rawEvent": {"b": 2, "a": 1, "id": "e"}}),
    (
        {"rawEvent": {"id": "e", "a": [{"b": 1, "c": 2}]}},
        {"rawEvent": {"id": "e", "a": [{"c": 2, "b": 1}]}},
    ),
    ({"actions": {"stateDelta": {"a": 1, "b": 2}}}, {"actions": {"stateDelta": {"b": 2, "a": 1}}}),
    (
        {"actions": {"artifactDelta": {"a": 1, "b": 2}}},
        {"actions": {"artifactDelta": {"b": 2, "a": 1}}},
    ),
    (
        {"content": {"parts": [{"functionCall": {"args": {"a": 1, "b": 2}}}]}},
        {"content": {"parts": [{"functionCall": {"args": {"b": 2, "a": 1}}}]}},
    ),
    (
        {"eventMetadata": {"longRunningToolIds": ["a", "b"]}},
        {"event_metadata": {"long_running_tool_ids": ["b", "a"]}},
    ),
    (
        {"rawEvent": {"id": "e", "longRunningToolIds": ["a", "b"]}},
        {"rawEvent": {"id": "e", "longRunningToolIds": ["b", "a"]}},
    ),
    (
        {"rawEvent": {"id": "e", "long_running_tool_ids": ["a", "b"]}},
        {"rawEvent": {"id": "e", "long_running_tool_ids": ["b", "a"]}},
    ),
    ({"rawEvent": {"id": "e", "a": 1.0}}, {"rawEvent": {"id": "e", "a": 1}}),
]


@pytest.mark.parametrize(("first", "second"), ORDERS, ids=[str(case[1]) for case in ORDERS])
def test_a_retry_may_order_its_keys_and_sets_otherwise(
    api: Api, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """The order of an object's keys and of a set's items is no content; what came first stays."""
    session = api.create()
    assert send(api, session, "requestId", "r", **first) == 200
    before = api.call("GET", session).text, api.call("GET", f"{session}/events").text
    api.now += SECOND
    assert send(api, session, "requestId", "r", **second) == 200
    assert (api.call("GET", session).text, api.call("GET", f"{session}/events").text) == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": {"longRunningToolIds": ["a", "b"]}}, {"a": {"longRunningToolIds": ["b", "a"]}}),
        ({"longRunningToolIds": ["a"]}, {"longRunningToolIds": ["b"]}),
        ({"longRunningToolIds": [2, 1]}, {"longRunningToolIds": [1, 2]}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
    ],
    ids=str,
)
def test_what_differs_in_more_than_order_is_a_new_event(
    api: Api, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Lists have an order, and values a type."""
    session = api.create()
    for raw in (first, second):
        assert send(api, session, "requestId", "r", rawEvent=raw) == 200
    assert [event["rawEvent"] for event in events(api, session)] == [first, second]


@pytest.mark.parametrize("key", ["e/1", "", "é", "__x__", "x" * 5000, "."])
def test_any_text_can_be_an_events_id(api: Api, key: str) -> None:
    """`rawEvent.id` is the client's; it may be any text."""
    session = api.create()
    for _ in range(2):
        assert send(api, session, "rawEvent.id", key) == 200
    assert len(events(api, session)) == (1 if key else 2)


@pytest.mark.parametrize("raw_id", [5, None, ["e"], {"e": 1}, True])
def test_an_id_that_is_no_text_does_no_harm(api: Api, raw_id: object) -> None:
    """`rawEvent` is a Struct and may hold anything."""
    session = api.create()
    assert api.append(session, rawEvent={"id": raw_id}).status == 200
    assert events(api, session)[0]["rawEvent"] == {"id": raw_id}


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_a_retry_meets_its_event_though_its_change_had_no_room_any_more(
    api: Api, prefix: str
) -> None:
    """What landed once needs no room a second time."""
    session = api.create()
    large = {"stateDelta": {f"{prefix}a": "x" * 500_000}}
    assert send(api, session, "rawEvent.id", "e1", actions=large) == 200
    for key, size in (("a", 0), ("b", 700_000)):
        change = {"stateDelta": {f"{prefix}{key}": "x" * size}}
        assert send(api, session, "", "", actions=change) == 200
    before = api.ok("GET", session)
    assert send(api, session, "rawEvent.id", "e1", actions=large) == 200
    assert api.ok("GET", session) == before
    assert send(api, session, "rawEvent.id", "e2", actions=large) == 400
