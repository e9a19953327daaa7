"""State deltas and the scopes of state.

See docs/contract.md, section 5.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, Api


def delta(api: Api, session: str, **changes: Any) -> int:
    """Appends an event with a state delta; `app_x` stands for `app:x`."""
    renamed = {key.replace("_", ":", 1): value for key, value in changes.items()}
    return api.append(session, actions={"stateDelta": renamed}).status


def test_a_delta_merges_by_top_level_key(api: Api) -> None:
    """`stateDelta` merges into sessionState by top-level key: values are replaced whole."""
    session = api.create(sessionState={"a": {"x": 1}, "b": 2})
    delta(api, session, a={"y": 1}, c=[3])
    assert api.state(session) == {"a": {"y": 1}, "b": 2, "c": [3]}


@pytest.mark.parametrize("value", [None, 0, "", False, [], {}, [None], 1.5, 2**70, "\x00\u2028é😀"])
def test_any_json_value_can_be_state(api: Api, value: Any) -> None:
    """A null is stored as null, and what is empty stays."""
    session = api.create(sessionState={"k": "before"})
    delta(api, session, k=value)
    assert api.state(session) == {"k": value}
    assert type(api.state(session)["k"]) is type(value)


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "a.b",
        "a`b",
        "`",
        "\\",
        '"',
        "__x__",
        "é",
        "😀",
        "\x00",
        "~",
        "app",
        "tempo",
        "k" * 2000,
    ],
)
def test_any_text_can_be_a_key(api: Api, key: str) -> None:
    """Empty keys, `__x__` keys and unicode come back as sent, from create and from a delta."""
    session = api.create(sessionState={key: 1, "plain": 0})
    api.append(session, actions={"stateDelta": {key: 2}})
    api.append(session, actions={"stateDelta": {f"app:{key}": 3, f"user:{key}": 4}})
    assert api.state(session) == {key: 2, "plain": 0, f"app:{key}": 3, f"user:{key}": 4}


def test_a_session_without_state_gets_it_from_its_first_delta(api: Api) -> None:
    """An append to a session that never had state gives it some."""
    session = api.create()
    assert api.state(session) is None
    delta(api, session, a=1)
    assert api.state(session) == {"a": 1}


def test_app_state_is_shared_by_the_engine(api: Api) -> None:
    """`app:*` keys are shared by the engine, over all users, and stay inside it."""
    first, second = api.create(user="u1"), api.create(user="u2")
    delta(api, first, app_a=1, own=1)
    delta(api, second, app_b=2)
    assert api.state(first) == {"own": 1, "app:a": 1, "app:b": 2}
    assert api.state(second) == {"app:a": 1, "app:b": 2}
    api.engine += "0"
    assert api.state(api.create(user="u1")) is None


def test_user_state_is_shared_by_engine_and_user(api: Api) -> None:
    """`user:*` keys are shared by (engine, userId)."""
    first, same, other = api.create(user="u1"), api.create(user="u1"), api.create(user="u2")
    delta(api, first, user_a=1)
    assert api.state(same) == {"user:a": 1}
    assert api.state(other) is None
    api.engine += "0"
    assert api.state(api.create(user="u1")) is None


@pytest.mark.parametrize(
    "users",
    [("a/b", "a"), ("", "x"), ("U", "u"), ("é", "e\u0301"), ("a" * 1000, "a" * 999), ("..", ".")],
)
def test_user_ids_of_any_text_are_told_apart(api: Api, users: tuple[str, str]) -> None:
    """A user id may be any text; no two share state."""
    names = [api.create(user=user or "y") for user in users]
    delta(api, names[0], user_a=1)
    assert api.state(names[0]) == {"user:a": 1}
    assert api.state(names[1]) is None


def test_shared_state_is_merged_into_get_list_and_creates_response(api: Api) -> None:
    """Merged into every sessionState on get, list and create's response."""
    delta(api, api.create("s1"), app_a=1, user_b=2)
    body = {"userId": "u", "sessionState": {"own": 3}}
    created = api.ok("POST", f"{api.engine}/sessions", body, sessionId="s2")["response"]
    expected = {"own": 3, "app:a": 1, "user:b": 2}
    assert created["sessionState"] == expected
    assert api.state(created["name"]) == expected
    listed = api.ok("GET", f"{api.engine}/sessions", filter='user_id="u"')["sessions"]
    states = {session["name"][-2:]: session["sessionState"] for session in listed}
    assert states == {"s1": {"app:a": 1, "user:b": 2}, "s2": expected}


def test_shared_state_is_seeded_from_creates_session_state(api: Api) -> None:
    """Seeded from create's sessionState, too; a second create overwrites by key."""
    first = api.create(sessionState={"app:a": 1, "user:b": 2, "c": 3})
    second = api.create(sessionState={"app:a": 9})
    assert api.state(first) == {"app:a": 9, "user:b": 2, "c": 3}
    assert api.state(second) == {"app:a": 9, "user:b": 2}


def test_shared_state_outlives_every_session(api: Api) -> None:
    """app: and user: state survive the deletion of all sessions."""
    session = api.create(sessionState={"app:a": 1, "user:b": None, "c": 3})
    api.ok("DELETE", session)
    assert api.ok("GET", f"{api.engine}/sessions") == {}
    assert api.state(api.create()) == {"app:a": 1, "user:b": None}


def test_temporary_state_stays_in_its_event(api: Api) -> None:
    """`temp:*` stays in the stored event's stateDelta and never enters sessionState."""
    session = api.create(sessionState={"temp:a": 1, "b": 2})
    assert api.state(session) == {"b": 2}
    api.append(session, actions={"stateDelta": {"temp:c": 3, "app:d": 4, "user:e": 5, "f": 6}})
    assert api.state(session) == {"b": 2, "f": 6, "app:d": 4, "user:e": 5}
    (event,) = api.ok("GET", f"{session}/events")["sessionEvents"]
    assert event["actions"]["stateDelta"] == {"temp:c": 3, "app:d": 4, "user:e": 5, "f": 6}


def test_a_delta_of_shared_keys_only_still_moves_the_update_time(api: Api) -> None:
    """The updateTime becomes the server's now on every append; the other sessions' stay."""
    session, other = api.create(), api.create()
    api.now += SECOND
    delta(api, session, app_a=1, user_b=1)
    assert api.ok("GET", session)["updateTime"] == "2026-11-22T00:00:01Z"
    assert api.ok("GET", other)["updateTime"] == "2026-11-22T00:00:00Z"


@pytest.mark.parametrize("end", ["deleted", "expired", "never made"])
@pytest.mark.parametrize("scope", ["app", "user"])
def test_an_append_to_a_session_that_is_gone_changes_no_shared_state(
    api: Api, scope: str, end: str
) -> None:
    """404, and neither app: nor user: state moves."""
    api.settings = replace(api.settings, min_ttl=0)
    witness = api.create(sessionState={"app:k": 1, "user:k": 1})
    session = f"{api.engine}/sessions/gone"
    if end != "never made":
        api.create("gone", ttl="10s")
    if end == "deleted":
        api.ok("DELETE", session)
    api.now += 10 * SECOND
    answer = api.append(session, actions={"stateDelta": {f"{scope}:k": 2, f"{scope}:new": 3}})
    assert answer.status == 404
    assert api.state(witness) == {"app:k": 1, "user:k": 1}


def test_a_replaced_session_state_keeps_shared_keys(api: Api) -> None:
    """Replacing sessionState whole concerns the session's own keys: shared ones are merged."""
    session = api.create(sessionState={"a": 1, "app:b": 2, "user:c": 3})
    answer = api.ok("PATCH", session, {"sessionState": {"d": 4, "app:e": 5}})
    assert answer["sessionState"] == {"d": 4, "app:b": 2, "app:e": 5, "user:c": 3}
