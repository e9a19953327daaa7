"""Stores and servers that tests run against; every test that names a store runs on both."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store

ROOT = Path(__file__).parent.parent
STORES = ("sqlite", "firestore")
PROJECT = "test-project"
LOCATION = "us-central1"

PATIENCE = {"STORE_TIMEOUT": "60s"}
"""A busy machine is no reason to fail."""

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(20_000 + 1_000 * (_WORKER % 12) + os.getpid() % 500)
"""Below the ports that the system gives to outgoing connections; two runs at once keep apart."""

EMULATOR_MISSING = (
    "no Firestore emulator: install it with "
    "`gcloud components install cloud-firestore-emulator` (it needs Java)"
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, however many tests it concerns."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2] for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests: {reason}")


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """`host:port` of a Firestore emulator, started for this run or named in the environment."""
    if host := os.environ.get("FIRESTORE_EMULATOR_HOST"):
        yield host
        return
    jar = _emulator_jar()
    if jar is None or shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail(EMULATOR_MISSING)
        pytest.skip(EMULATOR_MISSING)
    port = free_port()
    command = [
        "java",
        "-cp",
        str(jar),
        "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
        "start",
        "--host=127.0.0.1",
        f"--port={port}",
    ]
    with running(command, f"http://127.0.0.1:{port}/"):
        yield f"127.0.0.1:{port}"


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


@contextmanager
def serving(
    target: str, environment: dict[str, str], *, kill: bool = False, patience: float = 60
) -> Iterator[str]:
    """Runs one target as its users do, and yields its URL.

    `kill` ends it with SIGKILL; `patience` is seconds that it may take to end.
    """
    port = free_port()
    command = [sys.executable, "-m", "functions_framework", f"--target={target}"]
    variables = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "GOOGLE_CLOUD_LOCATION": LOCATION,
        **environment,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": os.pathsep.join([*environment.get("PYTHONPATH", "").split(), str(ROOT)]),
    }
    url = f"http://127.0.0.1:{port}"
    with running(command, url, {**os.environ, **variables}, kill=kill, patience=patience):
        yield url


@contextmanager
def running(
    command: list[str],
    url: str,
    environment: dict[str, str] | None = None,
    *,
    kill: bool = False,
    patience: float = 60,
) -> Iterator[None]:
    """Runs a server until the block ends; fails with its output when it does not come up."""
    # A file, since a pipe that nobody reads stops a server that logs much.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(url, lambda: process.poll() is None)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            process.wait(timeout=patience)
            output.seek(0)
            sys.stdout.write(output.read().decode(errors="replace"))


def free_port() -> int:
    """A port that nobody listens on, and that no other call and no other worker is given."""
    for port in _ports:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the ports are counted for ever")


def _wait_for(url: str, is_alive: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while is_alive() and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"nothing answers at {url}")


def _emulator_jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parent.parent] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    for root in roots:
        jar = root / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
        if jar.exists():
            return jar
    return None
