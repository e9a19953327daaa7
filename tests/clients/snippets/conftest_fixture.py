"""A fixture for another project's tests: a server in memory for the whole run."""

import os
import socket
import subprocess

import pytest

CHECKOUT = os.environ["AGENT_ENGINE_SESSIONS"]  # this repository, after `make run`


@pytest.fixture(scope="session")
def sessions_url():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    store = {"SESSIONS_STORE": "sqlite:///:memory:", "MIN_TTL": "0s"}
    server = subprocess.Popen(
        [f"{CHECKOUT}/.venv/bin/python", "-m", "infra.run_locally"],
        cwd=CHECKOUT,
        env={**os.environ, **store, "HOST": "127.0.0.1", "PORT": port},
        stdout=subprocess.PIPE,
    )
    server.stdout.readline()  # comes once the server answers
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()
