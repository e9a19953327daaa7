"""Rewinds: one event takes the state back to the moment before an invocation.

See docs/fork-and-rewind.md.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api


def add(api: Api, session: str, invocation: str, delta: Any = None, **fields: Any) -> None:
    actions = {} if delta is None else {"actions": {"stateDelta": delta}}
    answer = api.append(session, invocationId=invocation, **{**actions, **fields})
    assert answer.status == 200, answer.text


def rewind(api: Api, session: str, before: str, **query: Any) -> Any:
    return api.ok("POST", f"{session}:rewind", {"beforeInvocationId": before}, **query)


def events(api: Api, session: str) -> list[Any]:
    return api.walk(f"{session}/events", "sessionEvents")


def test_a_rewind_appends_one_event_and_takes_the_state_back(api: Api) -> None:
    """Set again what was set, gone what was not there; null and what creation gave are kept."""
    session = api.create(sessionState={"given": 1, "null": None, "same": 0})
    add(api, session, "i1", {"a": 1, "given": 2})
    add(api, session, "i2", {"a": 2, "b": 2, "null": 1})
    before = events(api, session)
    api.now += SECOND
    answer = rewind(api, session, "i2")
    assert answer["sessionState"] == {"given": 2, "null": None, "same": 0, "a": 1}
    assert answer == api.ok("GET", session)
    *others, event = events(api, session)
    assert others == before
    raw = event.pop("rawEvent")
    assert event["actions"] == {"stateDelta": {"a": 1, "null": None}}
    assert event["author"] == "user"
    assert event["timestamp"] == answer["updateTime"]
    assert raw == {
        "id": raw["id"],
        "author": "user",
        "invocationId": event["invocationId"],
        "timestamp": api.now / SECOND,
        "actions": {
            "stateDelta": {"a": 1, "b": None, "null": None},
            "rewindBeforeInvocationId": "i2",
        },
    }
    assert raw["id"] == event["name"].rpartition("/")[2]


def test_a_rewind_to_the_start_leaves_what_creation_and_patches_gave(api: Api) -> None:
    """A patch before the first event counts as what was there then; one after it does not."""
    session = api.create(sessionState={"given": 1})
    api.ok("PATCH", session, {"sessionState": {"patched": 1}}, updateMask="sessionState.patched")
    add(api, session, "i1", {"given": 2})
    api.ok("PATCH", session, {"sessionState": {"late": 1}}, updateMask="sessionState")
    assert rewind(api, session, "i1")["sessionState"] == {"given": 1, "patched": 1}


def test_a_rewind_is_itself_undone_by_a_rewind(api: Api) -> None:
    """Before the first rewind, the keys were there that it removed, and so on and so forth."""
    session = api.create(sessionState={"a": 0})
    add(api, session, "i1", {"a": 1, "b": 1})
    rewind(api, session, "i1")
    assert api.state(session) == {"a": 0}
    first = events(api, session)[-1]["invocationId"]
    assert rewind(api, session, first)["sessionState"] == {"a": 1, "b": 1}
    second = events(api, session)[-1]["invocationId"]
    assert rewind(api, session, second)["sessionState"] == {"a": 0}
    add(api, session, "i2", {"c": 1})
    assert rewind(api, session, "i2")["sessionState"] == {"a": 0}


def test_a_fork_through_a_rewind_has_the_state_that_the_rewind_made(api: Api) -> None:
    """The keys that it removed are gone right after it, and were there right before it."""
    session = api.create()
    add(api, session, "i1", {"a": 1})
    add(api, session, "i2", {"a": 2, "b": 2})
    rewind(api, session, "i2")
    event = events(api, session)[-1]
    add(api, session, "i3", {"b": 3})
    body = {"throughEvent": event["name"]}
    through = api.ok("POST", f"{session}:fork", body)["response"]
    assert through["sessionState"] == {"a": 1}
    body = {"beforeInvocationId": event["invocationId"]}
    before = api.ok("POST", f"{session}:fork", body)["response"]
    assert before["sessionState"] == {"a": 2, "b": 2}
    again = api.ok(
        "POST",
        f"{through['name']}:fork",
        {"throughEvent": events(api, through["name"])[-1]["name"].rpartition("/")[2]},
    )
    assert again["response"]["sessionState"] == {"a": 1}


def test_the_first_event_of_an_invocation_is_the_one_that_arrived_first(api: Api) -> None:
    """Times do not count."""
    session = api.create()
    add(api, session, "i1", {"a": 1}, time="2026-01-03T00:00:00Z")
    add(api, session, "i2", {"a": 2}, time="2026-01-02T00:00:00Z")
    add(api, session, "i1", {"a": 3}, time="2026-01-01T00:00:00Z")
    assert rewind(api, session, "i2")["sessionState"] == {"a": 1}


def test_the_event_of_a_rewind_is_the_last_of_the_list(api: Api) -> None:
    """Whatever the clocks of clients: its time is the newest event's, if that is later than now."""
    session = api.create()
    add(api, session, "i1", {"a": 1}, time="2199-01-01T00:00:00.123456789Z")
    rewind(api, session, "i1")
    last = events(api, session)[-1]
    assert last["timestamp"] == "2199-01-01T00:00:00.123456789Z"
    assert last["rawEvent"]["actions"]["rewindBeforeInvocationId"] == "i1"


def test_state_of_the_user_and_the_app_stays(api: Api) -> None:
    """Others share it."""
    session = api.create(sessionState={"user:u": 1})
    add(api, session, "i1", {"app:a": 1, "user:u": 2, "own": 1})
    assert rewind(api, session, "i1")["sessionState"] == {"app:a": 1, "user:u": 2}


def test_a_rewind_sent_again_appends_nothing(api: Api) -> None:
    """With the same requestId; without one, a second rewind is another event."""
    session = api.create()
    add(api, session, "i1", {"a": 1})
    first = rewind(api, session, "i1", requestId="r")
    add(api, session, "i2", {"b": 1})
    assert rewind(api, session, "i1", requestId="r")["sessionState"] == {"b": 1}
    assert len(events(api, session)) == 3
    assert first.get("sessionState", {}) == {}
    rewind(api, session, "i1")
    rewind(api, session, "i2", requestId="r")
    assert len(events(api, session)) == 5


def test_an_unknown_invocation_is_not_found(api: Api) -> None:
    """And nothing is appended."""
    session = api.create()
    add(api, session, "i1")
    answer = api.call("POST", f"{session}:rewind", {"beforeInvocationId": "i2"})
    assert answer.status == 404
    assert answer.json["error"]["message"] == (
        f"Session {session} has no event of invocation 'i2'."
    )
    assert len(events(api, session)) == 1


@pytest.mark.parametrize("body", [{}, {"beforeInvocationId": ""}, {"odd": 1}], ids=str)
def test_a_rewind_says_before_which_invocation(api: Api, body: Any) -> None:
    """A body without it is refused before the session is looked for."""
    answer = api.call("POST", f"{api.engine}/sessions/none:rewind", body)
    assert answer.status == 400


def test_what_is_gone_is_not_rewound(api: Api) -> None:
    """A deleted session is not found."""
    session = api.create()
    add(api, session, "i1")
    api.ok("DELETE", session)
    answer = api.call("POST", f"{session}:rewind", {"beforeInvocationId": "i1"})
    assert answer.status == 404
    assert f"Session {session} not found." in answer.text


def test_a_rewind_of_a_session_that_has_changed_is_refused(api: Api) -> None:
    """With an etag that is no longer current nothing happens; a retry is met before."""
    session = api.create()
    add(api, session, "i1", {"a": 1})
    etag = api.ok("GET", session, view="FULL")["etag"]
    add(api, session, "i2", {"a": 2})
    body = {"beforeInvocationId": "i2"}
    assert api.call("POST", f"{session}:rewind", body, etag=etag).status == 409
    assert len(events(api, session)) == 2
    etag = api.ok("GET", session, view="FULL")["etag"]
    for _ in range(2):
        answer = api.call("POST", f"{session}:rewind", body, etag=etag, requestId="r")
        assert answer.status == 200
    assert len(events(api, session)) == 3
