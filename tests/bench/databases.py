"""Servers of databases below ADK's services, each with the settings that its package comes with."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port

_PATIENCE = 30
_POSTGRESQL = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"


class ServerMissing(Exception):
    """A server that is not installed; its text names the command that installs it."""


@contextmanager
def postgresql(directory: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server, as SQLAlchemy takes it; raises ServerMissing."""
    folders = sorted(_POSTGRESQL.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not folders:
        raise ServerMissing("PostgreSQL is not installed: `apt-get install postgresql`.")
    data = directory / "postgresql"
    data.mkdir()
    account = _account(data)
    port = free_port()

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [folders[-1] / program, "-D", str(data), *arguments],
            cwd="/",
            user=account,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    call("initdb", "--username=bench", "--auth=trust", "--encoding=UTF8", "--no-locale")
    listens = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    call("pg_ctl", "start", "--wait", f"--log={data / 'log'}", f"--options={listens}")
    try:
        yield f"postgresql+asyncpg://bench@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "stop", "--mode=fast")


def _account(data: Path) -> str | None:
    """The account of the server, which refuses to run as root; None for the caller's own."""
    if os.geteuid():
        return None
    shutil.chown(data, _ACCOUNT)
    return _ACCOUNT


@contextmanager
def redis(directory: Path) -> Iterator[str]:
    """The URL of a Redis server; raises ServerMissing."""
    program = shutil.which("redis-server")
    if program is None:
        raise ServerMissing("Redis is not installed: `apt-get install redis-server`.")
    port = free_port()
    command = [program, f"--port {port}", "--bind 127.0.0.1", f"--dir {directory}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")
