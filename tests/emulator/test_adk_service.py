"""What ADK's own session service in memory does, ours does, too; and what only ours can."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google.adk.cli.service_registry import get_service_registry
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import EventActions
from google.adk.sessions import BaseSessionService, InMemorySessionService
from google.adk.sessions.base_session_service import GetSessionConfig
from google.auth.credentials import Credentials
from google.genai.types import Content, Part

from agent_engine_sessions.adk import SessionService, register
from agent_engine_sessions.testing import Sessions
from tests.support.adk_sessions import event, key, reread
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("service", ["adk_in_memory", "ours"], indirect=True)
OURS = pytest.mark.parametrize("service", ["ours"], indirect=True)
APP = "my_agent"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    settings = {"SESSIONS_STORE": "sqlite:///:memory:", "MIN_TTL": "0s", "EMULATOR": "true"}
    with serving("sessions_api", settings) as url:
        yield url


@pytest.fixture
async def service(
    request: pytest.FixtureRequest, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BaseSessionService]:
    """A service without sessions; ours has a project of the test's own."""
    if request.param == "adk_in_memory":
        yield InMemorySessionService()
        return
    url: str = request.getfixturevalue("url")
    # The environment of an agent with a model of Google's, none of which is the server's.
    monkeypatch.setenv("GOOGLE_API_KEY", "of-the-model")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "elsewhere")
    project = f"p{abs(hash(request.node.nodeid))}"
    ours = SessionService(f"{url.replace('http', 'agentsessions')}?project={project}")
    yield ours
    await ours.close()


@BOTH
async def test_create_answers_the_session_as_get_does(service: BaseSessionService) -> None:
    state = {"own": [1, {"k": None}], "app:a": 1, "user:u": "x"}
    created = await service.create_session(app_name=APP, user_id="u", state=state, session_id=" s ")
    assert (created.app_name, created.user_id, created.id) == (APP, "u", "s")
    assert created.state == state
    assert created.events == []
    assert await reread(service, created) == created


@BOTH
async def test_an_id_is_taken_once(service: BaseSessionService) -> None:
    await service.create_session(app_name=APP, user_id="u", session_id="s")
    with pytest.raises(AlreadyExistsError, match="Session with id s already exists"):
        await service.create_session(app_name=APP, user_id="u", session_id="s")


@BOTH
async def test_a_session_that_is_not_there_is_none(service: BaseSessionService) -> None:
    """Nor is another user's; deleting either changes nothing."""
    mine = await service.create_session(app_name=APP, user_id="u", session_id="s")
    for other in ({"session_id": "none"}, {"user_id": "v"}, {"app_name": "other"}):
        assert await service.get_session(**{**key(mine), **other}) is None
        await service.delete_session(**{**key(mine), **other})
    assert await reread(service, mine) == mine


@BOTH
async def test_a_deleted_session_is_gone_with_its_events(service: BaseSessionService) -> None:
    session = await service.create_session(app_name=APP, user_id="u", session_id="s")
    await service.append_event(session, event())
    await service.delete_session(**key(session))
    assert await service.get_session(**key(session)) is None
    again = await service.create_session(app_name=APP, user_id="u", session_id="s")
    assert (await reread(service, again)).events == []


@BOTH
async def test_lists_have_state_and_no_events(service: BaseSessionService) -> None:
    users = ['a"b\\c', "other", 'a"b\\c']
    made = [
        await service.create_session(app_name=APP, user_id=user, state={"n": number})
        for number, user in enumerate(users)
    ]
    await service.append_event(made[0], event(actions=EventActions(state_delta={"user:k": 1})))
    await service.create_session(app_name="another", user_id=users[0])
    everybody = (await service.list_sessions(app_name=APP)).sessions
    assert {each.id for each in everybody} == {each.id for each in made}
    assert all(not each.events for each in everybody)
    mine = (await service.list_sessions(app_name=APP, user_id=users[0])).sessions
    assert sorted((each.state["n"], each.state["user:k"]) for each in mine) == [(0, 1), (2, 1)]
    assert (await service.list_sessions(app_name=APP, user_id="nobody")).sessions == []


@BOTH
async def test_state_has_its_scopes(service: BaseSessionService) -> None:
    """The user's state is read without a session's id, too, and temporary state is not kept."""
    first = await service.create_session(app_name=APP, user_id="u")
    second = await service.create_session(app_name=APP, user_id="u")
    delta = {"app:a": [1], "user:k": {"deep": True}, "temp:t": 1, "own": 1.5}
    await service.append_event(first, event(actions=EventActions(state_delta=delta)))
    assert first.state["temp:t"] == 1
    shared = {"app:a": [1], "user:k": {"deep": True}}
    assert (await reread(service, first)).state == {**shared, "own": 1.5}
    assert (await reread(service, second)).state == shared
    assert await service.get_user_state(app_name=APP, user_id="u") == {"k": {"deep": True}}
    assert await service.get_user_state(app_name=APP, user_id="nobody") == {}


@BOTH
@pytest.mark.parametrize("recent", [None, 0, 1, 3, 9])
@pytest.mark.parametrize("after", [None, 2, 9])
async def test_a_part_of_the_events_is_read(
    service: BaseSessionService, recent: int | None, after: int | None
) -> None:
    session = await service.create_session(app_name=APP, user_id="u")
    events = [event(number) for number in range(5)]
    for each in events:
        await service.append_event(session, each)
    since = None if after is None else events[0].timestamp + after
    config = GetSessionConfig(num_recent_events=recent, after_timestamp=since)
    wanted = events if recent is None else events[-recent:] if recent else []
    wanted = [each for each in wanted if since is None or each.timestamp >= since]
    assert (await reread(service, session, config)).events == wanted


@BOTH
async def test_an_event_comes_back_equal_and_once(service: BaseSessionService) -> None:
    """A partial event is not kept; an event that is sent again is the same event."""
    session = await service.create_session(app_name=APP, user_id="u")
    sent = event(branch="a.b", turn_complete=True, long_running_tool_ids={"1"})
    await service.append_event(session, event(partial=True))
    await service.append_event(session, sent)
    await service.append_event(await reread(service, session), sent)
    assert (await reread(service, session)).events == [sent]


@BOTH
async def test_an_append_to_a_session_that_is_gone_is_an_error(service: BaseSessionService) -> None:
    session = await service.create_session(app_name=APP, user_id="u")
    await service.delete_session(**key(session))
    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, event())


@BOTH
async def test_the_state_of_a_user_needs_no_session(service: BaseSessionService) -> None:
    """It stays when the user's last session is deleted."""
    user = "a/b c@d~.%"
    session = await service.create_session(app_name=APP, user_id=user, state={"user:k": [1]})
    await service.delete_session(**key(session))
    assert await service.get_user_state(app_name=APP, user_id=user) == {"k": [1]}


@OURS
async def test_every_page_is_read(service: SessionService) -> None:
    """Of sessions, 100 make a page; of events, 1000."""
    made = (service.create_session(app_name=APP, user_id="u") for _ in range(101))
    await asyncio.gather(*made)
    sessions = (await service.list_sessions(app_name=APP)).sessions
    assert len({each.id for each in sessions}) == 101
    events = [event(number) for number in range(1002)]
    await asyncio.gather(*(service.append_event(sessions[0], each) for each in events))
    assert (await reread(service, sessions[0])).events == events
    recent = GetSessionConfig(num_recent_events=1001)
    assert (await reread(service, sessions[0], recent)).events == events[1:]


@OURS
async def test_recent_events_are_one_request_for_as_many(service: SessionService, url: str) -> None:
    """Beside the session's own; an emulator's log tells."""
    session = await service.create_session(app_name=APP, user_id="u")
    await asyncio.gather(*(service.append_event(session, event(number)) for number in range(50)))
    project = Sessions(url, service._base_url.split("/")[-3])
    before = len(project.requests)
    read = await reread(service, session, GetSessionConfig(num_recent_events=10))
    assert len(read.events) == 10
    _, events = [each.path for each in project.requests[before:]]
    assert parse_qs(urlsplit(events).query) == {"pageSize": ["10"], "orderBy": ["timestamp desc"]}


@OURS
async def test_a_session_has_a_name_labels_and_an_end(service: SessionService, url: str) -> None:
    session = await service.create_session(
        app_name=APP, user_id="u", display_name="Trip", labels={"k": "v"}, ttl="3600s"
    )
    project = service._base_url.partition("/v1beta1/")[2]
    name = f"{project}/reasoningEngines/{APP}/sessions/{session.id}"
    stored = httpx.get(f"{url}/v1beta1/{name}").json()
    assert (stored["displayName"], stored["labels"]) == ("Trip", {"k": "v"})
    assert stored["expireTime"] > stored["createTime"]


@OURS
async def test_an_event_of_another_client_is_read_as_adk_has_it(
    service: SessionService, url: str
) -> None:
    """One without ADK's own copy of it."""
    session = await service.create_session(app_name=APP, user_id="u")
    project = service._base_url.partition("/v1beta1/")[2]
    sent = {
        "author": "agent",
        "invocationId": "i",
        "timestamp": "2027-01-15T08:00:00Z",
        "content": {"role": "model", "parts": [{"text": "t"}]},
        "actions": {"transferAgent": "other", "stateDelta": {"k": 1}},
        "eventMetadata": {"branch": "a", "turnComplete": True, "longRunningToolIds": ["1"]},
    }
    name = f"{project}/reasoningEngines/{APP}/sessions/{session.id}"
    httpx.post(f"{url}/v1beta1/{name}:appendEvent", json=sent).raise_for_status()
    (read,) = (await reread(service, session)).events
    assert (read.author, read.branch, read.turn_complete) == ("agent", "a", True)
    assert (read.actions.transfer_to_agent, read.actions.state_delta) == ("other", {"k": 1})
    assert read.long_running_tool_ids == {"1"}
    assert read.content == Content(role="model", parts=[Part(text="t")])


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "127.0.0.1:8080",
        "agentengine://1",
        "agentsessions://h/a/b",
        "http://h?x=1",
        "http://h?check_revision=1",
    ],
)
def test_a_uri_of_another_shape_is_a_sentence(uri: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no URI such as|may have project|must be true or false"
    ):
        SessionService(uri)


@pytest.mark.parametrize("scheme", ["agentsessions", "agentsessions+https"])
def test_a_registered_scheme_makes_the_service(scheme: str) -> None:
    """As `adk web` does, whose folder of agents the service has no use for."""
    register()
    made = get_service_registry().create_session_service(f"{scheme}://h:1/e", agents_dir=".")
    assert isinstance(made, SessionService)


class Recorder(BaseHTTPRequestHandler):
    """Answers a list of no sessions and the creation of one, and keeps what was sent."""

    seen: ClassVar[list[tuple[str | None, str | None, str]]] = []

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        name = "projects/p/locations/l/reasoningEngines/e/sessions/s"
        session = {"name": name, "userId": "u", "updateTime": "2026-01-01T00:00:00Z"}
        self._answer({"name": f"{name}/operations/o", "done": True, "response": session})

    def _answer(self, body: dict[str, Any]) -> None:
        sent = self.headers.get
        self.seen.append((sent("Authorization"), sent("X-Goog-Api-Key"), self.path))
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


class Identity(Credentials):
    """Google's credentials, each of whose tokens is good for one call."""

    refreshed = 0

    @property
    def valid(self) -> bool:
        return False

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ({}, {}, [(None, None)] * 2),
        ({"token": "t"}, {}, [("Bearer t", None)] * 2),
        ({"api_key": "k"}, {"AGENT_ENGINE_SESSIONS_TOKEN": "t"}, [(None, "k")] * 2),
        ({}, {"AGENT_ENGINE_SESSIONS_TOKEN": "t"}, [("Bearer t", None)] * 2),
        ({}, {"AGENT_ENGINE_SESSIONS_API_KEY": "k"}, [(None, "k")] * 2),
        ({"credentials": Identity}, {}, [("Bearer token-1", None), ("Bearer token-2", None)]),
    ],
    ids=["none", "token", "key", "token-of-environment", "key-of-environment", "identity"],
)
@pytest.mark.parametrize("enterprise", ["true", "false"])
async def test_the_server_gets_the_credential_that_is_for_it(
    options: dict[str, Any],
    variables: dict[str, str],
    expected: list[tuple[str | None, str | None]],
    enterprise: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And never the key or the project of the model, in calls of ours and of ADK."""
    google = {"GOOGLE_API_KEY": "of-the-model", "GOOGLE_GENAI_USE_ENTERPRISE": enterprise}
    google |= {"GOOGLE_CLOUD_PROJECT": "elsewhere", "GOOGLE_CLOUD_LOCATION": "elsewhere"}
    for name, value in {**google, **variables}.items():
        monkeypatch.setenv(name, value)
    options = {name: value() if value is Identity else value for name, value in options.items()}
    Recorder.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        service = SessionService(f"agentsessions://127.0.0.1:{server.server_port}", **options)
        await service.list_sessions(app_name=APP)
        await service.create_session(app_name=APP, user_id="u")
        await service.close()
        server.shutdown()
    assert [seen[:2] for seen in Recorder.seen] == expected
    assert [urlsplit(path).path for *_, path in Recorder.seen] == [
        f"/v1beta1/reasoningEngines/{APP}/sessions"
    ] * 2


def test_credentials_serve_several_event_loops(url: str) -> None:
    """ADK's `Runner.run` makes an event loop for each call."""
    service = SessionService(url, credentials=Identity())

    async def calls() -> None:
        await asyncio.gather(*(service.list_sessions(app_name=APP) for _ in range(2)))
        await service.close()

    for _ in range(2):
        asyncio.run(calls())
