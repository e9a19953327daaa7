"""Erasing a user. See docs/erase-a-user.md."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.rules.names import EngineName, UserName, spell
from functions.store.firestore import FirestoreStore, erasure, user_erasure
from functions.store.sqlite import erasing
from functions.store.sqlite import store as sqlite_store
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION
from tests.support.roles import caller
from tests.support.store_contents import mentions
from tests.support.streams import next_events, reading

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
NOBODY = {"erasedSessions": 0, "erasedEvents": 0, "done": True}


class Killed(BaseException):
    """The server ends here."""


@pytest.fixture
def ada() -> str:
    """A user of this test alone, whose id nothing else mentions."""
    return f"ada-{secrets.token_hex(8)}"


@pytest.fixture
def small_batches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request removes one batch, and few documents fill it."""
    api.settings = replace(api.settings, work_time_limit=0)
    monkeypatch.setattr(erasure, "BATCH", 10)
    monkeypatch.setattr(user_erasure, "BATCH", 4)
    monkeypatch.setattr(user_erasure, "_PAGE", 7)
    monkeypatch.setattr(user_erasure, "_KEPT", 5)
    monkeypatch.setattr(erasing, "ROWS", 10)
    monkeypatch.setattr(sqlite_store, "ROWS", 5)
    monkeypatch.setattr(erasing, "_SESSIONS", 7)


def erase(api: Api, user: str, engine: str = "", **query: Any) -> Any:
    return api.ok("POST", f"{engine or api.engine}/users/{spell(user)}:erase", **query)


def erase_all(api: Api, user: str, engine: str = "") -> tuple[int, int]:
    """Calls until it is done; the sum of what the calls removed, and how many they were."""
    sessions, calls, done = 0, 0, False
    while not done:
        answer = erase(api, user, engine)
        sessions, calls, done = sessions + answer["erasedSessions"], calls + 1, answer["done"]
        assert calls < 60
    return sessions, calls


def fill(api: Api, user: str, count: int, start: int = 0) -> list[str]:
    """Sessions of a user and of bob in turns, with state and events that name the user."""
    names, tag = [], secrets.token_hex(4)
    for number in range(start, start + count):
        api.create(f"{tag}-{number:03}-b", user="bob", sessionState={"user:k": "bob"})
        state = {"k": user, "user:k": user, "app:k": 1}
        name = api.create(f"{tag}-{number:03}-a", user=user, sessionState=state, displayName=user)
        for _ in range(25 if number == 3 else number % 4):
            part = {"text": f"I am {user}"}
            content, actions = {"parts": [part]}, {"stateDelta": {"k": user}}
            assert api.append(name, content=content, actions=actions).status == 200
        names.append(name)
    return names


def raises_after(checks: int) -> Callable[[], bool]:
    """A clock that ends the server when it is asked once more."""
    asked: Iterator[int] = iter(range(checks))

    def is_time_up() -> bool:
        if next(asked, None) is None:
            raise Killed
        return False

    return is_time_up


def assert_gone(api: Api, user: str, sessions: list[str], *, has_tombstones: bool = True) -> None:
    """For every method that reads or writes a session, a user or lists.

    On Firestore a plain append needs tombstones.
    """
    assert {api.call("GET", name).status for name in sessions} == {404}
    for name in {sessions[0], sessions[len(sessions) // 2], sessions[-1]}:
        for verb, path, body in (
            ("PATCH", name, {"displayName": "d"}),
            ("DELETE", name, None),
            ("GET", f"{name}/events", None),
            ("GET", f"{name}/runs", None),
            ("GET", f"{name}/runs/i", None),
            ("GET", f"{name}/events:watch", None),
            ("POST", f"{name}:appendEvent", {**EVENT, "actions": {"stateDelta": {"app:x": 1}}}),
            ("POST", f"{name}:appendEvent", EVENT),
            ("DELETE", f"{LOCATION}/sessions/{name.rpartition('/')[2]}", None),
        ):
            if body is EVENT and not has_tombstones:
                continue
            answer = api.call(verb, path, body)
            assert answer.status == 404, (verb, path, answer.text)
    for engine in (api.engine, f"{LOCATION}/reasoningEngines/-"):
        path = f"{engine}/sessions"
        assert api.walk(path, "sessions", filter=f'user_id="{user}"', pageSize=3) == []
        for order in ("update_time", "create_time desc"):
            found = api.walk(path, "sessions", pageSize=50, orderBy=order)
            assert user not in {session["userId"] for session in found}
    assert user not in {each["userId"] for each in api.walk(f"{api.engine}/users", "users")}
    assert api.ok("GET", f"{api.engine}/users/{spell(user)}/state")["state"] == {}


def test_a_user_is_gone_and_others_stay(api: Api, ada: str) -> None:
    """With sessions, events and state; the counts are what the dry run said."""
    sessions = fill(api, ada, 5)
    bob = api.walk(f"{api.engine}/sessions", "sessions", filter='user_id="bob"')
    counts = {"erasedSessions": 5, "erasedEvents": 28, "done": True}
    assert erase(api, ada, dryRun="true") == counts
    assert api.state(sessions[0]) == {"k": ada, "user:k": ada, "app:k": 1}
    assert erase(api, ada) == counts
    assert_gone(api, ada, sessions)
    assert mentions(api.store, ada) == []
    assert api.walk(f"{api.engine}/sessions", "sessions") == bob
    assert len(bob) == 5
    assert api.ok("GET", f"{api.engine}/users/bob/state")["state"] == {"k": "bob"}
    assert api.ok("GET", f"{api.engine}/state")["state"] == {"k": 1}


def test_erasing_nobody_is_done_at_once(api: Api, ada: str) -> None:
    """Zeros; no document is left by it, and none of the engine."""
    assert erase(api, ada) == NOBODY
    assert erase(api, ada, f"{LOCATION}/reasoningEngines/-") == NOBODY
    assert erase(api, ada, dryRun="true") == NOBODY
    assert mentions(api.store, ada) == mentions(api.store, api.engine) == []


def test_a_dry_run_may_be_asked_for_in_the_body(api: Api, ada: str) -> None:
    """A body that the server does not understand erases nobody either."""
    session = api.create(user=ada)
    path = f"{api.engine}/users/{ada}:erase"
    for sent in ({"dryRun": True}, {"dry_run": True}):
        assert api.ok("POST", path, sent) == {**NOBODY, "erasedSessions": 1}
    for wrong in ({"dryrun": True}, {"dryRun": "true"}, [], b"{"):
        assert api.call("POST", path, wrong).status == 400
        assert api.call("POST", path, wrong, dryRun="true").status == 400
    assert api.ok("GET", session)["userId"] == ada
    assert api.ok("POST", path, {"dryRun": False}) == {**NOBODY, "erasedSessions": 1}
    assert api.call("GET", session).status == 404


def test_an_erasure_counts_the_events_that_lists_had(api: Api, ada: str) -> None:
    """Neither a deleted event counts nor what the store keeps for a retry of a purge."""
    session = api.create(user=ada)
    for number in range(3):
        api.append(session, invocationId=f"i{number}")
    gone = api.ok("GET", f"{session}/events")["sessionEvents"][0]["name"]
    api.ok("DELETE", gone)
    purge = {"filter": 'invocation_id="i1"', "force": True}
    api.ok("POST", f"{session}/events:purge", purge, requestId="r")
    assert erase(api, ada, dryRun="true")["erasedEvents"] == 1
    assert erase(api, ada)["erasedEvents"] == 1


def test_a_user_with_state_alone_is_erased(api: Api, ada: str) -> None:
    api.ok("PATCH", f"{api.engine}/users/{ada}/state", {"state": {"k": 1}})
    assert erase(api, ada) == NOBODY
    assert api.ok("GET", f"{api.engine}/users") == {}
    assert mentions(api.store, ada) == []


def test_expired_and_deleted_sessions_are_erased_too(api: Api, ada: str) -> None:
    """The purge would have removed them one day."""
    api.settings = replace(api.settings, min_ttl=0)
    api.append(api.create(user=ada, ttl="1s"), content={"parts": [{"text": ada}]})
    api.now += 2 * SECOND
    assert erase(api, ada) == {"erasedSessions": 1, "erasedEvents": 1, "done": True}
    assert mentions(api.store, ada) == []


def test_all_engines_of_a_location_are_erased_at_once(api: Api, ada: str) -> None:
    """Not those of other locations, nor other users of the same engines."""
    location = f"projects/test-project/locations/erase-{secrets.token_hex(4)}"
    engines = [f"{location}/reasoningEngines/{number}" for number in range(3)]
    other = f"{location}x/reasoningEngines/0"
    for engine in (*engines[:2], other):
        api.engine = engine
        fill(api, ada, 2)
    api.ok("PATCH", f"{engines[2]}/users/{ada}/state", {"state": {"k": ada}})
    counts = {"erasedSessions": 4, "erasedEvents": 2, "done": True}
    assert erase(api, ada, f"{location}/reasoningEngines/-", dryRun="true") == counts
    assert erase(api, ada, f"{location}/reasoningEngines/-") == counts
    for engine in engines:
        assert mentions(api.store, ada, engine) == []
        assert len(api.ok("GET", f"{engine}/sessions").get("sessions", [])) in (0, 2)
    assert len(api.ok("GET", f"{other}/sessions")["sessions"]) == 4
    assert mentions(api.store, ada)


@pytest.mark.usefixtures("small_batches")
def test_the_first_answer_hides_all_that_later_calls_remove(api: Api, ada: str) -> None:
    """Each call removes more, until one says that all is gone."""
    sessions = fill(api, ada, 16)
    first = erase(api, ada)
    assert first["done"] is False
    assert mentions(api.store, ada)
    assert_gone(api, ada, sessions)
    erased, calls = erase_all(api, ada)
    assert first["erasedSessions"] + erased == 16
    assert calls > 2
    assert mentions(api.store, ada) == []
    assert len(api.walk(f"{api.engine}/sessions", "sessions")) == 16


@pytest.mark.usefixtures("small_batches")
def test_what_is_created_while_a_user_is_erased_stays(api: Api, ada: str) -> None:
    """A session, under an id of old too, and state; whoever goes on with the erasure."""
    sessions = fill(api, ada, 16)
    ids = [name.rpartition("/")[2] for name in sessions]
    assert erase(api, ada)["done"] is False
    state = {"user:new": 1, "k": "new"}
    created = [api.create(name, user=ada, sessionState=state) for name in (ids[0], ids[15], "n")]
    path = f"{sessions[7]}:appendEvent?allowMissing=true&userId={ada}"
    created.append(api.ok("POST", path, EVENT)["session"]["name"])
    for name in created:
        assert api.append(name).status == 200
    texts = [api.call("GET", f"{name}/events").text for name in created]
    erase_all(api, ada)
    api.store.purge(api.now, lambda: False)
    assert [api.call("GET", f"{name}/events").text for name in created] == texts
    assert api.state(created[0]) == {"user:new": 1, "k": "new", "app:k": 1}
    found = api.walk(f"{api.engine}/sessions", "sessions", filter=f'user_id="{ada}"')
    assert {session["name"] for session in found} == set(created)
    assert [each["userId"] for each in api.ok("GET", f"{api.engine}/users")["users"]] == [
        ada,
        "bob",
    ]
    assert erase_all(api, ada)[0] == 4
    assert mentions(api.store, ada) == []


@pytest.mark.usefixtures("small_batches")
def test_the_purge_finishes_an_erasure(api: Api, ada: str) -> None:
    """Each purge removes some and counts it; the last one says that it is done."""
    sessions = fill(api, ada, 16)
    erased = erase(api, ada)["erasedSessions"]
    purges = []
    while not purges or not purges[-1].done:
        purges.append(api.store.purge(api.now, lambda: True))
        assert len(purges) < 60
    assert erased + sum(purged.sessions for purged in purges) == 16
    assert mentions(api.store, ada) == []
    assert_gone(api, ada, sessions)
    assert erase(api, ada) == NOBODY


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("checks", [0, 1, 2, 5])
def test_a_server_that_is_killed_leaves_nothing_visible(api: Api, ada: str, checks: int) -> None:
    """Twice on the way; then one call removes the rest."""
    sessions = fill(api, ada, 16)
    user = UserName(EngineName.parse(api.engine), ada)
    for _ in range(2):
        try:
            api.store.erase_user(user, api.now, raises_after(checks))
        except Killed:
            assert mentions(api.store, ada)
        assert_gone(api, ada, sessions)
    assert api.store.erase_user(user, api.now, lambda: False).done
    assert mentions(api.store, ada) == []
    assert len(api.walk(f"{api.engine}/sessions", "sessions")) == 16


def test_a_server_that_is_killed_before_it_removes_anything_has_hidden_all(
    api: Api, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that takes over the id of a hidden one is whole; one call removes the others."""
    sessions = fill(api, ada, 4)

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(user_erasure, "finish_erasure", kill)
        patch.setattr(erasing.Erasure, "engine", kill)
        with pytest.raises(Killed):
            erase(api, ada)
    is_on_firestore = isinstance(api.store, FirestoreStore)
    assert_gone(api, ada, sessions, has_tombstones=not is_on_firestore)
    assert api.create(sessions[1].rpartition("/")[2], user=ada) == sessions[1]
    path = f"{sessions[2]}:appendEvent?allowMissing=true&userId={ada}"
    assert api.ok("POST", path, EVENT)["session"]["name"] == sessions[2]
    assert erase(api, ada)["done"]
    assert api.call("GET", sessions[0]).status == 404
    for session, count in ((sessions[1], 0), (sessions[2], 1)):
        assert len(api.ok("GET", f"{session}/events").get("sessionEvents", [])) == count
    assert erase(api, ada)["erasedSessions"] == 2
    assert mentions(api.store, ada) == []


@pytest.mark.usefixtures("small_batches")
def test_an_append_meanwhile_goes_with_its_session(api: Api, ada: str) -> None:
    """It ends in 200 or 404, and leaves no event behind."""
    sessions, statuses = fill(api, ada, 16), set()

    def is_time_up() -> bool:
        part = {"text": ada}
        for session in sessions:
            statuses.add(api.append(session, content={"parts": [part]}).status)
        return False

    user = UserName(EngineName.parse(api.engine), ada)
    assert api.store.erase_user(user, api.now, is_time_up).done
    assert statuses <= {200, 404}
    assert mentions(api.store, ada) == []


def test_a_stream_of_an_erased_session_ends(api: Api, ada: str) -> None:
    """As with a deletion of the session."""
    (session,) = fill(api, ada, 1, start=1)
    with reading(api, session) as reader:
        assert len(next_events(api, reader, 1)) == 1
        erase(api, ada)
        api.now += 20 * SECOND
        with pytest.raises(Exception, match="not found"):
            reader.read(api.now)


@pytest.mark.usefixtures("small_batches")
def test_the_clock_of_a_server_does_not_decide_what_is_erased(api: Api, ada: str) -> None:
    """Firestore's own time decides, SQLite's order of rows: no clock of a server."""
    fill(api, ada, 12)
    api.now += 3600 * SECOND
    user = UserName(EngineName.parse(api.engine), ada)
    with pytest.raises(Killed):
        api.store.erase_user(user, api.now, raises_after(0))
    api.now -= 7200 * SECOND
    name = api.create(user=ada)
    assert api.store.erase_user(user, api.now, lambda: False).done
    assert api.ok("GET", name)["userId"] == ada


def test_each_role_erases_what_it_may_change(api: Api, ada: str) -> None:
    """A user itself alone, in one engine or in all where rules name the engines."""
    mine, others = "user-ada", "user-bob"
    for user in (mine, others):
        fill(api, user, 2)
    location = f"{LOCATION}/reasoningEngines/-"
    user = caller(api, mine)
    for path in (api.engine, location):
        answer = user.call("POST", f"{path}/users/{others}:erase")
        assert answer.status == 403
        assert caller(api, "viewer").call("POST", f"{path}/users/{mine}:erase").status == 403
        assert caller(api, "stranger").call("POST", f"{path}/users/{mine}:erase").status == 404
    assert user.ok("POST", f"{location}/users/{mine}:erase")["erasedSessions"] == 2
    assert caller(api, "agent").ok("POST", f"{api.engine}/users/{others}:erase")["done"]
    rules = [
        {"principal": "*", "role": "viewer", "engines": [api.engine]},
        {"principal": "*", "role": "admin"},
    ]
    mixed = caller(api, "someone", rules).call("POST", f"{location}/users/{mine}:erase")
    assert mixed.status == 403


@pytest.mark.usefixtures("small_batches")
def test_sessions_of_an_engine_can_be_erased_while_it_is_deleted(api: Api, ada: str) -> None:
    """Both removals end, in whichever order."""
    api.settings = replace(api.settings, work_time_limit=0)
    api.engine = api.ok("POST", f"{LOCATION}/reasoningEngines", {})["response"]["name"]
    fill(api, ada, 6)
    user = UserName(EngineName.parse(api.engine), ada)
    with pytest.raises(Killed):
        api.store.erase_user(user, api.now, raises_after(0))
    api.ok("DELETE", api.engine, force="true")
    api.store.purge(api.now, lambda: False)
    assert mentions(api.store, ada) == []
    assert mentions(api.store, f"{api.engine}/users") == []
    assert api.call("GET", api.engine).status == 404
    if isinstance(api.store, FirestoreStore):
        (found,) = api.store._rpcs.get().batch_get([api.engine])()
        assert found is None
