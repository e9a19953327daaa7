"""How long sessions live, and that an expired one is gone.

See docs/contract.md, sections 4 and 6.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, START, Api

DAY = 86_400 * SECOND


def any_life(api: Api) -> None:
    """Lets sessions live as short as a test likes."""
    api.settings = replace(api.settings, min_ttl=0)


def test_an_expired_session_is_gone_for_every_method(api: Api) -> None:
    """A session ends exactly at its expire_time, whether or not anything purged it."""
    any_life(api)
    location, number = api.engine.split("/reasoningEngines/")
    session = api.create(f"gone-{number}", ttl="1s")
    api.now += SECOND - 1000
    assert api.call("GET", session).status == 200
    api.now += 1000
    for verb, path, body in (
        ("GET", session, None),
        ("PATCH", session, {"displayName": "x", "ttl": "9s"}),
        ("DELETE", session, None),
        ("DELETE", f"{location}/sessions/gone-{number}", None),
        ("GET", f"{session}/events", None),
    ):
        answer = api.call(verb, path, body)
        assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")
        if path.startswith(session):
            assert answer.json["error"]["message"] == f"Session {session} not found."
    assert api.append(session).status == 404
    assert api.append(session, rawEvent={"id": "e"}).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}


def test_an_expired_session_stays_gone_when_the_clock_goes_back(api: Api) -> None:
    """What was refused after the end left nothing behind that a slower server could see."""
    any_life(api)
    session = api.create("s", ttl="10s", sessionState={"a": 1})
    before = api.ok("GET", session)
    api.now += 10 * SECOND
    assert api.call("PATCH", session, {"ttl": "9s"}).status == 404
    assert api.call("DELETE", session).status == 404
    api.now -= SECOND
    assert api.ok("GET", session) == before


@pytest.mark.parametrize("order", ["", "update_time", "create_time", "create_time desc"])
def test_expired_sessions_are_hidden_from_lists(api: Api, order: str) -> None:
    """Hidden from lists in every order and from every page."""
    any_life(api)
    for number in range(9):
        api.create(f"s{number}", ttl="10s" if number % 3 else "20s")
    query = {"orderBy": order} if order else {}
    api.now += 10 * SECOND
    for extra in ({}, {"pageSize": 1}, {"filter": "user_id=u"}):
        found = api.walk(f"{api.engine}/sessions", "sessions", **query, **extra)
        assert sorted(item["name"][-2:] for item in found) == ["s0", "s3", "s6"]


@pytest.mark.parametrize("events", [1, 450])
def test_an_id_can_be_used_again_after_the_end(api: Api, events: int) -> None:
    """A session that is created again under an expired id starts with no events and no state."""
    any_life(api)
    fields: dict[str, Any] = {"displayName": "old", "labels": {"k": "v"}}
    session = api.create("s", ttl="10s", sessionState={"a": 1, "app:b": 2}, **fields)
    for _ in range(events):
        assert api.append(session, actions={"stateDelta": {"c": 3}}).status == 200
    api.now += 10 * SECOND
    assert api.append(session, actions={"stateDelta": {"d": 4}}).status == 404
    assert api.create("s", user="other") == session
    found = api.ok("GET", session)
    assert (found["userId"], found["sessionState"]) == ("other", {"app:b": 2})
    assert not found.keys() & {"displayName", "labels"}
    assert api.ok("GET", f"{session}/events") == {}


def test_an_append_does_not_extend_a_life(api: Api) -> None:
    """Append does not extend it."""
    any_life(api)
    session = api.create(ttl="10s")
    api.now += 9 * SECOND
    assert api.append(session).status == 200
    assert api.ok("GET", session)["expireTime"] == "2026-11-22T00:00:10Z"
    api.now += SECOND
    assert api.call("GET", session).status == 404


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ({}, "2027-11-22T00:00:00Z"),
        ({"ttl": "86400s"}, "2026-11-23T00:00:00Z"),
        ({"ttl": "86400.5s"}, "2026-11-23T00:00:00.500Z"),
        ({"ttl": "86400.000000001s"}, "2026-11-23T00:00:00.000000001Z"),
        ({"expireTime": "2026-11-23T00:00:00Z"}, "2026-11-23T00:00:00Z"),
        ({"expire_time": "2026-11-23T02:00:00.123456+01:00"}, "2026-11-23T01:00:00.123456Z"),
        ({"expireTime": "9999-12-31T23:59:59.999999999Z"}, "9999-12-31T23:59:59.999999999Z"),
        ({"ttl": None, "expireTime": None}, "2027-11-22T00:00:00Z"),
    ],
    ids=str,
)
def test_a_life_can_be_chosen(api: Api, life: dict[str, str], expected: str) -> None:
    """`expireTime` is always on output; `ttl` is input-only; 365 days by default."""
    found = api.ok("GET", api.create(**life))
    assert found["expireTime"] == expected
    assert "ttl" not in found


@pytest.mark.parametrize(
    ("life", "sent"),
    [
        ({"ttl": "86399s"}, "86399s"),
        ({"ttl": "86399.999999999s"}, "86399.999999999s"),
        ({"ttl": "7200s"}, "7200s"),
        ({"ttl": "0s"}, "0s"),
        ({"ttl": "-86400s"}, "-86400s"),
        ({"expireTime": "2026-11-22T23:59:59.999999999Z"}, "2026-11-22T23:59:59.999999999Z"),
    ],
    ids=str,
)
def test_a_life_under_24_hours_is_refused(api: Api, life: dict[str, str], sent: str) -> None:
    """Minimum 24 h from creation, else 400 naming the minimum and what was sent."""
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u", **life})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "86400s" in answer.json["error"]["message"]
    assert sent in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "life",
    [
        {"ttl": "90000s", "expireTime": "2030-01-01T00:00:00Z"},
        {"expireTime": "2026-11-22T00:00:00Z"},
        {"expireTime": "0001-01-01T00:00:00Z"},
        {"ttl": "315576000000s"},
        {"ttl": "86400"},
        {"ttl": 86400},
        {"expireTime": "10000-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_a_life_that_makes_no_sense_is_refused(api: Api, life: dict[str, Any]) -> None:
    """Both ttl and expireTime, or an expireTime in the past: 400."""
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u", **life})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "life", [{"ttl": "0s"}, {"ttl": "-1s"}, {"expireTime": "2026-11-22T00:00:00Z"}], ids=str
)
def test_a_life_of_nothing_is_refused_even_without_a_least_life(
    api: Api, life: dict[str, str]
) -> None:
    """With MIN_TTL=0s a session must still end in the future."""
    any_life(api)
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u", **life})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_the_least_life_is_a_setting(api: Api) -> None:
    """`MIN_TTL`: the floor is a setting, exact to the nanosecond."""
    api.settings = replace(api.settings, min_ttl=7200 * SECOND)
    api.create(ttl="7200s")
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u", "ttl": "7199.9s"})
    assert answer.status == 400
    assert "7200s" in answer.json["error"]["message"]


def test_the_end_is_exact_to_the_microsecond(api: Api) -> None:
    """A session lives until its expire_time, also where that has nanoseconds."""
    any_life(api)
    session = api.create(ttl="1.000000001s")
    api.now = START + SECOND
    assert api.call("GET", session).status == 200
    api.now += 1000
    assert api.call("GET", session).status == 404


def test_an_updated_life_moves_the_end(api: Api) -> None:
    """A session may be given more time, or less."""
    any_life(api)
    session = api.create(ttl="10s")
    api.ok("PATCH", session, {"ttl": "20s"})
    api.now += 15 * SECOND
    assert api.append(session).status == 200
    api.ok("PATCH", session, {"ttl": "1s"})
    api.now += SECOND
    assert api.append(session).status == 404
    assert api.call("GET", session).status == 404
