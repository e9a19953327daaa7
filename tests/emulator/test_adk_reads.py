"""A turn reads each event once, and also reads what other clients have written since."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.adk.events import Event, EventActions
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai.types import Content, FunctionCall, Part

from agent_engine_sessions.adk import SessionService
from agent_engine_sessions.testing import Sessions
from tests.support.adk_sessions import event, key, reread
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

APP = "my_agent"


@pytest.fixture(scope="module")
def servers(
    store_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """Two processes over one store, the first of them with an emulator's controls."""
    settings = {"MIN_TTL": "0s", **store_environment}
    if settings["SESSIONS_STORE"].endswith(":memory:"):
        path = tmp_path_factory.mktemp("store") / "sessions.db"
        settings["SESSIONS_STORE"] = f"sqlite:///{path}"
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving("sessions_api", {**settings, "EMULATOR": controls}))
            for controls in ("true", "false")
        ]


@pytest.fixture
def project() -> str:
    return f"p{uuid4().hex}"


@pytest.fixture
async def service(servers: list[str], project: str) -> AsyncIterator[SessionService]:
    service = SessionService(f"{servers[0]}?project={project}")
    yield service
    await service.close()


@pytest.fixture
async def fresh(servers: list[str], project: str) -> AsyncIterator[Callable[[Session], Any]]:
    """Reads a session with a new service, which has no events of it."""
    made = []

    async def read(session: Session) -> Session | None:
        made.append(SessionService(f"{servers[1]}?project={project}"))
        return await made[-1].get_session(**key(session))

    yield read
    for each in made:
        await each.close()


@pytest.fixture
def others(servers: list[str], project: str) -> Iterator["Others"]:
    parent = f"projects/{project}/locations/us-central1/reasoningEngines/{APP}"
    with httpx.Client() as client:
        yield Others(client, f"{servers[1]}/v1beta1/{parent}/sessions")


class Others:
    """A client of another server process."""

    def __init__(self, client: httpx.Client, sessions: str) -> None:
        self._client, self._sessions = client, sessions
        self._count = 0

    def call(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """`path` is relative to the sessions of the engine."""
        answer = self._client.request(verb, f"{self._sessions}{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def append(self, session: str, time: str = "2040-01-01T00:00:00Z", **fields: Any) -> None:
        self._count += 1
        event = {"author": "user", "invocationId": f"other-{self._count}", "timestamp": time}
        self.call("POST", f"/{session}:appendEvent", {**event, **fields})

    def events(self, session: str) -> list[str]:
        found = self.call("GET", f"/{session}/events").get("sessionEvents", [])
        return [each["name"].rpartition("/")[2] for each in found]


async def conversation(service: SessionService) -> Session:
    """A session of three events, which the service has read."""
    session = await service.create_session(app_name=APP, user_id="u", session_id="s")
    for number in range(3):
        delta = EventActions(state_delta={"n": number})
        await service.append_event(session, event(number, actions=delta))
    return await reread(service, session)


def kinds(requests: list[Any]) -> list[str]:
    """The last words of paths, without ids."""
    ends = [each.path.partition("?")[0].rpartition("/")[2].partition(":") for each in requests]
    return [verb or ("events" if word == "events" else "get") for word, _, verb in ends]


async def test_a_turn_is_a_get_and_two_appends(
    service: SessionService, servers: list[str], project: str
) -> None:
    """This holds from the first turn on, in a session that the service has created."""
    controls = Sessions(servers[0], project)
    session = await service.create_session(app_name=APP, user_id="u")
    before = len(controls.requests)
    for number in range(0, 6, 2):
        session = await reread(service, session)
        assert len(session.events) == number
        await service.append_event(session, event(number))
        await service.append_event(session, event(number + 1))
    assert kinds(controls.requests[before:]) == ["get", "appendEvent", "appendEvent"] * 3


async def test_events_that_others_wrote_are_read_once(
    service: SessionService, others: Others, servers: list[str], project: str
) -> None:
    session = await conversation(service)
    others.append(session.id)
    controls = Sessions(servers[0], project)
    before = len(controls.requests)
    for _ in range(2):
        assert len((await reread(service, session)).events) == 4
    assert kinds(controls.requests[before:]) == ["get", "events", "get"]


CHANGES: dict[str, Callable[[Others, str], object]] = {
    "append": lambda others, s: others.append(s),
    "earlier-append": lambda others, s: others.append(s, "2020-01-01T00:00:00Z"),
    "state-of-user": lambda others, s: others.append(s, actions={"stateDelta": {"user:k": 1}}),
    "batch": lambda others, s: others.call(
        "POST",
        f"/{s}:batchAppendEvents",
        {"events": [{"author": "a", "invocationId": "b", "timestamp": "2040-01-01T00:00:00Z"}]},
    ),
    "patch": lambda others, s: others.call("PATCH", f"/{s}", {"sessionState": {"other": True}}),
    "event-update": lambda others, s: others.call(
        "PATCH",
        f"/{s}/events/{others.events(s)[1]}?updateMask=content,rawEvent",
        {"content": {"parts": [{"text": "redacted"}]}},
    ),
    "event-removal": lambda others, s: others.call("DELETE", f"/{s}/events/{others.events(s)[1]}"),
    "event-purge": lambda others, s: others.call(
        "POST", f"/{s}/events:purge", {"filter": 'invocation_id="i1"', "force": True}
    ),
    "rewind": lambda others, s: others.call("POST", f"/{s}:rewind", {"beforeInvocationId": "i1"}),
    "another-of-its-id": lambda others, s: (
        others.call("DELETE", f"/{s}"),
        others.call("POST", f"?sessionId={s}", {"userId": "u"}),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("appends", ["none", "before", "after", "both"])
async def test_changes_by_others_are_read(
    service: SessionService, others: Others, fresh: Any, change: str, appends: str
) -> None:
    """Others write between two reads, with and without appends of the service itself."""
    session = await conversation(service)
    if appends in ("before", "both"):
        await service.append_event(session, event(10))
    known = session.model_copy(deep=True)
    CHANGES[change](others, session.id)
    if appends in ("after", "both"):
        await service.append_event(session, event(11))
    read = await reread(service, session)
    assert read == await fresh(session)
    assert (read.events, read.state) != (known.events, known.state)
    assert await reread(service, session) == read


@pytest.mark.parametrize("seed", range(3))
async def test_any_series_of_writes_is_read_as_by_a_new_service(
    service: SessionService, others: Others, fresh: Any, seed: int
) -> None:
    chance = random.Random(seed)
    session = await conversation(service)
    last: Event | None = None
    for number in range(20, 45):
        step = chance.choice(["own", "own", "early", "again", "patch", *CHANGES])
        if step in ("own", "early"):
            last = event(number if step == "own" else chance.randrange(10))
            await service.append_event(session, last)
        elif step == "again":
            if last is not None:
                await service.append_event(session, last)
        elif step in ("event-update", "event-removal") and len(others.events(session.id)) < 2:
            continue
        elif step != "rewind":
            CHANGES[step](others, session.id)
        if chance.random() < 0.6:
            assert await reread(service, session) == await fresh(session), step


async def test_a_session_that_others_removed_is_none(
    service: SessionService, others: Others
) -> None:
    session = await conversation(service)
    others.call("DELETE", f"/{session.id}")
    assert await service.get_session(**key(session)) is None


async def test_another_user_does_not_get_kept_events(service: SessionService) -> None:
    session = await conversation(service)
    assert await service.get_session(**{**key(session), "user_id": "v"}) is None


async def test_a_part_of_the_events_is_read_from_the_server(service: SessionService) -> None:
    session = await conversation(service)
    config = GetSessionConfig(num_recent_events=1)
    recent = await service.get_session(**key(session), config=config)
    assert recent is not None
    assert recent.events == session.events[-1:]
    assert await reread(service, session) == session


async def test_a_caller_may_change_what_it_read_and_sent(service: SessionService) -> None:
    """The next read does not have the caller's changes."""
    session = await service.create_session(app_name=APP, user_id="u")
    call = FunctionCall(name="f", args={"deep": {"list": [1]}})
    content = Content(role="model", parts=[Part(function_call=call)])
    actions = EventActions(state_delta={"k": {"deep": [1]}})
    sent = event(1, content=content, actions=actions, custom_metadata={"m": {"deep": [1]}})
    await service.append_event(session, sent)
    wanted = await reread(service, session)
    for read in (session, await reread(service, session)):
        (changed,) = read.events
        changed.content.parts[0].function_call.args["deep"]["list"].append(2)
        changed.actions.state_delta["k"]["deep"].append(2)
        changed.custom_metadata["m"]["deep"].append(2)
        changed.author = "nobody"
        read.state["k"]["deep"].append(3)
        read.events.clear()
    assert await reread(service, session) == wanted
    assert wanted.events[0].content.parts[0].function_call.args == {"deep": {"list": [1]}}


async def test_an_append_whose_answer_was_lost_is_there_once(
    service: SessionService, fresh: Any, servers: list[str], project: str
) -> None:
    """The server drops its answer, so the service sends the event once more."""
    session = await conversation(service)
    controls = Sessions(servers[0], project)
    controls.fail("append_event", after_commit=True, drop=True)
    before = len(controls.requests)
    await service.append_event(session, event(5))
    read = await reread(service, session)
    # Others may have written between both requests, so the etag does not prove the events.
    assert kinds(controls.requests[before:]) == ["appendEvent", "appendEvent", "get", "events"]
    assert [each.invocation_id for each in read.events] == ["i0", "i1", "i2", "i5"]
    assert read == await fresh(session)


async def test_appends_side_by_side_all_stand(service: SessionService, fresh: Any) -> None:
    session = await conversation(service)
    await asyncio.gather(
        *(service.append_event(session, event(10 + number)) for number in range(8))
    )
    read = await reread(service, session)
    assert len(read.events) == 11
    assert read == await fresh(session)
