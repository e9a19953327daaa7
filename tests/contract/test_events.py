"""Appending and listing events.

See docs/contract.md, section 5.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api

MANY = {"sqlite": 10_000, "firestore": 1_000}
"""Events of the long list; an emulator takes some three milliseconds for each."""


def authors(api: Api, session: str, **query: Any) -> list[str]:
    """The authors of all events, in the order of the list."""
    return [event["author"] for event in api.walk(f"{session}/events", "sessionEvents", **query)]


def test_an_append_answers_an_empty_object(api: Api) -> None:
    """appendEvent: bare SessionEvent → `{}`."""
    answer = api.append(api.create())
    assert (answer.status, answer.json) == (200, {})


def test_an_event_has_a_name_below_its_session(api: Api) -> None:
    """Events are `…/sessions/{s}/events/{id}`, each with an id of its own; a sent name is not."""
    session = api.create()
    api.append(session, name="other")
    api.append(session, name="other")
    names = {event["name"] for event in api.ok("GET", f"{session}/events")["sessionEvents"]}
    assert len(names) == 2
    for name in names:
        assert name.startswith(f"{session}/events/")
        assert "/" not in name.removeprefix(f"{session}/events/")


@pytest.mark.parametrize("fields", [{}, {"content": None, "actions": None}])
def test_unset_content_and_actions_come_back_as_empty_objects(
    api: Api, fields: dict[str, Any]
) -> None:
    """Unset `content` and `actions` come back as `{}`; nothing else appears."""
    session = api.create()
    api.append(session, **fields)
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    del event["name"]
    assert event == {
        "author": "user",
        "content": {},
        "invocationId": "i",
        "actions": {},
        "timestamp": "2026-01-01T00:00:00Z",
    }


def test_an_event_comes_back_with_every_field_that_was_sent(api: Api) -> None:
    """What a client stores is what it reads, field by field."""
    session = api.create()
    event = {
        "author": "agent",
        "invocationId": "e-1",
        "timestamp": "2026-01-31T11:30:00.123456789Z",
        "errorCode": "E",
        "errorMessage": "it broke",
        "content": {
            "role": "model",
            "parts": [
                {"text": "hi", "thought": True, "thoughtSignature": "AQI="},
                {"functionCall": {"id": "1", "name": "f", "args": {"a": [[1], None]}}},
                {"functionResponse": {"id": "1", "name": "f", "response": {"": {}}}},
                {"inlineData": {"mimeType": "a/b", "data": "AAEC"}},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"fileData": {"mimeType": "a/b", "fileUri": "gs://x"}},
            ],
        },
        "actions": {
            "skipSummarization": True,
            "stateDelta": {"k": None, "temp:t": 1},
            "artifactDelta": {"file": 3},
            "escalate": True,
            "requestedAuthConfigs": {"c": {"x": [1]}},
            "transferAgent": "other",
        },
        "eventMetadata": {
            "partial": True,
            "turnComplete": True,
            "interrupted": True,
            "longRunningToolIds": ["1"],
            "branch": "a.b",
            "customMetadata": {"__x__": 1},
            "groundingMetadata": {"webSearchQueries": ["q"]},
            "inputTranscription": {"text": "in", "finished": True},
            "outputTranscription": {"text": "out"},
        },
        "rawEvent": {"id": "r", "n": [9007199254740993]},
    }
    assert api.call("POST", f"{session}:appendEvent", event).status == 200
    (found,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    del found["name"]
    assert found == event


def test_a_post_on_the_sessions_name_appends(api: Api) -> None:
    """The seed page's append omits `:appendEvent`; POST on a session name is an append."""
    session = api.create()
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    assert api.ok("POST", session, body) == {}
    assert authors(api, session) == ["a"]


def test_an_append_sets_the_update_time_and_nothing_else(api: Api) -> None:
    """The updateTime becomes the server's now, whatever the event's timestamp; expireTime stays."""
    session = api.create()
    before = api.ok("GET", session)
    api.now += 5 * SECOND
    api.append(session, "2039-01-01T00:00:00Z")
    assert api.ok("GET", session) == {**before, "updateTime": "2026-11-22T00:00:05Z"}


def test_events_are_listed_by_timestamp(api: Api) -> None:
    """Order: timestamp, not arrival; nanoseconds and the year 0001 count."""
    session = api.create()
    for author, time in (
        ("d", "2026-01-01T00:00:00.000000002Z"),
        ("b", "1969-12-31T23:59:59Z"),
        ("e", "2026-01-01T01:00:00+00:30"),
        ("a", "0001-01-01T00:00:00Z"),
        ("f", "9999-12-31T23:59:59.999999999Z"),
        ("c", "2026-01-01T00:00:00.000000001Z"),
    ):
        assert api.append(session, time, author=author).status == 200
    assert "".join(authors(api, session)) == "abcdef"
    assert "".join(authors(api, session, orderBy="timestamp desc")) == "fedcba"
    assert "".join(authors(api, session, pageSize=1)) == "abcdef"


def test_thousands_of_events_of_one_instant_stay_in_the_order_of_their_arrival(api: Api) -> None:
    """Equal timestamps stay in append order, over all pages; 10,000 on SQLite, fewer on Firestore.

    Firestore's number is in MANY; an emulator takes minutes for what SQLite does in seconds.
    """
    session = api.create()
    count = MANY["sqlite" if type(api.store).__name__ == "SqliteStore" else "firestore"]
    for number in range(count):
        assert api.append(session, author=str(number)).status == 200
    expected = [str(number) for number in range(count)]
    assert authors(api, session, pageSize=1000) == expected
    assert authors(api, session, pageSize=999, orderBy="timestamp desc") == expected[::-1]


@pytest.mark.parametrize("method", ["append", "list"])
def test_events_of_a_missing_session_are_not_found(api: Api, method: str) -> None:
    """A missing session is 404 `Session <name> not found.` for events, too."""
    session = f"{api.engine}/sessions/none"
    answer = api.append(session) if method == "append" else api.call("GET", f"{session}/events")
    assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")
    assert answer.json["error"]["message"] == f"Session {session} not found."


def test_validation_comes_before_the_existence_check(api: Api) -> None:
    """An invalid event for a missing session is 400, not 404."""
    session = f"{api.engine}/sessions/none"
    assert api.append(session, author="").status == 400
    assert api.append(session, nonsense=1).status == 400
    assert api.append(session, time="soon").status == 400


def test_a_refused_event_changes_nothing(api: Api) -> None:
    """Neither events nor state nor updateTime of a session move with a refused append."""
    session = api.create(sessionState={"a": 1})
    before = api.ok("GET", session)
    api.now += SECOND
    delta = {"stateDelta": {"a": 2, "app:x": 1}}
    assert api.append(session, author="", actions=delta).status == 400
    assert api.append(session, actions={**delta, "nonsense": 1}).status == 400
    assert api.ok("GET", session) == before
    assert api.ok("GET", f"{session}/events") == {}
