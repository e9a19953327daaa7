"""Stores and servers that tests run against; every test that names a store runs on both."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.emulator import EmulatorMissing, firestore_emulator
from tests.support.project import PROJECT
from tests.support.servers import serving
from tests.support.stores import PATIENCE, STORES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, however many tests it concerns."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2] for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests: {reason}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of tests that are coroutines."""
    return "asyncio"


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """`host:port` of a Firestore emulator, started for this run or named in the environment."""
    if host := os.environ.get("FIRESTORE_EMULATOR_HOST"):
        yield host
        return
    try:
        with firestore_emulator() as host:
            yield host
    except EmulatorMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=STORES)
def store_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment variables of one store, the same for a whole file of tests.

    No other file's tests use it: the emulator looks at all that a database holds for each query.
    """
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("store") / "sessions.db"
        return {"SESSIONS_STORE": f"sqlite:///{path}", **PATIENCE}
    return {
        "SESSIONS_STORE": f"firestore://{PROJECT}-{time.time_ns()}",
        "FIRESTORE_EMULATOR_HOST": request.getfixturevalue("emulator"),
        **PATIENCE,
    }


@pytest.fixture(scope="module")
def store(store_environment: dict[str, str]) -> Iterator[Store]:
    """One store; tests keep apart by working under engines of their own."""
    with closing(open_store(Settings.from_environment(store_environment))) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(store_environment: dict[str, str]) -> Iterator[str]:
    """The URL of `sessions_api` over the store, with lives of any length allowed."""
    with serving("sessions_api", {**store_environment, "MIN_TTL": "0s"}) as url:
        yield url
