"""What roles see of lists, state and names; who may do what at all is in test_access_matrix."""

from typing import Any

import pytest

from functions.access.access import Access, Grant, Role
from functions.messages.session_event import SessionEvent
from functions.rules.errors import SessionNotFound
from functions.rules.event_rules import new_event
from functions.store import paging
from functions.store.guarded import GuardedStore
from tests.support.api import START, Api
from tests.support.meddling import meddled_store
from tests.support.project import ACROSS_ENGINES, LOCATION
from tests.support.roles import caller
from tests.support.streams import name_of

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
OTHER = "0"
"""Ends the id of a second engine."""


def fill(api: Api, engine: str = "") -> list[str]:
    """Six sessions, three of ada's and three of bob's in turns, the oldest first."""
    names = []
    for number in range(6):
        api.now += 10**9
        user = ("user-ada", "user-bob")[number % 2]
        query = {"sessionId": f"s{number}"}
        path = f"{engine or api.engine}/sessions"
        names.append(api.ok("POST", path, {"userId": user}, **query)["response"]["name"])
    return names


def users_of(items: list[Any]) -> set[str]:
    return {item["userId"] for item in items}


def test_a_user_lists_its_own_sessions_alone(api: Api) -> None:
    """With every filter and order, page by page."""
    fill(api)
    ada = caller(api, "user-ada")
    path = f"{api.engine}/sessions"
    for query in (
        {},
        {"filter": 'user_id="user-ada"'},
        {"filter": 'user_id="user-ada" OR user_id="user-bob"'},
        {"filter": 'user_id!="nobody"'},
        {"filter": "-labels:x"},
        {"orderBy": "create_time"},
    ):
        found = ada.walk(path, "sessions", pageSize="1", **query)
        assert len(found) == 3
        assert users_of(found) == {"user-ada"}


@pytest.mark.parametrize("text", ['user_id="user-bob"', 'user_id="user-bob" AND -labels:x'])
def test_a_filter_for_another_user_finds_nothing_and_tells_nothing(
    api: Api, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that ended early would hold a token with the name of what was looked at last."""
    monkeypatch.setattr(paging, "MAX_SCANNED", 2)
    fill(api)
    found = caller(api, "user-ada").ok("GET", f"{api.engine}/sessions", filter=text, pageSize="1")
    assert found == {}


def test_the_page_token_of_somebody_else_shows_no_more(api: Api) -> None:
    """A token is a place, and grants nothing."""
    fill(api)
    path = f"{api.engine}/sessions"
    token = caller(api, "viewer").ok("GET", path, pageSize="1")["nextPageToken"]
    rest = caller(api, "user-ada").ok("GET", path, pageToken=token)["sessions"]
    assert users_of(rest) == {"user-ada"}
    assert caller(api, "stranger").ok("GET", path, pageToken=token) == {}


def test_an_engine_that_a_caller_may_not_see_looks_empty(api: Api) -> None:
    fill(api)
    path = f"{api.engine}/sessions"
    assert caller(api, "stranger").ok("GET", path) == {}
    answer = caller(api, "stranger", require_engine=True).call("GET", path)
    assert answer.json["error"]["message"] == "The ReasoningEngine does not exist."


def test_engines_are_listed_where_a_caller_has_a_role(api: Api) -> None:
    location = api.engine.partition("/reasoningEngines/")[0]
    names = []
    for number in range(3):
        api.now += 10**9
        body = {"displayName": f"e{number}"}
        made = api.ok("POST", f"{location}/reasoningEngines", body)
        names.append(made["response"]["name"])
    rules = [{"principal": "*", "role": "viewer", "engines": [names[2], names[0], f"{names[0]}9"]}]
    someone = caller(api, "someone", rules)
    listed = someone.walk(f"{location}/reasoningEngines", "reasoningEngines", pageSize="1")
    assert [engine["name"] for engine in listed] == [names[0], names[2]]
    (found,) = someone.walk(
        f"{location}/reasoningEngines", "reasoningEngines", filter='display_name="e2"'
    )
    assert found["name"] == names[2]


def test_a_user_sees_an_engine_without_its_specs(api: Api) -> None:
    """Environment variables and the like are for those who run it."""
    location = api.engine.partition("/reasoningEngines/")[0]
    body = {"displayName": "e", "spec": {"agentFramework": "google-adk"}}
    api.engine = api.ok("POST", f"{location}/reasoningEngines", body)["response"]["name"]
    for name, sees_specs in (("viewer", True), ("user-ada", False)):
        found = caller(api, name).ok("GET", api.engine)
        listed = caller(api, name).ok("GET", f"{location}/reasoningEngines")["reasoningEngines"]
        assert found["displayName"] == "e"
        assert ("spec" in found) is sees_specs
        assert listed == [found]


def test_app_state_is_read_and_not_written_by_users(api: Api) -> None:
    """By none of the three ways in; `user:` state of their own they may write."""
    agent, ada = caller(api, "agent"), caller(api, "user-ada")
    body = {"userId": "user-ada", "sessionState": {"app:motd": "hello", "user:tone": "dry"}}
    session = agent.ok("POST", f"{api.engine}/sessions", body)["response"]["name"]
    assert ada.state(session) == {"app:motd": "hello", "user:tone": "dry"}
    attempts = [
        ada.call("POST", f"{api.engine}/sessions", body),
        ada.call("PATCH", session, {"sessionState": {"app:motd": "bye"}}),
        ada.call("PATCH", f"{session}?updateMask=sessionState.app:motd", {"sessionState": {}}),
        ada.append(session, actions={"stateDelta": {"app:motd": "bye", "x": 1}}),
    ]
    for answer in attempts:
        assert answer.status == 403
        assert "app:motd" in answer.json["error"]["message"]
    assert ada.append(session, actions={"stateDelta": {"user:tone": "warm"}}).status == 200
    assert agent.state(session) == {"app:motd": "hello", "user:tone": "warm"}


def test_writing_app_state_to_somebody_elses_session_is_not_found(api: Api) -> None:
    """403 would say that the session is there."""
    session = api.create(user="user-bob")
    delta = {"actions": {"stateDelta": {"app:x": 1}}}
    answer = caller(api, "user-ada").append(session, **delta)
    assert (answer.status, answer.json["error"]["message"]) == (
        404,
        f"Session {session} not found.",
    )


def test_a_session_that_became_somebody_elses_is_not_found(api: Api) -> None:
    """An id belongs to whoever has the session now."""
    session = api.create("again", user="user-ada")
    ada = caller(api, "user-ada")
    assert ada.append(session).status == 200
    api.ok("DELETE", session)
    api.create("again", user="user-bob")
    assert ada.append(session).status == 404
    assert ada.call("DELETE", session).status == 404
    assert ada.call("GET", f"{session}/events").status == 404
    assert "sessionEvents" not in api.ok("GET", f"{session}/events")


@pytest.mark.parametrize("call", range(1, 6))
def test_an_export_tells_nothing_of_a_session_that_became_somebody_elses(
    api: Api, call: int
) -> None:
    """Whenever that happens, and even where both sessions are of the same microsecond."""
    session = api.create("again", user="user-ada", sessionState={"whose": "of ada"})
    assert api.append(session, invocationId="of ada").status == 200
    ada = caller(api, "user-ada")

    def succeed() -> None:
        api.ok("DELETE", session)
        api.create("again", user="user-bob", sessionState={"whose": "of bob"})
        assert api.append(session, invocationId="of bob").status == 200

    ada.store = meddled_store(api.store, call, succeed)
    text = ada.send("GET", f"{api.engine}:export").get_data(as_text=True)
    assert api.ok("GET", session)["userId"] == "user-bob"
    assert '"end":' in text
    assert "bob" not in text


def test_the_history_of_somebody_elses_session_is_not_found(api: Api) -> None:
    """By the guard itself, whatever has found the session before."""
    session = name_of(api.create(user="user-bob"))
    event, _ = new_event(
        SessionEvent(author="a", invocation_id="i", timestamp=EVENT["timestamp"]), ""
    )
    access = Access({api.engine: Grant(Role.USER, "user-ada")}, None)
    ada = GuardedStore(api.store, access)
    with pytest.raises(SessionNotFound):
        ada.read_history(session, None, api.now)
    with pytest.raises(SessionNotFound):
        ada.add_summary(session, event, api.now)
    assert api.ok("GET", f"{session}/events") == {}


def test_a_user_deletes_its_own_session_by_its_id_alone(api: Api) -> None:
    """Of several sessions of one id, those of others do not count."""
    session_id = f"only-{api.engine.rpartition('/')[2]}"
    mine = api.create(session_id, user="user-ada")
    theirs = f"{api.engine}{OTHER}/sessions"
    api.ok("POST", theirs, {"userId": "user-bob"}, sessionId=session_id)
    short = f"{LOCATION}/sessions/{session_id}"
    assert caller(api, "stranger").call("DELETE", short).status == 404
    assert caller(api, "viewer").call("DELETE", short).status == 403
    assert caller(api, "user-ada").call("DELETE", short).status == 200
    assert api.call("GET", mine).status == 404
    assert api.call("GET", f"{theirs}/{session_id}").status == 200


def across(someone: Api, **query: str) -> list[str]:
    """Who sees which sessions of all engines; others' tests have theirs in the same location."""
    found = someone.walk(ACROSS_ENGINES, "sessions", **query)
    return [item["name"] for item in found]


def test_a_list_over_all_engines_holds_those_of_the_caller(api: Api) -> None:
    """In the order of one list, page by page, whatever its pages' size."""
    other = f"{api.engine}{OTHER}"
    first, second = fill(api), fill(api, other)
    mixed = sorted([*first, *second], key=lambda name: api.ok("GET", name)["createTime"])
    rules = [{"principal": "*", "role": "viewer", "engines": [api.engine, other]}]
    someone = caller(api, "someone", rules)
    for size in ("1", "5", "100"):
        assert across(someone, pageSize=size, orderBy="create_time") == mixed
        assert across(someone, pageSize=size) == mixed[::-1]
    rules[0]["engines"] = [api.engine]
    assert across(caller(api, "someone", rules), pageSize="4") == first[::-1]


def test_a_list_over_all_engines_keeps_its_order_when_pages_end_early(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a page that is used up, nobody knows what the engine has next."""
    monkeypatch.setattr(paging, "MAX_SCANNED", 2)
    other = f"{api.engine}{OTHER}"
    first, second = fill(api), fill(api, other)
    rules = [{"principal": "*", "role": "viewer", "engines": [api.engine, other]}]
    someone = caller(api, "someone", rules)
    assert across(someone, orderBy="create_time") == [*first, *second]
    bobs = [name for number, name in enumerate([*first, *second]) if number % 2]
    for _ in range(4):
        api.now += 10**9
        api.ok("POST", f"{other}/sessions", {"userId": "user-ada"})
    someone.now = api.now
    assert across(someone, filter='user_id!="user-ada"') == bobs[::-1]


def test_a_list_over_all_engines_holds_a_users_own_sessions(api: Api) -> None:
    user = f"user-{api.engine.rpartition('/')[2]}"
    mine = [api.create(user=user), api.create(user=user)]
    api.create(user="user-bob")
    rules = [{"principal": "*", "role": "user"}]
    assert sorted(across(caller(api, user, rules), pageSize="1")) == sorted(mine)
    assert caller(api, "stranger").ok("GET", ACROSS_ENGINES) == {}


def test_a_walk_over_all_engines_goes_on_after_others_wrote(api: Api) -> None:
    """What stays is seen exactly once."""
    other = f"{api.engine}{OTHER}"
    names = [*fill(api), *fill(api, other)]
    rules = [{"principal": "*", "role": "viewer", "engines": [api.engine, other]}]
    someone = caller(api, "someone", rules)
    page = someone.ok("GET", ACROSS_ENGINES, pageSize="5")
    for name in names[::4]:
        api.now += 10**9
        assert api.append(name).status == 200
    someone.now = api.now
    rest = someone.ok("GET", ACROSS_ENGINES, pageSize="100", pageToken=page["nextPageToken"])
    seen = [item["name"] for item in [*page["sessions"], *rest["sessions"]]]
    assert sorted(seen) == sorted(names)


def test_roles_that_differ_are_listed_engine_by_engine(api: Api) -> None:
    rules = [
        {"principal": "*", "role": "viewer", "engines": [api.engine]},
        {"principal": "*", "role": "user"},
    ]
    assert caller(api, "someone", rules).call("GET", ACROSS_ENGINES).status == 403


def test_an_append_that_may_create_creates_for_oneself_alone(api: Api) -> None:
    """`allowMissing` goes around nothing."""
    path = f"{api.engine}/sessions/new:appendEvent?allowMissing=true&userId="
    assert caller(api, "viewer").call("POST", f"{path}user-ada", EVENT).status == 403
    assert caller(api, "stranger").call("POST", f"{path}stranger", EVENT).status == 404
    ada = caller(api, "user-ada")
    assert ada.call("POST", f"{path}user-bob", EVENT).status == 403
    assert api.call("GET", f"{api.engine}/sessions/new").status == 404
    assert ada.ok("POST", f"{path}user-ada", EVENT)["session"]["userId"] == "user-ada"


@pytest.mark.parametrize("session", ["new", "-"])
def test_a_refused_append_that_may_create_leaves_no_session_behind(api: Api, session: str) -> None:
    """Users do not write app state: 403 before anything is created."""
    path = f"{api.engine}/sessions/{session}:appendEvent?allowMissing=true&userId=user-ada"
    event = {**EVENT, "actions": {"stateDelta": {"app:motd": "bye"}}}
    for _ in range(2):
        assert caller(api, "user-ada").call("POST", path, event).status == 403
        assert api.ok("GET", f"{api.engine}/sessions") == {}


def test_an_append_that_may_create_says_at_once_that_the_session_is_anothers(api: Api) -> None:
    """To users in the words that everybody reads: 400, and never "Try again"."""
    session = api.create("taken", user="user-bob")
    path = f"{session}:appendEvent?allowMissing=true&userId=user-ada"
    for name in ("user-ada", "agent", "admin"):
        answer = caller(api, name).call("POST", path, EVENT)
        assert answer.status == 400
        assert "belongs to another user" in answer.json["error"]["message"]
    assert api.ok("GET", f"{session}/events") == {}


def test_the_purge_is_for_the_account_of_the_settings_alone(api: Api) -> None:
    """Not for admins, and for that account whatever the policy says of it."""
    account = {"purge_account": "scheduler@example.com"}
    for query in ("", "?dryRun=true"):
        purge = ("POST", f"sessions:purgeExpired{query}")
        assert caller(api, "admin", **account).call(*purge).status == 403
        assert caller(api, "scheduler", **account).call(*purge).status == 200
        assert caller(api, "scheduler").call(*purge).status == 403


def test_the_first_rule_that_fits_decides(api: Api) -> None:
    session = api.create(user="user-bob")
    rules = [
        {"principal": "claim:app=chat", "role": "user", "engines": [api.engine]},
        {"principal": "*", "role": "admin"},
    ]
    assert caller(api, "user-ada", rules).call("GET", session).status == 404
    assert caller(api, "user-ada", rules[::-1]).call("GET", session).status == 200
    assert caller(api, "someone", rules).call("GET", session).status == 200


def test_a_user_without_the_claim_has_no_session(api: Api) -> None:
    """A rule that fits decides, also where it gives nothing."""
    session = api.create(user="user-ada")
    rules = [
        {"principal": "*", "role": "user", "userIdClaim": "uid", "engines": [api.engine]},
        {"principal": "*", "role": "admin"},
    ]
    assert caller(api, "user-ada", rules).call("GET", session).status == 404
    assert caller(api, "user-ada", rules).ok("GET", f"{api.engine}/sessions") == {}


def test_an_expired_session_is_as_gone_for_its_user_as_for_all(api: Api) -> None:
    session = api.create(user="user-ada")
    ada = caller(api, "user-ada")
    ada.now = START + 366 * 86400 * 10**9
    assert ada.call("GET", session).status == 404
    assert ada.append(session).status == 404
