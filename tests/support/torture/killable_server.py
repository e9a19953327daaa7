"""A server that can be killed in the middle of its work and starts again."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.project import ROOT
from tests.support.servers import free_port
from tests.support.torture.client import Client
from tests.support.torture.figures import count

READY = "projects/torture/locations/us-central1/reasoningEngines/ready/sessions"


class Server:
    """`sessions_api` in processes of its own, at one URL for all of its lives."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._variables = {
            **os.environ,
            **environment,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PYTHONPATH": str(ROOT),
        }
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        self._start()

    def kill(self, *, whole: bool) -> None:
        """Kills the processes that serve, and their parent if `whole`; waits for the next ones.

        A parent that lives on forks new processes at once.
        """
        if whole or sys.platform != "linux":
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._start()
        else:
            for worker in self._workers():
                os.kill(worker, signal.SIGKILL)
            self._wait()
        count("kills")

    def limit_files(self, size: int) -> None:
        """Lets the processes that serve write no file beyond so many bytes."""
        for worker in self._workers():
            _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, hard))

    def peak_bytes(self) -> int:
        """The highest memory use of a serving process so far; works on Linux only."""
        statuses = [Path(f"/proc/{worker}/status").read_text() for worker in self._workers()]
        (*_, most) = sorted(int(text.split("VmHWM:")[1].split()[0]) for text in statuses)
        return most * 1024

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.seek(0)
        sys.stdout.write(self._output.read().decode(errors="replace"))

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "functions_framework", "--target=sessions_api"],
            cwd=ROOT,
            env=self._variables,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def _wait(self) -> None:
        """Waits for the first answer; nothing repairs the store before it."""
        client, end = Client(self.url, counted=False), time.monotonic() + 60
        while client.call("GET", READY).status != 200:
            assert self._process.poll() is None, "the server does not start"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.01)
        client.close()

    def _workers(self) -> list[int]:
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]


@contextmanager
def killable(environment: Mapping[str, str]) -> Iterator[Server]:
    """A Server until the block ends."""
    server = Server(environment)
    try:
        yield server
    finally:
        server.stop()
