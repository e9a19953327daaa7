"""Creating, reading and deleting sessions.

See docs/contract.md, section 4.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api

DAY = 86_400
YEAR = 365 * DAY

DEEP: dict = {"a": [[1, [2]], 9007199254740993, {"": {"__x__": None}}]}
for _ in range(25):
    DEEP = {"d": [DEEP]}


@pytest.mark.parametrize(
    "state", [{}, {"a": [[1, [2]], 9007199254740993, {"": {"__x__": None}}]}, DEEP]
)
def test_session_state_comes_back_as_sent(api: Api, state: dict) -> None:
    """Structs are kept key for key: nested arrays, empty and reserved keys, integers past 2^53."""
    session = api.create(sessionState=state)
    assert api.state(session) == state


def test_a_new_session_has_times_a_user_and_a_default_life(api: Api) -> None:
    """A session has name, createTime, updateTime, userId, and an expireTime 365 days ahead."""
    assert api.ok("GET", api.create("s")) == {
        "name": f"{api.engine}/sessions/s",
        "createTime": "2026-11-22T00:00:00Z",
        "updateTime": "2026-11-22T00:00:00Z",
        "userId": "u",
        "expireTime": "2027-11-22T00:00:00Z",
    }


def test_get_answers_what_create_answered(api: Api) -> None:
    """Create's response holds the whole session, as get would give it."""
    body = {
        "userId": "u",
        "displayName": "Name",
        "labels": {"a": "1", "b": ""},
        "sessionState": {"k": [1], "app:a": 1, "user:u": 2},
        "ttl": "100000.123456789s",
    }
    response = api.ok("POST", f"{api.engine}/sessions", body, sessionId="s")["response"]
    assert response.pop("@type").endswith(".Session")
    assert response == api.ok("GET", f"{api.engine}/sessions/s")
    assert response["displayName"] == "Name"
    assert response["labels"] == {"a": "1", "b": ""}
    assert response["sessionState"] == {"k": [1], "app:a": 1, "user:u": 2}
    assert "ttl" not in response


def test_the_server_chooses_an_id_when_none_is_sent(api: Api) -> None:
    """Without sessionId each session gets an id of its own."""
    names = {api.create() for _ in range(3)}
    assert len(names) == 3
    for name in names:
        assert api.ok("GET", name)["name"] == name


@pytest.mark.parametrize("body", [{}, {"userId": ""}, {"userId": None}, {"user_id": ""}, None])
def test_a_session_needs_a_user(api: Api, body: object) -> None:
    """`userId` is required."""
    answer = api.call("POST", f"{api.engine}/sessions", body)
    assert answer.status == 400
    assert answer.json["error"]["message"] == (
        "List of found errors:\t1.Field: session.user_id; Message: Required field is not set.\t"
    )


def test_output_only_fields_are_ignored_on_input(api: Api) -> None:
    """`createTime`, `updateTime` and `name` are output-only: ignored on input."""
    session = api.create(
        "s", name="other", createTime="2001-01-01T00:00:00Z", updateTime="2001-01-01T00:00:00Z"
    )
    found = api.ok("GET", session)
    assert found["name"] == f"{api.engine}/sessions/s"
    assert found["createTime"] == found["updateTime"] == "2026-11-22T00:00:00Z"


def test_a_session_id_is_taken_once(api: Api) -> None:
    """Duplicate id: 400 INVALID_ARGUMENT with the full name, and the first session stays."""
    session = api.create("s", displayName="first")
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u"}, sessionId="s")
    assert (answer.status, answer.json["error"]) == (
        400,
        {
            "code": 400,
            "message": f"Session with user-provided ID '{session}' already exists.",
            "status": "INVALID_ARGUMENT",
        },
    )
    assert api.ok("GET", session)["displayName"] == "first"


def test_sessions_of_one_id_under_two_engines_are_two(api: Api) -> None:
    """A session belongs to its engine."""
    first = api.create("s", displayName="first")
    api.engine += "0"
    second = api.create("s", displayName="second")
    assert api.ok("GET", first)["displayName"] == "first"
    assert api.ok("GET", second)["displayName"] == "second"


def test_deleting_a_session_leaves_its_neighbours_alone(api: Api) -> None:
    """Deleting one session leaves its neighbours, even of similar ids, and their events alone."""
    doomed, neighbours = api.create("s"), [api.create("s1"), api.create("S")]
    for session in (doomed, *neighbours):
        assert api.append(session).status == 200
    api.ok("DELETE", doomed)
    assert api.call("GET", doomed).status == 404
    for neighbour in neighbours:
        assert len(api.ok("GET", f"{neighbour}/events")["sessionEvents"]) == 1


def test_a_session_is_deleted_once(api: Api) -> None:
    """The second delete finds nothing: 404."""
    session = api.create("s")
    api.ok("DELETE", session)
    assert api.call("DELETE", session).status == 404


@pytest.mark.parametrize("events", [1, 450])
def test_an_id_can_be_used_again_after_delete(api: Api, events: int) -> None:
    """A session that is created again under a deleted id starts with no events and no state."""
    session = api.create("s", sessionState={"a": 1}, displayName="old", labels={"k": "v"})
    for _ in range(events):
        assert api.append(session, actions={"stateDelta": {"b": 2}}).status == 200
    api.ok("DELETE", session)
    api.now += SECOND
    assert api.create("s", user="other") == session
    found = api.ok("GET", session)
    assert found["userId"] == "other"
    assert found["createTime"] == "2026-11-22T00:00:01Z"
    assert not found.keys() & {"sessionState", "displayName", "labels"}
    assert api.ok("GET", f"{session}/events") == {}


def test_an_event_of_a_deleted_session_can_be_sent_to_its_successor(api: Api) -> None:
    """An append is a retry only within one session: a successor of the same id gets its own."""
    session = api.create("s")
    fields: dict[str, Any] = {"rawEvent": {"id": "e"}, "actions": {"stateDelta": {"a": 1}}}
    api.append(session, **fields)
    api.ok("DELETE", session)
    api.create("s")
    assert api.append(session, **fields).status == 200
    assert len(api.ok("GET", f"{session}/events")["sessionEvents"]) == 1
    assert api.state(session) == {"a": 1}


def test_a_location_level_delete_takes_the_one_session_of_that_id(api: Api) -> None:
    """DELETE `projects/*/locations/*/sessions/*` deletes the one live session of that id."""
    location, number = api.engine.split("/reasoningEngines/")
    session = api.create(f"only-{number}")
    answer = api.ok("DELETE", f"{location}/sessions/only-{number}")
    assert answer["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    assert api.call("GET", session).status == 404
    gone = api.call("DELETE", f"{location}/sessions/only-{number}")
    assert (gone.status, gone.json["error"]["status"]) == (404, "NOT_FOUND")


def test_a_location_level_delete_of_several_sessions_names_their_engines(api: Api) -> None:
    """400 FAILED_PRECONDITION naming the engines when several engines have that id."""
    location, number = api.engine.split("/reasoningEngines/")
    first, first_engine = api.create(f"twice-{number}"), api.engine
    api.engine += "-b"
    second = api.create(f"twice-{number}")
    answer = api.call("DELETE", f"{location}/sessions/twice-{number}")
    assert (answer.status, answer.json["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert first_engine in answer.json["error"]["message"]
    assert api.engine in answer.json["error"]["message"]
    api.ok("DELETE", first)
    api.ok("DELETE", f"{location}/sessions/twice-{number}")
    assert api.call("GET", second).status == 404


def test_a_location_level_delete_stays_in_its_location(api: Api) -> None:
    """Sessions of that id elsewhere do not count."""
    number = api.engine.rpartition("/")[2]
    session = api.create(f"here-{number}")
    for elsewhere in ("projects/test-project/locations/europe-west1", "projects/p2/locations/l"):
        assert api.call("DELETE", f"{elsewhere}/sessions/here-{number}").status == 404
    assert api.call("GET", session).status == 200
