"""`adk run`, `adk web` and `adk api_server`, set up as docs/use-it-from-adk.md says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.chromium import chromium_or_skip
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.servers import free_port, running, serving

PAGE = (ROOT / "docs/use-it-from-adk.md").read_text()
AGENT = """
from google.adk.agents import BaseAgent
from google.adk.events import Event
from google.genai.types import Content, Part


class Echo(BaseAgent):
    async def _run_async_impl(self, context):
        said = [
            part.text
            for event in context.session.events
            for part in event.content.parts
            if event.author == "user"
        ]
        yield Event(
            author=self.name,
            invocation_id=context.invocation_id,
            content=Content(role="model", parts=[Part(text=f"Heard {', '.join(said)}")]),
        )


root_agent = Echo(name="echo")
"""
PATIENCE = 120_000
"""Milliseconds that the page may take for anything."""

ADK = (sys.executable, "-W", "ignore", "-m", "google.adk.cli")


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one agent without a model, and the page's services.yaml beside and in it."""
    agents = tmp_path_factory.mktemp("project") / "agents"
    (agents / "echo").mkdir(parents=True)
    (agents / "echo/__init__.py").write_text("from . import agent")
    (agents / "echo/agent.py").write_text(AGENT)
    (services,) = code_blocks(PAGE, "yaml")
    assert len(services.splitlines()) == 4
    for folder in (agents, agents / "echo"):
        (folder / "services.yaml").write_text(services)
    return agents


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


def environment() -> dict[str, str]:
    """An agent's environment, with a key for its model."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "emulator"), "GOOGLE_API_KEY": "of-the-model"}


@contextmanager
def adk_serving(command: str, agents: Path, uri: str) -> Iterator[str]:
    """The URL of `adk web` or `adk api_server`."""
    port = free_port()
    options = [f"--port={port}", "--no-reload", f"--session_service_uri={uri}"]
    url = f"http://127.0.0.1:{port}"
    with running([*ADK, command, *options, str(agents)], f"{url}/list-apps", environment()):
        yield url


def sessions_of(url: str, engine: str) -> list[dict[str, Any]]:
    sessions = f"{url}/v1beta1/reasoningEngines/{engine}/sessions"
    found: list[dict[str, Any]] = httpx.get(sessions).json().get("sessions", [])
    return found


def test_adk_run_keeps_a_turn(agents: Path, url: str) -> None:
    """The printed command, with this server's URL."""
    (printed,) = re.findall(r"^adk run (.*)$", PAGE, re.MULTILINE)
    command = printed.replace("127.0.0.1:8080", url.removeprefix("http://"))
    run = subprocess.run(
        ["bash", "-c", f'"$@" run {command}', "bash", *ADK],
        cwd=agents.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Heard hello" in run.stdout
    (session,) = sessions_of(url, "echo")
    events = httpx.get(f"{url}/v1beta1/{session['name']}/events").json()["sessionEvents"]
    assert [each["author"] for each in events] == ["user", "echo"]


@pytest.mark.parametrize("command", ["api_server", "web"])
def test_a_server_of_adk_keeps_its_sessions(agents: Path, url: str, command: str) -> None:
    """And answers as with ADK's own services: 409 for an id that is taken, 404 for no session."""
    uri = url.replace("http", "agentsessions")
    with (
        adk_serving(command, agents, f"{uri}/for-{command}") as adk,
        httpx.Client(timeout=60) as client,
    ):
        sessions = f"{adk}/apps/echo/users/u/sessions"
        assert client.post(f"{sessions}/trip", json={"k": 1}).json()["state"] == {"k": 1}
        assert client.post(f"{sessions}/trip", json={}).status_code == 409
        assert client.get(f"{adk}/apps/echo/users/v/sessions/trip").status_code == 404
        for said, heard in (("one", "Heard one"), ("two", "Heard one, two")):
            message = {"role": "user", "parts": [{"text": said}]}
            turn = {"appName": "echo", "userId": "u", "sessionId": "trip", "newMessage": message}
            (event,) = client.post(f"{adk}/run", json=turn).json()
            assert event["content"]["parts"][0]["text"] == heard
        (session,) = sessions_of(url, f"for-{command}")
        assert session["name"].endswith(f"/reasoningEngines/for-{command}/sessions/trip")
        assert client.delete(f"{sessions}/trip").status_code == 200
    assert sessions_of(url, f"for-{command}") == []


def test_the_page_of_adk_web_shows_what_the_server_keeps(agents: Path, url: str) -> None:
    """A turn in Chromium; the page's own address opens the session once more."""
    uri = f"{url.replace('http', 'agentsessions')}/page"
    with adk_serving("web", agents, uri) as adk, chromium_or_skip() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{adk}/dev-ui/?app=echo")
        page.locator("textarea").fill("hello")
        page.locator("textarea").press("Enter")
        page.get_by_text("Heard hello").wait_for()
        (session,) = sessions_of(url, "page")
        session_id = session["name"].rpartition("/")[2]
        again = browser.new_page()
        again.set_default_timeout(PATIENCE)
        again.goto(f"{adk}/dev-ui/?app=echo&session={session_id}&userId={session['userId']}")
        again.get_by_text("Heard hello").wait_for()
    assert len(sessions_of(url, "page")) == 1
