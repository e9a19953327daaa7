"""Processes of servers: how soon they answer, and how much memory they take."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

from tests.support.project import PROJECT, REGION, ROOT
from tests.support.servers import free_port

_PATIENCE = 60
_PAUSE = 0.002


def start_up(
    target: str, environment: dict[str, str], verb: str, path: str, body: str | None
) -> tuple[float, float]:
    """Seconds from a server's start to its first answer, and its memory in MiB after it.

    The request is one that the target serves, so that all it needs is imported and opened.
    """
    port = free_port()
    variables = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "GOOGLE_CLOUD_LOCATION": REGION,
        **environment,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        # Modules are compiled once, whatever is set here: that is Python's default.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-m", "functions_framework", f"--target={target}"]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _first_answer(process, port, verb, path, body)
        return time.perf_counter() - start, memory(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def memory(group: int) -> float:
    """MiB of a process group's memory, pages that its processes share counted once."""
    total = 0
    for process in _processes(group):
        lines = (process / "smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def peak_memory(group: int, call: Callable[[], object]) -> float:
    """MiB of memory that a process group takes during a call, at most, above what it had."""
    processes = list(_processes(group))
    before = sum(_status(process, "VmRSS") for process in processes)
    for process in processes:
        # Sets the peak back to what the process has now; see man 5 proc.
        (process / "clear_refs").write_text("5")
    call()
    return (sum(_status(process, "VmHWM") for process in processes) - before) / 1024


def group_of(url: str) -> int:
    """The process group of a server that was started here."""
    port = url.rpartition(":")[2]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_it = f"PORT={port}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if is_it:
            return os.getpgid(int(process.name))
    raise LookupError(f"no server has {url}")


def _processes(group: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == group:
                yield process
        except OSError:
            continue


def _status(process: Path, field: str) -> int:
    """A figure of a process in KiB."""
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _first_answer(
    process: subprocess.Popen[bytes], port: int, verb: str, path: str, body: str | None
) -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            connection.request(verb, path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (ConnectionError, RemoteDisconnected):
            time.sleep(_PAUSE)
            continue
        finally:
            connection.close()
        if status >= 500:
            raise RuntimeError(f"{verb} {path} answers {status}")
        return
    raise RuntimeError(f"nothing answers {verb} {path}")
