"""A plugin of pytest that runs ADK's own tests of session services over ours.

ADK states its rules in tests that take the fixture `session_service`. This plugin gives them our
service. It leaves out tests that do not take the fixture: they are about ADK's own databases. Only
runs of ADK's tests have this folder on their path, because ADK, too, has a package `tests`.
"""

import os
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from google.adk.sessions import BaseSessionService

from agent_engine_sessions.adk import SessionService

EXCEPTIONS = {
    "test_get_session_respects_user_id": (
        "An id is taken once in an app, not once for each user. The API's names have no user."
    ),
}
"""A test of ADK that ours fails → the sentences of docs/use-it-from-adk.md that say why."""


@pytest.fixture
async def session_service() -> AsyncIterator[BaseSessionService]:
    """Our service over the server of AGENT_ENGINE_SESSIONS_URL, on an empty project."""
    service = SessionService(f"{os.environ['AGENT_ENGINE_SESSIONS_URL']}?project={_name()}")
    yield service
    await service.close()


@pytest.fixture
def anyio_backend() -> str:
    """ADK's tests are for asyncio."""
    return "asyncio"


class _Module(pytest.Module):
    """A module of ADK's tests that takes the fixture of this plugin."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        self.obj.session_service = session_service
        self.obj.anyio_backend = anyio_backend
        for test in vars(self.obj).values():
            # Some tests name one of ADK's services in place of the fixture.
            if marks := getattr(test, "pytestmark", None):
                test.pytestmark = [mark for mark in marks if "session_service" not in mark.args]
        return super().collect()


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Puts the fixture of this plugin in place of the module's own."""
    module: pytest.Module = _Module.from_parent(parent, path=module_path)
    return module


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Leaves tests of other services out; expects the exceptions to fail, each for its reason."""
    others = [item for item in items if "session_service" not in item.fixturenames]
    items[:] = [item for item in items if "session_service" in item.fixturenames]
    config.hook.pytest_deselected(items=others)
    for item in items:
        if reason := EXCEPTIONS.get(item.originalname):
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names the tests that were left out."""
    for item in terminalreporter.stats.get("deselected", []):
        terminalreporter.write_line(f"LEFT OUT {item.nodeid} - takes no `session_service`")


def _name() -> str:
    return f"p{uuid.uuid4().hex[:24]}"
