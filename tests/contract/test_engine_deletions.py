"""Deleting engines that are too large for one request.

See docs/contract.md, section 3.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.rules.names import EngineName
from functions.store.firestore import FirestoreStore, condemned, erasure
from functions.store.sqlite import erasing
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION
from tests.support.store_documents import documents_below

EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}
COLLECTIONS = ("reasoningEngines", "sessions", "events", "users")


class Killed(BaseException):
    """The server ends here."""


@pytest.fixture(autouse=True)
def small_batches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request removes one batch, and few documents fill it."""
    api.settings = replace(api.settings, work_time_limit=0)
    monkeypatch.setattr(erasure, "BATCH", 10)
    monkeypatch.setattr(condemned, "BATCH", 10)
    monkeypatch.setattr(condemned, "_PAGE", 7)
    monkeypatch.setattr(erasing, "ROWS", 10)
    monkeypatch.setattr(erasing, "_SESSIONS", 7)


@pytest.fixture
def sessions(api: Api) -> list[str]:
    """The sessions of an engine with state, which no batch holds."""
    api.engine = api.ok("POST", f"{LOCATION}/reasoningEngines", {})["response"]["name"]
    names = [
        api.create(f"s{number:02}", user=f"u{number}", sessionState={"app:a": 1, "user:b": 2})
        for number in range(16)
    ]
    for number, name in enumerate(names):
        for _ in range(25 if number == 3 else number % 4):
            assert api.append(name).status == 200
    return names


def delete(api: Api) -> Any:
    return api.ok("DELETE", api.engine, {"force": True})


def nothing_is_left(api: Api) -> bool:
    return not documents_below(api.store, api.engine, COLLECTIONS)


def raises_after(checks: int) -> Callable[[], bool]:
    """A clock that ends the server when it is asked once more."""
    asked: Iterator[int] = iter(range(checks))

    def is_time_up() -> bool:
        if next(asked, None) is None:
            raise Killed
        return False

    return is_time_up


def test_a_large_engine_is_hidden_before_it_is_gone(api: Api, sessions: list[str]) -> None:
    """The first answer hides it for every method that reads it, with all that is below it."""
    location = f"{LOCATION}/reasoningEngines"
    operation = delete(api)
    assert operation["done"] is False
    assert "response" not in operation
    assert not nothing_is_left(api)
    assert api.call("GET", api.engine).status == 404
    assert api.call("PATCH", api.engine, {"displayName": "d"}).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}
    for path, field in ((location, "reasoningEngines"), (f"{location}/-/sessions", "sessions")):
        found = api.walk(path, field, pageSize=3)
        assert not [item for item in found if item["name"].startswith(api.engine)]
    for session in sessions:
        assert api.call("GET", session).status == 404
        assert api.call("PATCH", session, {"displayName": "d"}).status == 404
        scoped = api.append(session, actions={"stateDelta": {"app:a": 2}})
        assert scoped.status == 404


def test_the_operation_of_a_large_engine_says_when_it_is_gone(
    api: Api, sessions: list[str]
) -> None:
    """`done` is false while anything is left, under each of its names, and then true with Empty."""
    operation = delete(api)
    last = operation["name"].rpartition("/")[2]
    for path in (operation["name"], f"{LOCATION}/operations/{last}", f"operations/{last}"):
        assert api.ok("GET", path) == operation
        assert api.ok("POST", f"{path}:wait", timeout="1s") == operation
    api.store.purge(api.now, lambda: False)
    assert not documents_below(api.store, api.engine, COLLECTIONS)
    assert api.ok("GET", operation["name"]) == {**operation, "done": True, "response": EMPTY}


def test_the_same_request_sent_again_goes_on(api: Api, sessions: list[str]) -> None:
    """Each call removes more, until one says that all is gone; the next one finds no engine."""
    first, calls = delete(api), 1
    while not delete(api)["done"]:
        calls += 1
        assert calls < 50
    assert calls > 2
    assert not documents_below(api.store, api.engine, COLLECTIONS)
    assert api.ok("GET", first["name"])["done"] is True
    assert api.call("DELETE", api.engine, {"force": True}).status == 404


def test_a_purge_that_runs_out_of_time_goes_on_with_an_engine(
    api: Api, sessions: list[str]
) -> None:
    """Each purge removes more and counts it, and says that it is done when all is gone."""
    name = EngineName.parse(api.engine)
    with pytest.raises(Killed):
        api.store.delete_engine(name, api.now, raises_after(0), force=True)
    left = documents_below(api.store, api.engine)
    counts = []
    while not counts or not counts[-1].done:
        counts.append(api.store.purge(api.now, lambda: True))
        assert len(counts) < 50
    assert len(counts) > 2
    assert sum(count.sessions for count in counts) == left["sessions"]
    assert sum(count.events for count in counts) == left["events"]
    assert not documents_below(api.store, api.engine, COLLECTIONS)


@pytest.mark.parametrize("checks", range(6))
def test_a_server_that_is_killed_leaves_nothing_visible_and_no_orphan(
    api: Api, sessions: list[str], checks: int
) -> None:
    """Wherever it ends, the engine is hidden, and the purge removes the last document."""
    name = EngineName.parse(api.engine)
    try:
        api.store.delete_engine(name, api.now, raises_after(checks), force=True)
    except Killed:
        assert api.store.is_deleting_engine(name)
    for path in (api.engine, *sessions):
        assert api.call("GET", path).status == 404
    api.store.purge(api.now, lambda: False)
    assert not documents_below(api.store, api.engine, COLLECTIONS)
    assert not api.store.is_deleting_engine(name)


def test_a_session_under_the_name_of_a_large_engine_is_refused_or_stays(
    api: Api, sessions: list[str]
) -> None:
    """Firestore answers 409 until the old engine is gone; SQLite frees the name at once."""
    delete(api)
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    calls = [
        ("sessions?sessionId=s00", {"userId": "u"}),
        ("sessions/s01:appendEvent?allowMissing=true&userId=u1", event),
        ("sessions/new:appendEvent?allowMissing=true&userId=u", event),
    ]
    if isinstance(api.store, FirestoreStore):
        required = replace(api, settings=replace(api.settings, require_engine=True))
        for path, body in calls:
            answer = api.call("POST", f"{api.engine}/{path}", body)
            assert (answer.status, answer.json["error"]["status"]) == (409, "ABORTED")
            assert required.call("POST", f"{api.engine}/{path}", body).status == 404
        api.store.purge(api.now, lambda: False)
    for path, body in calls:
        api.ok("POST", f"{api.engine}/{path}", body)
    api.store.purge(api.now, lambda: False)
    found = api.walk(f"{api.engine}/sessions", "sessions")
    assert {item["name"].rpartition("/")[2] for item in found} == {"s00", "s01", "new"}
    assert all("sessionState" not in item for item in found)


def test_a_server_that_was_overtaken_removes_nothing_new(api: Api, sessions: list[str]) -> None:
    """One goes on, after another has finished, with pages that a new session now stands in."""
    overtaken = False

    def is_time_up() -> bool:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            api.store.purge(api.now, lambda: False)
            for number in range(16):
                api.create(f"s{number:02}", f"u{number}", sessionState={"app:c": 3, "user:d": 4})
        return False

    name = EngineName.parse(api.engine)
    assert api.store.delete_engine(name, api.now, is_time_up, force=True)
    assert overtaken
    for session in sessions:
        assert api.state(session) == {"app:c": 3, "user:d": 4}
        assert api.append(session).status == 200


def test_an_append_meanwhile_goes_with_its_session(api: Api, sessions: list[str]) -> None:
    """It ends in 200 or 404, and leaves no event behind."""
    statuses = set()

    def is_time_up() -> bool:
        statuses.update(api.append(session).status for session in sessions)
        return len(statuses) == 2

    name = EngineName.parse(api.engine)
    api.store.delete_engine(name, api.now, is_time_up, force=True)
    assert statuses <= {200, 404}
    api.store.purge(api.now, lambda: False)
    assert not documents_below(api.store, api.engine, COLLECTIONS)


def test_expired_sessions_of_a_large_engine_need_no_force(api: Api) -> None:
    """They are removed as with force, though no session was there."""
    api.settings = replace(api.settings, min_ttl=0)
    api.engine = api.ok("POST", f"{LOCATION}/reasoningEngines", {})["response"]["name"]
    for _ in range(30):
        api.create(ttl="1s")
    assert api.call("DELETE", api.engine).status == 400
    api.now += SECOND
    assert api.ok("DELETE", api.engine)["done"] is False
    while not api.ok("DELETE", api.engine)["done"]:
        pass
    assert not documents_below(api.store, api.engine, COLLECTIONS)


@pytest.mark.parametrize("holding", ["sessions", "app state", "user state"])
def test_an_engine_that_was_never_created_can_be_deleted_with_force(api: Api, holding: str) -> None:
    """Where it holds anything; without force it is not found, nor once it is gone."""
    state = {"state": {"a": 1}}
    if holding == "sessions":
        for number in range(16):
            api.append(api.create(user=f"u{number}", sessionState={"app:a": 1}))
    elif holding == "app state":
        api.ok("PATCH", f"{api.engine}/state", state)
    else:
        for number in range(16):
            api.ok("PATCH", f"{api.engine}/users/u{number}/state", state)
    assert api.call("DELETE", api.engine).status == 404
    operation = delete(api)
    assert operation["done"] is (holding == "app state")
    assert api.ok("GET", operation["name"])["done"] is operation["done"]
    for path in ("sessions", "users"):
        assert api.ok("GET", f"{api.engine}/{path}") == {}
    assert api.ok("GET", f"{api.engine}/state")["state"] == {}
    assert api.ok("GET", f"{api.engine}/users/u1/state")["state"] == {}
    while not operation["done"]:
        operation = delete(api)
    assert nothing_is_left(api)
    assert api.call("DELETE", api.engine, {"force": True}).status == 404


def test_an_engine_without_anything_is_not_found(api: Api) -> None:
    """With force, too; nor is one whose state was taken away again."""
    assert api.call("DELETE", api.engine, {"force": True}).status == 404
    api.ok("PATCH", f"{api.engine}/state", {"state": {"a": 1}})
    api.ok("PATCH", f"{api.engine}/state", {"state": {}})
    assert api.call("DELETE", api.engine, {"force": True}).status == 404
