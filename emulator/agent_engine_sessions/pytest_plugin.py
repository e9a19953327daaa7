"""Fixtures of pytest: an emulator for the whole run, and a project of its own for each test.

docs/use-it-in-tests.md shows them.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from agent_engine_sessions.serving import URL_VARIABLE, health_status
from agent_engine_sessions.testing import Sessions, redirecting_clients


@pytest.fixture(scope="session")
def sessions_emulator(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an emulator on a database in memory, one for all workers of pytest-xdist.

    It is the server of AGENT_ENGINE_SESSIONS_URL where that is set: start it with --emulator.
    """
    if url := os.environ.get(URL_VARIABLE):
        _check_controls(url)
        yield url
        return
    folder = tmp_path_factory.getbasetemp()
    # A run that a worker starts inherits the variables of pytest-xdist, but is no worker.
    if hasattr(pytestconfig, "workerinput"):
        folder = folder.parent
    # The server ends when the last worker lets go of this lock, however the worker ends.
    with (folder / "agent-engine-sessions.users").open("a") as users:
        with (folder / "agent-engine-sessions.start").open("a+") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            url = _running(start, users) or _start(start, users)
        yield url


@pytest.fixture
def sessions(sessions_emulator: str) -> Iterator[Sessions]:
    """An empty project of the test's own, with a clock, faults and a request log of its own."""
    project = Sessions(sessions_emulator, f"test-{uuid.uuid4().hex[:16]}")
    yield project
    project.reset()


@pytest.fixture
def redirected_clients(sessions: Sessions) -> Iterator[Sessions]:
    """`sessions`, and clients that unchanged code makes itself are led to its project.

    `agentplatform.Client(…)`, `vertexai.Client(…)` and ADK's `VertexAiSessionService(…)`, whatever
    project, location, credentials and URL the code names; needs the extra `adk`.
    """
    with redirecting_clients(sessions):
        yield sessions


def _check_controls(url: str) -> None:
    """Fails with a sentence where no emulator answers."""
    try:
        _ = Sessions(url, "any").now
    except OSError as error:
        why = f"does not answer: {error}."
    except (ValueError, KeyError):
        why = "is no emulator: start it with --emulator."
    else:
        return
    pytest.fail(f"The server {url}, which {URL_VARIABLE} names, {why}", pytrace=False)


def _running(start: TextIO, users: TextIO) -> str | None:
    """The URL of a server that another worker has started and still uses; None without one."""
    start.seek(0)
    url = start.read()
    if not url:
        return None
    try:
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        # The server has got the lock, which nobody held, and is ending.
        return None
    return url if health_status(url) is not None else None


def _start(start: TextIO, users: TextIO) -> str:
    """Starts a server that lives as long as a lock on `users`; fails with its output."""
    fcntl.flock(users, fcntl.LOCK_SH)
    reader, writer = os.pipe()
    options = ["--port=0", "--store=memory", "--emulator"]
    options += [f"--ready-fd={writer}", f"--while-locked={users.name}"]
    with tempfile.TemporaryFile("w+") as output, open(reader, encoding="utf-8") as ready:
        subprocess.Popen(
            [sys.executable, "-m", "agent_engine_sessions", "start", *options],
            cwd=Path(users.name).parent,
            env={"MIN_TTL": "0s", **os.environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        url = ready.read().strip()
        output.seek(0)
        assert url, f"The emulator did not start: {output.read()}"
    start.truncate(0)
    start.write(url)
    start.flush()
    return url
