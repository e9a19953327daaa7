"""Another project of three files, whose tests use the fixtures; two runs of it at the same time."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.support.starting import environment

AGENT = """
from google.adk.agents import BaseAgent
from google.adk.events import Event, EventActions
from google.genai.types import Content, Part


class Echo(BaseAgent):
    async def _run_async_impl(self, context):
        said = context.user_content.parts[0].text
        yield Event(
            author=self.name,
            invocation_id=context.invocation_id,
            content=Content(role="model", parts=[Part(text=said)]),
            actions=EventActions(state_delta={"app:said": said}),
        )


root_agent = Echo(name="echo")
"""

TEST = """
import asyncio
import os
import socket

import pytest
from google.adk.runners import Runner
from google.genai.types import Content, Part

from shop.agent import root_agent

KEY = {"user_id": "ada", "session_id": "s"}


@pytest.fixture(scope="session", autouse=True)
def both_run(sessions_emulator):
    # Begins once the other run has its server, too.
    with socket.create_connection(("127.0.0.1", int(os.environ["MEETING"]))) as meeting:
        assert meeting.recv(1)


async def talk(service, text, **options):
    if not await service.get_session(app_name="shop", **KEY):
        await service.create_session(app_name="shop", **KEY, **options)
    runner = Runner(agent=root_agent, app_name="shop", session_service=service)
    message = Content(role="user", parts=[Part(text=text)])
    answers = [each async for each in runner.run_async(**KEY, new_message=message)]
    session = await service.get_session(app_name="shop", **KEY)
    return answers[-1].content.parts[0].text, session


@pytest.mark.parametrize("number", range(4))
def test_a_conversation(sessions, number):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{sessions.url} {sessions.project}\\n")
    assert sessions.requests == []
    said, session = asyncio.run(talk(sessions.adk(), f"hello {number}"))
    assert said == session.state["app:said"] == f"hello {number}"
    assert [event.author for event in session.events] == ["user", "echo"]


def test_expiry(sessions):
    asyncio.run(talk(sessions.adk(), "hello", ttl="86400s"))
    sessions.advance("25h")
    _, session = asyncio.run(talk(sessions.adk(), "again"))
    assert len(session.events) == 2


def test_a_lost_answer(sessions):
    async def retried():
        service = sessions.adk()
        await talk(service, "before")
        sessions.fail("append_event", status=503, after_commit=True)
        session = await service.get_session(app_name="shop", **KEY)
        event = session.events[-1].model_copy(update={"id": "retried"})
        for _ in range(2):
            try:
                await service.append_event(session.model_copy(deep=True), event)
            except Exception as error:
                assert error.code == 503
        found = await service.get_session(app_name="shop", **KEY)
        return [each.id for each in found.events].count("retried")

    assert asyncio.run(retried()) == 1
    assert 503 in [each.status for each in sessions.requests]
"""


def project(folder: Path) -> Path:
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/__init__.py").touch()
    (folder / "shop/agent.py").write_text(AGENT)
    (folder / "test_shop.py").write_text(TEST)
    return folder


def test_two_runs_at_once_have_servers_of_their_own(tmp_path: Path) -> None:
    """Both runs use one folder, and the temporary folders that pytest chooses."""
    folder = project(tmp_path / "theirs")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += ["-p", "agent_engine_sessions.pytest_plugin", "-W", "ignore"]
    runs, meeting = [], socket.create_server(("127.0.0.1", 0))
    meeting.settimeout(300)
    for number in range(2):
        variables = environment(
            SEEN=f"{tmp_path}/seen{number}",
            MEETING=str(meeting.getsockname()[1]),
            PYTEST_DEBUG_TEMPROOT=str(tmp_path),
            PYTEST_XDIST_WORKER="gw0",
        )
        variables["PYTHONPATH"] += f":{folder}"
        runs.append(
            subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    with meeting, meeting.accept()[0] as one, meeting.accept()[0] as other:
        for each in (one, other):
            each.send(b"!")
    for run in runs:
        said, _ = run.communicate(timeout=400)
        assert "6 passed" in said, said
    seen = [(tmp_path / f"seen{number}").read_text().split() for number in range(2)]
    urls = [{*each[::2]} for each in seen]
    assert [len(each) for each in urls] == [1, 1]
    assert urls[0] != urls[1]
    assert not {*seen[0][1::2]} & {*seen[1][1::2]}
