"""A commit that was applied and whose answer was lost, one at a time, for every method."""

import itertools
import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import grpc
import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.api import SECOND, Answer, Api
from tests.support.torture.faulty_firestore import Call, Fault, FaultyFirestore, Plan, proxied

STORE = "firestore://lost-answers"
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
LARGE = {"k": "x" * 20_000, "app:k": 1, "user:k": 2}
READ_FIRST = {"actions": {"stateDelta": LARGE}}
"""What an append must weigh against the state that is there."""

LOST = Fault("after", grpc.StatusCode.UNAVAILABLE)
FAILED = Fault("after", grpc.StatusCode.INTERNAL)

_engines = itertools.count(secrets.randbelow(10**9) * 10**4)


@pytest.fixture(scope="module")
def proxy(emulator: str) -> Iterator[FaultyFirestore]:
    with proxied(emulator) as faulty:
        yield faulty


@pytest.fixture
def api(proxy: FaultyFirestore) -> Iterator[Api]:
    """The API behind the proxy, with a created engine."""
    proxy.plan = lambda call: None
    settings = Settings(
        sessions_store=STORE, firestore_emulator_host=proxy.address, store_timeout="60s"
    )
    with closing(open_store(settings)) as store:
        api = Api(store, "", settings=settings)
        location = f"projects/p/locations/l{next(_engines)}"
        made = api.ok("POST", f"{location}/reasoningEngines", {"displayName": "e"})
        api.engine = made["response"]["name"]
        yield api
        proxy.plan = lambda call: None


def commit(number: int, fault: Fault) -> Plan:
    """A plan for the n-th commit from now on."""
    seen = itertools.count()

    def plan(call: Call) -> Fault | None:
        return fault if call.method == "Commit" and next(seen) == number else None

    return plan


def everything(api: Api) -> Any:
    """All that can be seen of the engine, but for what differs from run to run."""
    sessions = api.walk(f"{api.engine}/sessions", "sessions", orderBy="create_time")
    events = {
        session["name"]: [
            {key: value for key, value in event.items() if key != "name"}
            for event in api.walk(f"{session['name']}/events", "sessionEvents")
        ]
        for session in sessions
    }
    return sessions, events, api.call("GET", api.engine).status


CALLS = {
    "create": ("POST", "{engine}/sessions?sessionId=new", {"userId": "u", "sessionState": LARGE}),
    "append": ("POST", "{engine}/sessions/s:appendEvent", EVENT),
    "append with state": (
        "POST",
        "{engine}/sessions/s:appendEvent",
        {**EVENT, "actions": {"stateDelta": {"k": 1}}},
    ),
    "append that reads first": (
        "POST",
        "{engine}/sessions/s:appendEvent",
        {**EVENT, **READ_FIRST},
    ),
    "update": ("PATCH", "{engine}/sessions/s", {"displayName": "d", "sessionState": {"k": 1}}),
    "delete": ("DELETE", "{engine}/sessions/s", None),
    "update engine": ("PATCH", "{engine}?updateMask=displayName", {"displayName": "d"}),
    "delete engine": ("DELETE", "{engine}?force=true", None),
    "purge": ("POST", "sessions:purgeExpired", None),
}


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("method", CALLS)
def test_a_lost_answer_that_is_met_again_is_as_if_it_had_come(
    api: Api, proxy: FaultyFirestore, method: str, number: int
) -> None:
    """What the store tries again by itself it does once, and answers what it would have."""
    verb, path, body = CALLS[method]
    api.settings = replace(api.settings, min_ttl=0)
    api.create("over", ttl="1s")
    session = api.create("s")
    for _ in range(3):
        assert api.append(session).status == 200
    api.now += SECOND
    proxy.plan = commit(number, LOST)
    answer = api.call(verb, path.format(engine=api.engine), body)
    assert answer.status == 200, answer.text
    proxy.plan = lambda call: None
    expected = 4 if method.startswith("append") else 3
    sessions, events, _ = everything(api)
    if method == "create":
        assert api.state(f"{api.engine}/sessions/new") == LARGE
    if method.startswith("delete"):
        assert sessions == []
    else:
        assert len(events[session]) == expected
    if method.startswith("append") and "actions" in (body or {}):
        assert api.state(session) == body["actions"]["stateDelta"]  # type: ignore[index]
    if method == "update":
        assert sessions[0]["displayName"] == "d"


@pytest.mark.parametrize("how", ["rawEvent.id", "requestId"])
def test_an_append_that_failed_after_it_was_applied_can_be_sent_again(
    api: Api, proxy: FaultyFirestore, how: str
) -> None:
    """503, then 200, and one event and one merge of state."""
    session = api.create()
    event: dict[str, Any] = {**EVENT, **READ_FIRST}
    query = {"requestId": "r"} if how == "requestId" else {}
    if how == "rawEvent.id":
        event["rawEvent"] = {"id": "r"}
    proxy.plan = commit(0, FAILED)
    statuses = [append_at(api, session, event, query).status for _ in range(3)]
    assert statuses == [503, 200, 200]
    assert len(api.walk(f"{session}/events", "sessionEvents")) == 1
    assert api.state(session) == LARGE


def append_at(api: Api, session: str, event: Any, query: dict[str, str]) -> Answer:
    return api.call("POST", f"{session}:appendEvent", event, **query)


def test_a_delete_whose_answer_was_lost_leaves_a_successor_alone(
    api: Api, proxy: FaultyFirestore
) -> None:
    """A session that is created under the id before the delete is tried again is another one."""
    session = api.create("s")
    api.append(session)

    def create_again() -> None:
        proxy.plan = lambda call: None
        api.create("s")
        assert api.append(session, author="successor").status == 200

    proxy.plan = commit(0, Fault("after", grpc.StatusCode.UNAVAILABLE, create_again))
    assert api.call("DELETE", session).status in {200, 404}
    (event,) = api.walk(f"{session}/events", "sessionEvents")
    assert event["author"] == "successor"


def test_a_delete_answers_though_the_events_cannot_be_removed(
    api: Api, proxy: FaultyFirestore
) -> None:
    """The session is gone with the first commit; the purge takes what is left."""
    session = api.create("s")
    api.append(session)
    proxy.plan = commit(1, FAILED)
    api.ok("DELETE", session)
    assert api.call("GET", session).status == 404


def test_all_the_calls_of_one_request_end_together(api: Api, proxy: FaultyFirestore) -> None:
    """STORE_TIMEOUT is a request's: what one call took is gone from the next one's time."""
    timeout = api.settings.store_timeout / SECOND
    session = api.create(sessionState={"user:k": 1})
    left: list[float] = []

    def slow(call: Call) -> None:
        left.append(call.context.time_remaining())
        time.sleep(1.1)  # on the wire, a deadline is rounded up to whole seconds

    for verb, body in (("PATCH", {"displayName": "d"}), ("POST", {**EVENT, **READ_FIRST})):
        left.clear()
        proxy.plan = slow
        api.ok(verb, session, body)
        proxy.plan = lambda call: None
        assert len(left) > 1
        assert left[-1] < timeout - 0.5
