"""App and user state without a session. See docs/state-and-users.md."""

import json
from typing import Any

import pytest

from functions.rules.names import spell
from tests.support.api import SECOND, Api
from tests.support.roles import caller

KINDS = ("app", "user")
ODD_USERS = ("ada", "a/b", "é ü", "~41", "-", "x:y", "__u__", "a%2Fb")


def path(api: Api, kind: str, user: str = "u") -> str:
    return f"{api.engine}/state" if kind == "app" else f"{api.engine}/users/{spell(user)}/state"


@pytest.mark.parametrize("kind", KINDS)
def test_state_that_nobody_wrote_is_empty(api: Api, kind: str) -> None:
    """Not 404: every engine and every user may have state."""
    name = path(api, kind)
    assert api.ok("GET", name) == {"name": name, "state": {}}


@pytest.mark.parametrize("kind", KINDS)
def test_state_has_the_keys_of_sessions_without_their_prefix(api: Api, kind: str) -> None:
    """What sessions write is read here, and the other way round."""
    session = api.create(sessionState={f"{kind}:a": {"b": [1, None]}, f"{kind}:": 2, "own": 3})
    assert api.ok("GET", path(api, kind))["state"] == {"a": {"b": [1, None]}, "": 2}
    api.append(session, actions={"stateDelta": {f"{kind}:c": 12345678901234567890}})
    changed = api.ok("PATCH", path(api, kind), {"state": {"a": 4}}, updateMask="state.a")
    assert changed["state"] == {"a": 4, "": 2, "c": 12345678901234567890}
    assert api.state(session) == {
        **{f"{kind}:{key}": value for key, value in changed["state"].items()},
        "own": 3,
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mask", "body", "expected"),
    [
        (None, {"state": {"x": 1}}, {"x": 1}),
        (None, {"state": {}}, {}),
        (None, {}, {"a": 1, "b.c": 2}),
        ("state", {"state": {"x": 1}}, {"x": 1}),
        ("state", {}, {}),
        ("*", {"state": {"x": 1}}, {"x": 1}),
        ("state.a", {"state": {"a": 5, "x": 1}}, {"a": 5, "b.c": 2}),
        ("state.a,state.x", {"state": {"x": None}}, {"x": None, "b.c": 2}),
        ("state.b.c", {}, {"a": 1}),
        ("state.`b.c`", {"state": {"b.c": 0}}, {"a": 1, "b.c": 0}),
    ],
)
def test_the_mask_says_which_keys_change(
    api: Api, kind: str, mask: str | None, body: Any, expected: Any
) -> None:
    """As for sessionState; without a mask, a state in the body replaces all of it."""
    name = path(api, kind)
    api.ok("PATCH", name, {"state": {"a": 1, "b.c": 2}})
    query = {} if mask is None else {"updateMask": mask}
    assert api.ok("PATCH", name, body, **query)["state"] == expected
    assert api.ok("GET", name)["state"] == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("name", "updateMask names an output-only field: 'name'."),
        ("updateTime", "updateMask names an output-only field: 'updateTime'."),
        ("sessionState", "updateMask names an unknown field: 'sessionState'."),
    ],
)
def test_a_path_that_cannot_change_is_named(api: Api, kind: str, mask: str, message: str) -> None:
    """400, and nothing changes."""
    answer = api.call("PATCH", path(api, kind), {"state": {"a": 1}}, updateMask=mask)
    assert answer.status == 400
    assert answer.json["error"]["message"] == message
    assert api.ok("GET", path(api, kind))["state"] == {}


@pytest.mark.parametrize("kind", KINDS)
def test_each_write_of_state_moves_its_update_time_forward(api: Api, kind: str) -> None:
    """By whichever way; a write of other state leaves it."""
    name, times = path(api, kind), []
    session = api.create()
    assert "updateTime" not in api.ok("GET", name)
    writes = [
        lambda: api.ok("PATCH", name, {"state": {"a": 1}}),
        lambda: api.append(session, actions={"stateDelta": {f"{kind}:b": 1}}),
        lambda: api.ok("PATCH", session, {"sessionState": {f"{kind}:c": 1}}),
        lambda: api.create(sessionState={f"{kind}:d": 1}),
    ]
    for write in writes:
        api.now += SECOND
        write()
        times.append(api.ok("GET", name)["updateTime"])
        others = {"app:z": 1, "user:z": 1, "z": 1}
        del others[f"{kind}:z"]
        api.now += SECOND
        api.append(session, actions={"stateDelta": others})
        assert api.ok("GET", name)["updateTime"] == times[-1]
    assert times == sorted(set(times))


@pytest.mark.parametrize("user", ODD_USERS)
def test_a_user_id_may_be_anything(api: Api, user: str) -> None:
    """Its name spells it as names of runs spell invocation ids."""
    session = api.create(user=user, sessionState={"user:k": user})
    name = path(api, "user", user)
    assert api.ok("GET", name) | {"updateTime": ""} == {
        "name": name,
        "state": {"k": user},
        "updateTime": "",
    }
    api.ok("PATCH", name, {"state": {"k": 1}})
    assert api.state(session) == {"user:k": 1}


def test_state_is_that_of_one_user_in_one_engine(api: Api) -> None:
    """Other users and other engines keep theirs."""
    api.ok("PATCH", path(api, "user"), {"state": {"a": 1}})
    other = Api(api.store, f"{api.engine}0", api.now)
    for name in (path(api, "user", "v"), path(other, "user"), path(api, "app"), path(other, "app")):
        assert api.ok("GET", name)["state"] == {}


@pytest.mark.parametrize("kind", KINDS)
def test_state_outlives_every_session(api: Api, kind: str) -> None:
    session = api.create(sessionState={f"{kind}:a": 1})
    api.ok("DELETE", session)
    assert api.ok("GET", path(api, kind))["state"] == {"a": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_too_much_state_is_refused_and_changes_nothing(api: Api, kind: str) -> None:
    """One change, or what it adds to."""
    name = path(api, kind)
    half = "x" * 500_000
    assert api.call("PATCH", name, {"state": {"a": 2 * half}}).status == 400
    api.ok("PATCH", name, {"state": {"a": half}})
    answer = api.call("PATCH", name, {"state": {"b": half}}, updateMask="state.b")
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("State is limited to")
    assert list(api.ok("GET", name)["state"]) == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_state_of_a_missing_engine_is_refused_where_engines_must_exist(api: Api, kind: str) -> None:
    """As sessions are; the state is empty for readers."""
    strict = caller(api, "admin", require_engine=True)
    answer = strict.call("PATCH", path(api, kind), {"state": {"a": 1}})
    assert answer.json["error"]["message"] == "The ReasoningEngine does not exist."
    assert strict.ok("GET", path(api, kind))["state"] == {}


@pytest.mark.parametrize("kind", KINDS)
def test_state_of_a_deleted_engine_is_gone(api: Api, kind: str) -> None:
    location = api.engine.partition("/reasoningEngines/")[0]
    api.engine = api.ok("POST", f"{location}/reasoningEngines", {})["response"]["name"]
    api.ok("PATCH", path(api, kind), {"state": {"a": 1}})
    api.ok("DELETE", api.engine, force="true")
    assert api.ok("GET", path(api, kind))["state"] == {}


def test_a_user_reads_app_state_and_has_its_own(api: Api) -> None:
    """It writes no app state, and reaches no state of another user."""
    ada = caller(api, "user-ada")
    api.ok("PATCH", path(api, "app"), {"state": {"motd": "hi"}})
    assert ada.ok("GET", path(api, "app"))["state"] == {"motd": "hi"}
    assert ada.call("PATCH", path(api, "app"), {"state": {}}).status == 403
    ada.ok("PATCH", path(api, "user", "user-ada"), {"state": {"k": 1}})
    assert api.ok("GET", path(api, "user", "user-ada"))["state"] == {"k": 1}
    for verb, body in (("GET", None), ("PATCH", {"state": {}})):
        assert ada.call(verb, path(api, "user", "user-bob"), body).status == 403


def test_keys_of_a_state_are_any_text(api: Api) -> None:
    """They come back as sent, in the order of their JSON texts."""
    keys = ["", "a.b", "__x__", "`", "~", 'q"', "\\", "é", "x" * 300, "app:a", "temp:t"]
    state = {key: number for number, key in enumerate(keys)}
    for kind in KINDS:
        answer = api.call("PATCH", path(api, kind), {"state": state})
        assert answer.json["state"] == state
        by_text = sorted(keys, key=lambda key: json.dumps(key, ensure_ascii=False))
        assert list(json.loads(answer.text)["state"]) == by_text
