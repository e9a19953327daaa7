"""`make run`: what somebody sees who starts the server for the first time."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.project import ROOT
from tests.support.servers import free_port

RUN = [sys.executable, "-m", "infra.run_locally"]


def environment(folder: Path, port: int) -> dict[str, str]:
    store = {"SESSIONS_STORE": f"sqlite:///{folder}/s.db"}
    return {**os.environ, **store, "HOST": "127.0.0.1", "PORT": str(port), "THREADS": "4"}


def test_the_url_is_printed_once_the_server_answers(tmp_path: Path) -> None:
    """The first request after that line is answered, and the command below it works as it is."""
    port = free_port()
    process = subprocess.Popen(
        RUN,
        cwd=ROOT,
        env=environment(tmp_path, port),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        assert f"http://127.0.0.1:{port}" in said[0]
        found = re.fullmatch(r"  curl (\S+) -d '(.+)'\n", said[2])
        assert found, said
        answer = httpx.post(found[1], content=found[2], timeout=60)
        assert (answer.status_code, answer.json()["response"]["userId"]) == (200, "me")
        process.terminate()
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """It says which port and how to choose another, and no URL is printed."""
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        process = subprocess.run(
            RUN,
            cwd=ROOT,
            env=environment(tmp_path, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
    assert process.returncode == 1
    assert process.stdout == (
        f"Cannot listen on port {port} of 127.0.0.1: Address already in use. "
        f"Stop the other server, or choose a port: --port={port + 1} or make run PORT={port + 1}\n"
    )


def test_a_purge_without_a_server_fails() -> None:
    command = ["make", "--no-print-directory", "purge", f"PORT={free_port()}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0


def test_the_first_install_shows_that_it_works() -> None:
    """It takes half a minute, in which pip says what it does."""
    command = ["make", "--no-print-directory", "--dry-run", "--always-make", "run"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (install,) = [line for line in said.splitlines() if "install -r requirements.txt" in line]
    assert "--quiet" not in install
    assert said.splitlines()[-1].endswith("infra.run_locally")
