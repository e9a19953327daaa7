"""Servers in processes of their own, started as users start them."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.project import PROJECT, REGION, ROOT

STOCK_WORKER = {"PYTHONPATH": str(Path(__file__).parent / "other_gunicorn")}
"""The environment in which gunicorn's own worker serves, as with a release that nobody tested."""

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(20_000 + 1_000 * (_WORKER % 12) + os.getpid() % 500)
"""Below the ports that the system gives to outgoing connections; two runs at once keep apart."""


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
        "GOOGLE_CLOUD_LOCATION": REGION,
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
