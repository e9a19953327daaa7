"""Runs the server that this package carries, in a process of its own.

The socket is bound here and handed to gunicorn by the protocol of systemd's socket activation: a
taken port is known before anything starts, and port 0 is a free port that nobody else can take.
See freedesktop.org/software/systemd/man/sd_listen_fds.html.
"""

import contextlib
import errno
import fcntl
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

_PACKAGED = Path(__file__).parent / "_server"
SERVER = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2]
"""The folder of main.py and functions/: inside the installed package, or the checkout's root."""

URL_VARIABLE = "AGENT_ENGINE_SESSIONS_URL"
"""The environment variable that says where a server runs."""

TOKEN_VARIABLE = "AGENT_ENGINE_SESSIONS_TOKEN"
"""The environment variable with a bearer token for the server."""

KEY_VARIABLE = "AGENT_ENGINE_SESSIONS_API_KEY"
"""The environment variable with an API key for the server."""

IN_MEMORY = "sqlite:///:memory:"
_FILE = "sqlite:///"
_DEFAULT_STORE = "sqlite:///.data/sessions.db"

_FIRST_INHERITED = 3
"""The first file descriptor of a socket that systemd's protocol hands on."""

_HEALTH = "/health"
_PAUSE = 0.01


def caller_headers(token: str = "", api_key: str = "") -> dict[str, str]:
    """The headers that say who calls: a token or a key, else those of the environment, if any."""
    if not api_key and (token := token or os.environ.get(TOKEN_VARIABLE, "")):
        return {"Authorization": f"Bearer {token}"}
    if key := api_key or os.environ.get(KEY_VARIABLE, ""):
        return {"X-Goog-Api-Key": key}
    return {}


class CannotListen(Exception):
    """Why the server cannot listen on a port, in a sentence."""


def server_version() -> str:
    """The version that the server says it has."""
    text = (SERVER / "functions/__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{SERVER} has no version.")
    return found[1]


def store_url(store: str) -> str:
    """SESSIONS_STORE for `memory`, a file's path, or a URL, which stays as it is.

    Raises ValueError for a URL of another scheme.
    """
    if store == "memory":
        return IN_MEMORY
    if re.match(r"(sqlite|firestore)://", store):
        return store
    if "://" in store:
        raise ValueError(f"{store!r} is neither sqlite:///FILE nor firestore://PROJECT.")
    return f"{_FILE}{Path(store).expanduser().absolute()}"


def store_place(environment: Mapping[str, str]) -> str | Path:
    """Where the server of this environment keeps sessions: a file's path, or words."""
    is_of_cloud = environment.get("K_SERVICE") or environment.get("FIRESTORE_EMULATOR_HOST")
    url = environment.get("SESSIONS_STORE") or ("Firestore" if is_of_cloud else _DEFAULT_STORE)
    if url == IN_MEMORY:
        return "memory"
    if not url.startswith(_FILE):
        return url
    return Path(url.removeprefix(_FILE)).expanduser().absolute()


def check_store_file(path: Path) -> None:
    """Raises ValueError with a sentence for a file that SQLite can neither open nor make."""
    import sqlite3

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version")
    except (OSError, sqlite3.DatabaseError) as error:
        # The server waits for another one that holds the file.
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise ValueError(f"The store {path} cannot be opened: {error}.") from None


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free port. Raises CannotListen."""
    listener = _bind(host, port, f"--port={port + 1} or make run PORT={port + 1}")
    listener.listen()
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds a port on which the server will listen itself; raises CannotListen.

    gRPC takes no socket that is there already.
    """
    holder = _bind(host, port, f"--grpc-port={port + 1}")
    # The server may now bind the port, too. Earlier, a port that others share would look free.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.set_inheritable(True)
    return holder


def _bind(host: str, port: int, other: str) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        # Names that are not found have negative numbers.
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror
        if number == errno.EADDRINUSE:
            fix = f"Stop the other server, or choose a port: {other}"
        elif number == errno.EACCES:
            fix = "Choose a port that this user may take."
        else:
            fix = "--host must be an address of this machine, such as 127.0.0.1."
        raise CannotListen(f"Cannot listen on port {port} of {host}: {why}. {fix}") from None
    return bound


def address_of(bound: socket.socket) -> str:
    """The socket's `host:port`."""
    host, port, *_ = bound.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_of(listener: socket.socket) -> str:
    """Where clients of this machine reach the socket."""
    return f"http://{address_of(listener)}"


def python_of_server(environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a Python that imports the server's own packages.

    Neither the working folder nor PYTHONPATH can put a package `functions` before them.
    """
    path = [str(SERVER), *filter(None, [environment.get("PYTHONPATH")])]
    return [sys.executable, "-P"], {**environment, "PYTHONPATH": os.pathsep.join(path)}


def become_server(
    listener: socket.socket,
    environment: Mapping[str, str],
    announce: Callable[[str], None],
    ready_fd: int | None = None,
    lock_file: Path | None = None,
) -> NoReturn:
    """Replaces this process by the server, so that signals reach it.

    A child calls `announce` with the URL once the server answers, or ends in silence if the
    server ends before. Only the child keeps `ready_fd`, so that its reader comes to the end.
    With a `lock_file`, the server ends when no other process holds a lock on the file.
    """
    url, server = url_of(listener), os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        listener.close()
        if health_status(url) is not None:
            announce(url)
            if ready_fd is not None:
                os.close(ready_fd)
            if lock_file is not None:
                _end_with_locks(server, lock_file)
        os._exit(0)
    if ready_fd is not None and ready_fd > sys.stderr.fileno():
        os.close(ready_fd)
    os.dup2(listener.fileno(), _FIRST_INHERITED)
    # A copy onto itself changes nothing, not even this.
    os.set_inheritable(_FIRST_INHERITED, True)
    python, variables = python_of_server(environment)
    variables |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    variables.setdefault("THREADS", "64")
    main = SERVER / "main.py"
    options = [f"--source={main}", "--target=sessions_api", "--signature-type=http"]
    # The host and port of the options are not used: the socket is there already.
    command = [*python, "-m", "functions_framework", *options, "--host=127.0.0.1", "--port=1"]
    os.execve(command[0], command, variables)


def _end_with_locks(server: int, lock_file: Path) -> None:
    """Ends the server once nobody holds the lock; a process that dies lets go of it, too."""
    with lock_file.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.getppid() == server:
            os.kill(server, signal.SIGTERM)
        while os.getppid() == server:
            # The next holder of the lock must not find the server still there.
            time.sleep(_PAUSE)


def health_status(url: str) -> int | None:
    """The HTTP status of the health check; None where nothing answers.

    A server that is starting takes the request, so that this waits until it has started.
    """
    host, port = url.removeprefix("http://").rsplit(":", 1)
    connection = HTTPConnection(host.strip("[]"), int(port))
    try:
        connection.request("GET", _HEALTH)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
