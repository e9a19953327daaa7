"""The fixtures, in another project that has nothing but its tests."""

import os
import re
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import agentplatform
import httpx
import pytest
import vertexai
from google.genai.types import HttpOptions
from google.oauth2.credentials import Credentials

from agent_engine_sessions.testing import Sessions, redirecting_clients
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.starting import emulating, environment, started

PAGE = (ROOT / "docs/use-it-in-tests.md").read_text()

MANY = """
import json, os, urllib.request
import pytest

def call(url, body=None):
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return json.load(answer)

@pytest.mark.parametrize("number", range(200))
def test_nothing_of_another_test_is_there(sessions, sessions_emulator, number):
    assert sessions.url == sessions_emulator
    assert sessions.requests == []
    start = sessions.now
    sessions.advance(f"{number}h")
    assert number * 3600 <= (sessions.now - start).total_seconds() < number * 3600 + 60
    own = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines/1/sessions"
    call(f"{own}?sessionId=s", {"userId": "u", "sessionState": {"app:n": number}})
    (found,) = call(own)["sessions"]
    assert found["sessionState"] == {"app:n": number}
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(sessions.url + "\\n")
"""


def run_tests(folder: Path, *options: str, **variables: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "agent_engine_sessions.pytest_plugin", f"--basetemp={folder}/temp", *options]
    process = subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    return process.stdout


def is_gone(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return True
    return False


def test_two_workers_share_one_server_and_no_state(tmp_path: Path) -> None:
    """The server ends when both have: each start of a later run is one of its own."""
    (tmp_path / "test_many.py").write_text(MANY)
    said = run_tests(tmp_path, "-n", "2", SEEN=f"{tmp_path}/seen")
    assert "200 passed" in said, said
    seen = (tmp_path / "seen").read_text().split()
    assert (len(seen), len(set(seen))) == (200, 1)
    again = run_tests(tmp_path, "-n", "0", "-k", "99", SEEN=f"{tmp_path}/again")
    assert "passed" in again, again
    assert is_gone(seen[0])


def test_each_block_of_the_page_runs_alone(tmp_path: Path) -> None:
    """Except in a container, which tests/emulator/test_container.py runs."""
    code = [block for block in code_blocks(PAGE, "python") if "testcontainers" not in block]
    for number, block in enumerate(code):
        (tmp_path / f"test_block_{number}.py").write_text(block)
    said = run_tests(tmp_path, "-n", "0", "-W", "ignore")
    assert f"{len(code)} passed" in said, said


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> object:
    with emulating(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def sessions(url: str, request: pytest.FixtureRequest) -> Sessions:
    return Sessions(url, f"p{abs(hash(request.node.nodeid))}")


def create(sessions: Sessions, session_id: str = "s", **body: object) -> httpx.Response:
    url = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines/1/sessions"
    return httpx.post(f"{url}?sessionId={session_id}", json={"userId": "u", **body}, timeout=60)


def test_the_clock_is_that_of_one_project(sessions: Sessions) -> None:
    """It goes on from where it is set, stands when frozen, and times of answers follow it."""
    neighbour = Sessions(sessions.url, f"{sessions.project}-neighbour")
    before = neighbour.now
    sessions.advance("1d12h")
    assert (sessions.now - before).total_seconds() >= 36 * 3600
    assert (neighbour.now - before).total_seconds() < 3600
    sessions.freeze()
    frozen = sessions.now
    assert create(sessions).json()["response"]["createTime"] == (
        frozen.isoformat().replace("+00:00", "Z")
    )
    assert sessions.now == frozen
    sessions.freeze(False)
    assert sessions.now > frozen
    for wrong in ("25", "h", "-1h", ""):
        with pytest.raises(ValueError, match="no duration"):
            sessions.advance(wrong)


def test_a_fault_is_for_the_next_calls_of_its_method(sessions: Sessions) -> None:
    """After the commit, the work is done; other projects go on."""
    neighbour = Sessions(sessions.url, f"{sessions.project}-neighbour")
    sessions.fail("get_session", status=429)
    sessions.fail("create_session", status=500, times=2)
    sessions.fail("create_session", status=503, after_commit=True)
    assert create(neighbour).status_code == 200
    assert [create(sessions).status_code for _ in range(4)] == [500, 500, 503, 400]
    assert [each.status for each in sessions.requests] == [500, 500, 503, 400]
    refused = httpx.get(
        f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines/1/sessions/s"
    ).json()
    assert refused["error"]["status"] == "RESOURCE_EXHAUSTED"
    for wrong in ({"method": "fly"}, {"status": 200}, {"times": 0}):
        with pytest.raises(ValueError, match=r"no method|must be"):
            sessions.fail(**wrong)  # type: ignore[arg-type]


def test_a_dropped_connection_has_no_answer(sessions: Sessions) -> None:
    """Before the work, or after it, when the work is done; the log has the status 0."""
    sessions.fail("create_session", drop=True)
    sessions.fail("create_session", drop=True, after_commit=True)
    for session_id in ("before", "after"):
        with pytest.raises(httpx.RemoteProtocolError):
            create(sessions, session_id)
    assert [create(sessions, each).status_code for each in ("before", "after")] == [200, 400]
    assert [each.status for each in sessions.requests] == [0, 0, 200, 400]


def test_a_late_call_is_answered_as_any_other(sessions: Sessions) -> None:
    """A client whose patience is shorter than the latency gives up; the work is done."""
    sessions.fail("create_session", status=None, latency=timedelta(seconds=30))
    url = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines/1/sessions"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url, json={"userId": "u"}, timeout=0.2)
    sessions.fail("create_session", status=None, latency="0.001s", after_commit=True)
    assert create(sessions).status_code == 200
    with pytest.raises(ValueError, match="needs latency or drop"):
        sessions.fail(status=None)


def test_a_fault_of_a_probability_hits_the_same_calls_at_every_run(sessions: Sessions) -> None:
    """It goes on until somebody clears it."""
    runs = []
    for run in range(2):
        sessions.fail("create_session", times=None, probability=0.5, seed=7)
        runs.append([create(sessions, f"{run}-{number}").status_code for number in range(20)])
        sessions.clear_faults()
    assert runs[0] == runs[1]
    assert {*runs[0]} == {200, 503}
    assert create(sessions, "last").status_code == 200


def test_ids_of_a_seed_are_those_of_every_run(sessions: Sessions) -> None:
    """Of sessions, engines, events, rewinds and forks; others have random ones."""

    def made() -> list[str]:
        root = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines"
        engine = httpx.post(root, json={}).json()["response"]["name"]
        body = {"userId": "u", "displayName": "Trip"}
        session = httpx.post(f"{root}/1/sessions", json=body).json()["response"]["name"]
        event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
        session_url = f"{sessions.url}/v1beta1/{session}"
        httpx.post(f"{session_url}:appendEvent", json=event).raise_for_status()
        back = {"beforeInvocationId": "i"}
        httpx.post(f"{session_url}:rewind", json=back).raise_for_status()
        fork = httpx.post(f"{session_url}:fork", json={}).json()["response"]["name"]
        stored = httpx.get(f"{session_url}/events").json()["sessionEvents"]
        assert len(stored) == 2
        return [engine, session, fork, *(each["name"] for each in stored)]

    runs = []
    for _ in range(2):
        sessions.seed_ids(7)
        runs.append(made())
        sessions.reset()
    assert runs[0] == runs[1]
    assert not {*made()} & {*runs[0]}


def everything(sessions: Sessions) -> list[Any]:
    """All that the API tells of the project's engines, in full."""
    root = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines"
    told = [httpx.get(root).json().get("reasoningEngines", [])]
    for engine in ("1", "2"):
        listed = httpx.get(f"{root}/{engine}/sessions?orderBy=create_time").json()
        for session in listed.get("sessions", []):
            events = httpx.get(f"{sessions.url}/v1beta1/{session['name']}/events").json()
            told.append((session, events))
        told.append(httpx.get(f"{root}/{engine}/state").json().get("state"))
        told.append(httpx.get(f"{root}/{engine}/users/u/state").json().get("state"))
    return told


def test_a_snapshot_brings_the_project_back_as_it_was(sessions: Sessions) -> None:
    """Engines, sessions, events, state of every scope, and the clock, as often as asked."""
    neighbour = Sessions(sessions.url, f"{sessions.project}-neighbour")
    create(neighbour)
    root = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines"
    made = httpx.post(root, json={"displayName": "e"}).json()["response"]["name"]
    sessions.freeze()
    name = create(sessions, sessionState={"k": 1, "app:a": 1}).json()["response"]["name"]
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    for number in range(3):
        delta = {"k": number, "user:n": number, "app:n": [number]}
        body = {**event, "actions": {"stateDelta": delta}}
        httpx.post(f"{sessions.url}/v1beta1/{name}:appendEvent", json=body).raise_for_status()
    httpx.patch(f"{root}/2/state", json={"state": {"alone": True}}).raise_for_status()
    before, time = everything(sessions), sessions.now
    first = sessions.snapshot()
    for _ in range(2):
        sessions.advance("400d")
        assert create(sessions, "later", sessionState={"app:n": 9}).status_code == 200
        httpx.delete(f"{sessions.url}/v1beta1/{made}").raise_for_status()
        assert everything(sessions) != before
        sessions.restore(first)
        assert sessions.now == time
        assert everything(sessions) == before
    theirs = name.replace(sessions.project, neighbour.project)
    assert httpx.get(f"{neighbour.url}/v1beta1/{theirs}").status_code == 200
    with pytest.raises(ValueError, match="no snapshot 2"):
        sessions.restore(2)


def test_a_reset_leaves_nothing(sessions: Sessions) -> None:
    """Neither sessions, nor engines, nor the state of apps and users, in this project alone."""
    neighbour = Sessions(sessions.url, f"{sessions.project}-neighbour")
    state = {"app:a": 1, "user:u": 2}
    engines = f"{sessions.url}/v1beta1/{sessions.parent}/reasoningEngines"
    httpx.post(engines, json={"displayName": "e"})
    for each in (sessions, neighbour):
        create(each, sessionState=state)
    sessions.advance("1h")
    sessions.reset()
    assert sessions.requests == []
    assert httpx.get(engines).json().get("reasoningEngines", []) == []
    assert create(sessions).json()["response"].get("sessionState", {}) == {}
    assert create(neighbour, "t").json()["response"]["sessionState"] == state


@pytest.mark.parametrize("module", [agentplatform, vertexai])
def test_a_client_that_code_makes_is_led_here(
    sessions: Sessions, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key or a project, and options that stay; afterwards, clients are what they were."""
    monkeypatch.setenv("GOOGLE_API_KEY", "of-the-model")
    created = create(sessions).json()["response"]["name"]
    before = module.Client.__init__
    with warnings.catch_warnings(), redirecting_clients(sessions):
        warnings.simplefilter("ignore", FutureWarning)
        for options in (
            {"project": "mine", "location": "us", "credentials": Credentials("real")},
            {"api_key": "secret"},
            {"http_options": {"headers": {"x-own": "1"}, "base_url": "https://other.example"}},
            {"http_options": HttpOptions(api_version="v1")},
            {},
        ):
            client = module.Client(**options)
            found = client.sessions if module is agentplatform else client.agent_engines.sessions
            assert found.get(name="reasoningEngines/1/sessions/s").name == created
    assert module.Client.__init__ is before


def test_no_environment_variable_leads_a_client(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once one does, the page and `env` should name it."""
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", url)
    client = agentplatform.Client(project="p", location="l", credentials=Credentials("unused"))
    assert client._api_client._http_options.base_url == "https://l-aiplatform.googleapis.com/"


@pytest.mark.parametrize("path", ["", "p/clocks", "p/clock/", "p"])
def test_a_control_that_is_not_there_is_not_found(url: str, path: str) -> None:
    answer = httpx.get(f"{url}/emulator/v1/projects/{path}")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("verb", "control", "body"),
    [
        ("POST", "faults", "[]"),
        ("POST", "faults", "{"),
        ("POST", "faults", '{"times": "x"}'),
        ("POST", "faults", '{"method": []}'),
        ("POST", "faults", '{"status": {}}'),
        ("POST", "faults", '{"afterCommit": "no"}'),
        ("POST", "faults", '{"other": 1}'),
        ("POST", "faults", '{"status": null}'),
        ("POST", "faults", '{"latency": "soon"}'),
        ("POST", "faults", '{"latency": "301s"}'),
        ("POST", "faults", '{"latency": "-1s"}'),
        ("POST", "faults", '{"drop": 1}'),
        ("POST", "faults", '{"probability": 0}'),
        ("POST", "faults", '{"probability": 1.5}'),
        ("POST", "faults", '{"probability": "0.5"}'),
        ("POST", "faults", '{"seed": "x"}'),
        ("PATCH", "ids", '{"seed": 1.5}'),
        ("PATCH", "ids", "[]"),
        ("PATCH", "clock", '{"time": "soon"}'),
        ("PATCH", "clock", '{"frozen": 1}'),
        ("POST", "clock:advance", "{}"),
        ("POST", "clock:advance", '{"duration": "-1s"}'),
        ("POST", "clock:advance", '{"duration": "300000000000s"}'),
    ],
)
def test_a_control_of_another_shape_is_refused(
    url: str, verb: str, control: str, body: str
) -> None:
    answer = httpx.request(verb, f"{url}/emulator/v1/projects/p/{control}", content=body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "time", ["1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "2300-01-01T00:00:00Z"]
)
def test_the_clock_shows_only_times_that_stores_keep(sessions: Sessions, time: str) -> None:
    """The refusal names the bounds, and the clock goes on as before."""
    clock = f"{sessions.url}/emulator/v1/projects/{sessions.project}/clock"
    before = sessions.now
    answer = httpx.patch(clock, json={"time": time})
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "The clock must lie between 1970-01-01T00:00:00Z and 2262-01-01T00:00:00Z",
    )
    assert timedelta() <= sessions.now - before < timedelta(hours=1)


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2261-12-31T23:59:59Z"])
def test_a_server_serves_at_every_time_that_the_clock_may_show(
    sessions: Sessions, time: str
) -> None:
    sessions.freeze()
    sessions.now = datetime.fromisoformat(time)
    created = create(sessions).json()["response"]
    assert created["createTime"] == time
    listed = sessions.client().sessions.list(name=f"{sessions.parent}/reasoningEngines/1")
    assert [each.name for each in listed] == [created["name"]]


def test_a_page_of_another_site_controls_nothing(url: str) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = httpx.delete(f"{url}/emulator/v1/projects/p", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("variable", [{"K_SERVICE": "f"}, {"WORKERS": "2"}])
def test_controls_are_refused_in_the_cloud_and_with_workers(
    tmp_path: Path, variable: dict[str, str]
) -> None:
    """The start ends with a sentence."""
    process = subprocess.run(
        [sys.executable, "-m", "agent_engine_sessions", "start", "--port=0", "--emulator"],
        cwd=tmp_path,
        env=environment(GOOGLE_CLOUD_PROJECT="p", **variable),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr.startswith("EMULATOR=true is not allowed in the cloud")


def test_without_the_setting_there_are_no_controls(tmp_path: Path) -> None:
    with started("--store=memory", folder=tmp_path) as (url, _):
        answer = httpx.get(f"{url}/emulator/v1/projects/p/clock")
        assert answer.status_code == 404
        assert re.search("no path", answer.text)
    assert "EMULATOR" not in os.environ


def test_the_fixtures_say_that_a_server_is_no_emulator(tmp_path: Path) -> None:
    """The one that the variable names: it answers without controls, or not at all."""
    (tmp_path / "test_one.py").write_text("def test_it(sessions): pass")
    with started("--store=memory", folder=tmp_path) as (url, _):
        said = run_tests(tmp_path, "-n", "0", AGENT_ENGINE_SESSIONS_URL=url)
    named = f"The server {url}, which AGENT_ENGINE_SESSIONS_URL names,"
    assert f"{named} is no emulator: start it with --emulator." in said
    assert "Traceback" not in said
    said = run_tests(tmp_path, "-n", "0", AGENT_ENGINE_SESSIONS_URL=url)
    assert f"{named} does not answer: " in said


def test_a_package_that_is_missing_names_the_extra(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "agentplatform", None)
    for use in (sessions.client, lambda: redirecting_clients(sessions).__enter__()):
        with pytest.raises(ModuleNotFoundError, match=r"'\.\[adk\]'"):
            use()


def test_the_clock_takes_no_text(sessions: Sessions) -> None:
    with pytest.raises(TypeError, match="now must be a datetime such as"):
        sessions.now = "2031-01-01T00:00:00Z"  # type: ignore[assignment]


def test_the_clock_may_start_at_another_time(tmp_path: Path) -> None:
    """Every project's clock does, and goes on; a reset sets it there again."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    options = ("--store=memory", "--clock=2030-01-01T00:00:00Z")
    with started(*options, folder=tmp_path) as (url, _):
        sessions = Sessions(url, "p")
        first = sessions.now
        assert timedelta() <= first - start < timedelta(hours=1)
        created = create(sessions).json()["response"]["createTime"]
        assert created.startswith("2030-01-01T00:")
        sessions.advance("30d")
        sessions.reset()
        assert first <= sessions.now < start + timedelta(hours=1)
