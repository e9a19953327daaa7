"""`start --strict`: the server refuses what the managed service refuses."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from google.adk.events import Event
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai.errors import ClientError

from agent_engine_sessions.adk import SessionService
from agent_engine_sessions.testing import Sessions
from functions.api.routes import OWN_PARAMETERS, ROUTES, Route
from tests.support.starting import COMMAND, environment, started

EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
LOCATION = "projects/p/locations/us-central1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("strict")
    with started("--store=memory", "--strict", "--emulator", folder=folder) as (url, _):
        yield url


@pytest.fixture(scope="module")
def session(url: str) -> str:
    """The URL of a session with an event."""
    engine = httpx.post(f"{url}/v1beta1/{LOCATION}/reasoningEngines", json={}).json()["response"]
    sessions = f"{url}/v1beta1/{engine['name']}/sessions"
    created = httpx.post(f"{sessions}?sessionId={'a' * 63}", json={"userId": "u"}).json()
    session = f"{url}/v1beta1/{created['response']['name']}"
    httpx.post(f"{session}:appendEvent", json=EVENT).raise_for_status()
    return session


def test_an_engine_must_exist(url: str) -> None:
    refused = httpx.post(
        f"{url}/v1beta1/{LOCATION}/reasoningEngines/1/sessions", json={"userId": "u"}
    )
    assert refused.json()["error"]["message"] == "The ReasoningEngine does not exist."


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("sessionId=Order_1", {}),
        (f"sessionId={'a' * 64}", {}),
        ("sessionId=-a", {}),
        ("", {"ttl": "86399s"}),
        ("", {"unknown": 1}),
    ],
)
def test_a_session_beyond_the_official_limits_is_refused(
    session: str, query: str, body: dict[str, object]
) -> None:
    sessions = session.rpartition("/")[0]
    answer = httpx.post(f"{sessions}?{query}", json={"userId": "u", **body})
    assert answer.status_code == 400, answer.text


def test_a_fork_takes_no_other_ids(session: str) -> None:
    """The limit holds also for a request that asks for the extensions."""
    for session_id in ("Order_1", "a" * 64):
        answer = httpx.post(
            f"{session}:fork", json={"sessionId": session_id}, headers={"X-Extensions": "true"}
        )
        assert (answer.status_code, "session ID" in answer.text) == (400, True)


def test_fields_of_adks_clients_are_refused(session: str) -> None:
    of_adk = {**EVENT, "actions": {"requestedToolConfirmations": {}}}
    assert httpx.post(f"{session}:appendEvent", json=of_adk).status_code == 400


def test_a_page_has_100_events(session: str) -> None:
    with httpx.Client() as client:
        for _ in range(101):
            client.post(f"{session}:appendEvent", json=EVENT).raise_for_status()
    page = httpx.get(f"{session}/events?pageSize=1000").json()
    assert len(page["sessionEvents"]) == 100


OWN = [route for route in ROUTES if route.is_own]


@pytest.mark.parametrize("route", OWN, ids=lambda route: f"{route.verb} {route.template}")
def test_a_method_of_this_project_is_not_found(url: str, route: Route) -> None:
    """The managed service answers 404 to a path that it does not have."""
    path = re.sub(r"\{[^=]+=([^}]+)\}", r"\1", route.template).replace("*", "a")
    answer = httpx.request(route.verb, f"{url}/v1beta1/{path}")
    assert answer.status_code in (404, 405), answer.text
    assert re.match(r"There is no path|/v1beta1/.* takes ", answer.json()["error"]["message"])


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_a_parameter_of_this_project_is_unknown(session: str, name: str) -> None:
    for verb, path in (
        ("GET", session),
        ("GET", session.rpartition("/")[0]),
        ("GET", f"{session}/events"),
        ("DELETE", session),
        ("POST", f"{session}:appendEvent"),
    ):
        answer = httpx.request(verb, f"{path}?{name}=FULL")
        assert answer.status_code == 400
        assert f'Unknown name "{name}"' in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("below", "query"),
    [
        ("", 'create_time>"2026-01-01T00:00:00Z"'),
        ("", 'expire_time>"2026-01-01T00:00:00Z"'),
        ("/events", 'author="a"'),
        ("/events", 'event_type="ERROR"'),
    ],
)
def test_a_filter_by_a_field_of_this_project_is_refused(
    session: str, below: str, query: str
) -> None:
    path = session + below if below else session.rpartition("/")[0]
    answer = httpx.get(path, params={"filter": query})
    assert answer.status_code == 400, answer.text


def test_the_engine_that_stands_for_all_is_refused(session: str) -> None:
    everywhere = re.sub("reasoningEngines/.*", "reasoningEngines/-/sessions", session)
    assert httpx.get(everywhere).status_code == 400


def test_a_request_that_asks_for_the_extensions_has_them_all(session: str) -> None:
    """The console sends the header: it lists over all engines, filters by time, and reads etags."""
    everywhere = re.sub("reasoningEngines/.*", "reasoningEngines/-/sessions", session)
    with httpx.Client(headers={"X-Extensions": "true"}) as client:
        query = {"view": "FULL", "filter": 'create_time>"2026-01-01T00:00:00Z"'}
        (listed,) = client.get(everywhere, params=query).json()["sessions"]
        assert session.endswith(listed["name"])
        found = client.get(f"{session}/events", params={"filter": 'author="a"', "view": "FULL"})
        assert found.json()["sessionEvents"]
        etag = client.get(session).headers["ETag"]
        assert client.get(session, headers={"If-None-Match": etag}).status_code == 304
        old = client.patch(session, json={"displayName": "n"}, headers={"If-Match": '"other"'})
        assert old.status_code == 409
    assert "ETag" not in httpx.get(session, headers={"If-None-Match": etag}).headers


def test_methods_of_the_managed_service_work(session: str) -> None:
    """Compaction is official; a header that the service does not know changes nothing."""
    compaction = {"compaction": {"eventEditing": {"mode": "AUTO"}}}
    assert httpx.post(f"{session}:compact", json=compaction).json()["done"] is True
    sessions = session.rpartition("/")[0]
    listed = httpx.get(sessions, params={"filter": 'user_id="u"', "orderBy": "create_time"})
    assert len(listed.json()["sessions"]) == 1
    some = httpx.get(f"{session}/events", params={"filter": 'timestamp>"2025-01-01T00:00:00Z"'})
    assert some.json()["sessionEvents"]
    named = httpx.patch(session, json={"displayName": "n"}, headers={"If-Match": '"other"'})
    assert named.json()["displayName"] == "n"


def test_the_tools_of_this_project_still_work(session: str, tmp_path: Path) -> None:
    """The fixtures seed and export, and so do the commands: they send a header."""
    url = session.partition("/v1beta1/")[0]
    theirs = Sessions(url, "p")
    lines = theirs.export()
    other = Sessions(url, "q")
    engines = f"{url}/v1beta1/{other.parent}/reasoningEngines"
    engine = httpx.post(engines, json={}).json()["response"]["name"]
    other.seed({"sessions": [{"engine": engine.rpartition("/")[2], "userId": "v"}]})
    assert other.export()[-1] == {"end": {"sessions": 1, "events": 0}}
    theirs.seed(lines)
    command = [*COMMAND, "purge", f"--url={url}"]
    done = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_adks_service_needs_no_extension(session: str) -> None:
    """Except for user state and check_revision, which VertexAiSessionService lacks."""
    engine = session.split("/")[-3]
    url = session.partition("/v1beta1/")[0]

    async def conversation() -> None:
        service = SessionService(f"{url}/{engine}?project=p&location=us-central1")
        made = await service.create_session(app_name="app", user_id="ada", state={"k": 1})
        await service.append_event(made, Event(author="user", invocation_id="i"))
        config = GetSessionConfig(num_recent_events=10, after_timestamp=1.0)
        of = {"app_name": "app", "user_id": "ada"}
        found = await service.get_session(**of, session_id=made.id, config=config)
        assert found is not None
        assert (len(found.events), found.state) == (1, {"k": 1})
        assert [each.id for each in (await service.list_sessions(**of)).sessions] == [made.id]
        await service.delete_session(**of, session_id=made.id)
        with pytest.raises(ClientError, match="no path"):
            await service.get_user_state(**of)
        await service.close()

    asyncio.run(conversation())


def test_adks_service_reads_what_others_append(session: str) -> None:
    """The server does not check an append against an etag, so that no append tells of others."""
    engine = session.split("/")[-3]
    url = session.partition("/v1beta1/")[0]

    async def conversation() -> None:
        service = SessionService(f"{url}/{engine}?project=p&location=us-central1")
        made = await service.create_session(app_name="app", user_id="eve")
        of = {"app_name": "app", "user_id": "eve", "session_id": made.id}
        path = f"{session.rpartition('/')[0]}/{made.id}"
        httpx.post(f"{path}:appendEvent", json={**EVENT, "author": "other"}).raise_for_status()
        await service.append_event(made, Event(author="user", invocation_id="i"))
        found = await service.get_session(**of)
        assert found is not None
        assert [each.author for each in found.events] == ["other", "user"]
        await service.close()

    asyncio.run(conversation())
