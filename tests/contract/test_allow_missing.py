"""Sessions that create themselves: an append with allowMissing; see google.aip.dev/134."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from functions.store.firestore import retries
from functions.store.firestore.rpc import Rpc
from tests.support.api import SECOND, Answer, Api
from tests.support.meddling import meddled_store

MISSING = {"allowMissing": "true", "userId": "u"}


def append(api: Api, session: str, query: dict[str, str] | None = None, **fields: Any) -> Answer:
    """Appends an event by `user`, with allowMissing for user u unless the query says otherwise."""
    body = {
        "author": "user",
        "invocationId": "i",
        "timestamp": "2026-01-01T00:00:00Z",
        **fields,
    }
    query = MISSING if query is None else query
    return api.call("POST", f"{api.engine}/sessions/{session}:appendEvent", body, **query)


def sessions(api: Api) -> list[Any]:
    return api.walk(f"{api.engine}/sessions", "sessions")


def events(api: Api, session: str) -> list[Any]:
    return api.walk(f"{api.engine}/sessions/{session}/events", "sessionEvents")


@pytest.mark.parametrize("action", [":appendEvent", ""])
@pytest.mark.parametrize("name", ["allowMissing", "allow_missing"])
def test_an_append_creates_the_session_that_it_misses(api: Api, action: str, name: str) -> None:
    """The answer is the session as get answers it after the append."""
    path = f"{api.engine}/sessions/s"
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    delta = {"k": 1, "app:a": 2, "user:b": 3, "temp:c": 4}
    query = {name: "true", "userId": "u"}
    answer = api.ok("POST", path + action, {**body, "actions": {"stateDelta": delta}}, **query)
    assert answer == {"session": api.ok("GET", path)}
    assert answer["session"]["userId"] == "u"
    assert answer["session"]["sessionState"] == {"k": 1, "app:a": 2, "user:b": 3}
    assert len(events(api, "s")) == 1


def test_an_append_to_a_session_that_is_there_answers_it_too(api: Api) -> None:
    """The answer's shape tells nothing of who created the session."""
    path = api.create("s", displayName="mine", sessionState={"a": 1})
    api.now += SECOND
    answer = append(api, "s", actions={"stateDelta": {"b": 2}})
    assert answer.json == {"session": api.ok("GET", path)}
    assert answer.json["session"]["displayName"] == "mine"
    assert answer.json["session"]["sessionState"] == {"a": 1, "b": 2}
    assert answer.json["session"]["updateTime"] > answer.json["session"]["createTime"]
    assert len(sessions(api)) == 1


@pytest.mark.parametrize("query", [{}, {"allowMissing": "false"}, {"allowMissing": ""}])
def test_without_allow_missing_a_missing_session_is_not_found(
    api: Api, query: dict[str, str]
) -> None:
    """As in the real service, 404, and `{}` where the session is there."""
    assert append(api, "s", query).status == 404
    assert sessions(api) == []
    api.create("s")
    assert append(api, "s", query).json == {}


def test_the_server_chooses_the_id_of_a_hyphen(api: Api) -> None:
    """Each such append has a session of its own."""
    names = [append(api, "-").json["session"]["name"] for _ in range(3)]
    assert len(set(names)) == 3
    for name in names:
        assert name.startswith(f"{api.engine}/sessions/")
        assert len(name.rpartition("/")[2]) == 20
    assert sorted(session["name"] for session in sessions(api)) == sorted(names)
    assert [len(events(api, name.rpartition("/")[2])) for name in names] == [1, 1, 1]


def test_a_retry_with_a_hyphen_meets_its_own_session(api: Api) -> None:
    """With a requestId: one session, one event, however often it is sent."""
    query = {**MISSING, "requestId": "r"}
    first = append(api, "-", query, actions={"stateDelta": {"a": 1}})
    api.now += SECOND
    assert append(api, "-", query, actions={"stateDelta": {"a": 1}}).json == first.json
    assert len(sessions(api)) == 1
    assert len(events(api, first.json["session"]["name"].rpartition("/")[2])) == 1


def test_another_request_user_or_engine_has_a_session_of_its_own(api: Api) -> None:
    """The id that a requestId leads to is nobody else's."""
    first = append(api, "-", {**MISSING, "requestId": "r"}).json["session"]["name"]
    others = [{**MISSING, "requestId": "s"}, {**MISSING, "requestId": "r", "userId": "v"}]
    names = {append(api, "-", query).json["session"]["name"] for query in others}
    api.engine += "0"
    names.add(append(api, "-", {**MISSING, "requestId": "r"}).json["session"]["name"])
    ids = {name.rpartition("/")[2] for name in (first, *names)}
    assert len(ids) == 4


def test_a_retry_by_name_changes_nothing(api: Api) -> None:
    """A retry is safe here, too: no second event."""
    query = {**MISSING, "requestId": "r"}
    first = append(api, "s", query)
    api.now += SECOND
    assert append(api, "s", query).json == first.json
    assert len(events(api, "s")) == 1


def test_an_expired_session_is_created_again(api: Api) -> None:
    """An expired session is gone: its successor has none of its state and events."""
    api.settings = replace(api.settings, min_ttl=0)
    api.create("s", user="old", ttl="1s", sessionState={"a": 1})
    assert append(api, "s", {}).status == 200
    api.now += SECOND
    answer = append(api, "s", actions={"stateDelta": {"b": 2}})
    assert answer.json["session"]["sessionState"] == {"b": 2}
    assert answer.json["session"]["userId"] == "u"
    assert len(events(api, "s")) == 1


def test_another_users_session_takes_nothing(api: Api) -> None:
    """400 that says so, and nothing is appended."""
    path = api.create("s", user="v")
    before = api.ok("GET", path)
    api.now += SECOND
    answer = append(api, "s", actions={"stateDelta": {"a": 1, "user:b": 1}})
    assert (answer.status, violation(answer)["field"]) == (400, "user_id")
    assert "belongs to another user" in answer.json["error"]["message"]
    assert api.ok("GET", path) == before
    assert events(api, "s") == []


@pytest.mark.parametrize("session", ["s", "-"])
@pytest.mark.parametrize(
    "query", [{"allowMissing": "true"}, {"allowMissing": "true", "userId": ""}]
)
def test_a_session_is_created_for_somebody(api: Api, session: str, query: dict[str, str]) -> None:
    """With allowMissing, userId is required."""
    answer = append(api, session, query)
    assert (answer.status, violation(answer)["field"]) == (400, "user_id")
    assert violation(answer)["description"] == "Required field is not set."
    assert sessions(api) == []


@pytest.mark.parametrize("query", [{"userId": "u"}, {"userId": "u", "allowMissing": "false"}])
def test_a_user_is_named_with_allow_missing_only(api: Api, query: dict[str, str]) -> None:
    """Else a caller would believe that the user is checked."""
    api.create("s")
    answer = append(api, "s", query)
    assert (answer.status, violation(answer)["field"]) == (400, "user_id")
    assert events(api, "s") == []


def test_allow_missing_is_true_or_false(api: Api) -> None:
    """Anything else is 400 and names what was sent."""
    answer = append(api, "s", {"allowMissing": "maybe", "userId": "u"})
    assert answer.status == 400
    assert "allowMissing must be true or false: 'maybe'" in answer.json["error"]["message"]


@pytest.mark.parametrize("session", ["-", "__a__", "a.b", "x" * 129])
@pytest.mark.parametrize("query", [{}, {"allowMissing": "false"}])
def test_a_hyphen_is_no_name_without_allow_missing(
    api: Api, session: str, query: dict[str, str]
) -> None:
    """The rules for names hold as before."""
    answer = append(api, session, query)
    assert (answer.status, violation(answer)["field"]) == (400, "name")


@pytest.mark.parametrize("session", ["__a__", "a.b", "x" * 129])
def test_a_session_creates_itself_under_a_proper_id_only(api: Api, session: str) -> None:
    """The rules of create_session hold: here those for ids."""
    answer = append(api, session)
    assert (answer.status, violation(answer)["field"]) == (400, "name")


def test_a_session_creates_itself_for_a_user_of_proper_length_only(api: Api) -> None:
    """The rules of create_session hold: here those for lengths."""
    answer = append(api, "s", {**MISSING, "userId": "u" * 1025})
    assert answer.status == 400
    assert "1024" in answer.json["error"]["message"]
    assert sessions(api) == []


@pytest.mark.parametrize("session", ["s", "-"])
@pytest.mark.parametrize(
    "fields",
    [
        {"author": "", "invocationId": ""},
        {"nonsense": 1},
        {"actions": {"stateDelta": {"a": "x" * 970_000}}},
        {"actions": {"stateDelta": {"app:a": "x" * 970_000}}},
        {"actions": {"stateDelta": {"user:a": "x" * 970_000}}},
    ],
    ids=["missing fields", "unknown field", "large state", "large app state", "large user state"],
)
def test_a_bad_event_leaves_no_session_behind(
    api: Api, session: str, fields: dict[str, Any]
) -> None:
    """Validation comes before the creation."""
    assert append(api, session, **fields).status == 400
    assert sessions(api) == []


@pytest.mark.parametrize("session", ["s", "-"])
def test_where_engines_are_required_a_session_needs_its_engine(api: Api, session: str) -> None:
    """With REQUIRE_ENGINE, 404 in the words of the real service."""
    api.settings = replace(api.settings, require_engine=True)
    answer = append(api, session)
    assert (answer.status, answer.json["error"]["message"]) == (
        404,
        "The ReasoningEngine does not exist.",
    )
    parent = api.engine.rpartition("/")[0]
    api.engine = api.ok("POST", parent, {"displayName": "e"})["response"]["name"]
    assert append(api, session).status == 200


@contextmanager
def meddled_commits(first: int, last: int, act: Callable[[], object]) -> Iterator[None]:
    """Others do something just before some of the commits of Firestore, counted from 1."""
    commit, count, is_acting = Rpc.commit, 0, False

    def meddled(rpc: Rpc, writes: Any) -> Any:
        nonlocal count, is_acting
        if not is_acting:
            count += 1
            if first <= count <= last:
                is_acting = True
                act()
                is_acting = False
        return commit(rpc, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", meddled)
        yield


def succeed(api: Api, user: str) -> None:
    """Deletes the session `s`, if it is there, and creates it for another user."""
    api.call("DELETE", f"{api.engine}/sessions/s")
    api.create("s", user=user)


def check_nothing_of_user_u_is_with_user_v(api: Api, answer: Answer) -> None:
    """An append for u answered u's session, or was refused; v's session has nothing of it."""
    found = api.ok("GET", f"{api.engine}/sessions/s")
    if answer.status == 200:
        assert answer.json["session"]["userId"] == "u"
        assert answer.json["session"]["sessionState"] == {"a": 1, "user:b": 1}
    else:
        assert (answer.status, violation(answer)["field"]) == (400, "user_id")
    if found["userId"] == "v":
        assert "sessionState" not in found
        assert events(api, "s") == []


DELTA = {"actions": {"stateDelta": {"a": 1, "user:b": 1}}}


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("is_there", [True, False])
def test_an_append_never_lands_in_a_later_owners_session(
    api: Api, is_there: bool, call: int
) -> None:
    """Whenever others delete the session and create it for somebody else."""
    if is_there:
        api.create("s")
    other = Api(api.store, api.engine)
    api.store = meddled_store(api.store, call, lambda: succeed(other, "v"))
    answer = append(api, "s", **DELTA)
    api.store = other.store
    if call > 1 and answer.status == 200:
        assert answer.json["session"]["userId"] == "u"
    if len(sessions(other)) == 1:
        check_nothing_of_user_u_is_with_user_v(other, answer)


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("user", ["u", "v"])
def test_a_session_that_others_replace_before_the_commit_is_looked_at_again(
    api: Api, is_there: bool, user: str
) -> None:
    """Its user's append lands in the new one; another user's is refused with 400."""
    if is_there:
        api.create("s")
    with meddled_commits(1, 1, lambda: succeed(api, user)):
        answer = append(api, "s", **DELTA)
    assert answer.status == (200 if user == "u" else 400)
    check_nothing_of_user_u_is_with_user_v(api, answer)
    assert len(events(api, "s")) == (1 if user == "u" else 0)


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_session_that_others_keep_deleting_is_created_again(api: Api) -> None:
    """Once deleted, once more created, and the event is there once."""
    api.create("s")
    with meddled_commits(1, 2, lambda: api.call("DELETE", f"{api.engine}/sessions/s")):
        answer = append(api, "s", **DELTA)
    assert answer.json["session"]["sessionState"] == {"a": 1, "user:b": 1}
    assert len(events(api, "s")) == 1


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_session_that_others_keep_changing_is_contention(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tries, here of some seconds, end when no time is left for one more: 409 ABORTED."""
    path, changes, seconds = api.create("s"), itertools.count(), itertools.count()

    def rename() -> None:
        api.ok("PATCH", path, {"displayName": f"{next(changes)}"})

    clock = SimpleNamespace(monotonic=lambda: next(seconds), sleep=time.sleep)
    with meddled_commits(1, 10**6, rename):
        monkeypatch.setattr(retries, "time", clock)
        answer = append(api, "s")
    assert (answer.status, answer.json["error"]["status"]) == (409, "ABORTED")
    assert next(changes) > 1


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_commit_whose_answer_was_lost_is_met_again(api: Api) -> None:
    """It is sent again: one session, one event, one merge."""
    commit = Rpc.commit

    def twice(rpc: Rpc, writes: Any) -> Any:
        commit(rpc, writes)
        return commit(rpc, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", twice)
        answer = append(api, "s", **DELTA)
    assert answer.json == {"session": api.ok("GET", f"{api.engine}/sessions/s")}
    assert len(events(api, "s")) == 1


@pytest.mark.parametrize("session", ["s", "-"])
def test_a_delta_that_shared_state_has_no_room_for_leaves_no_session_behind(
    api: Api, session: str
) -> None:
    """The session is created with its first event or not at all."""
    api.create("full", sessionState={"app:a": "x" * 900_000})
    for _ in range(2):
        answer = append(api, session, actions={"stateDelta": {"app:b": "x" * 100_000}})
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert [found["name"].rpartition("/")[2] for found in sessions(api)] == ["full"]


def violation(answer: Answer) -> Any:
    """The one field violation of an answer."""
    (found,) = answer.json["error"]["details"][0]["fieldViolations"]
    return found
