"""Serves every method on this machine and prints the URL when the server answers: `make run`.

This process becomes the server, so that signals reach the server. A child process waits for its
first answer.
"""

import os
import signal
import socket
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from functions.config.settings import Settings

_SESSIONS = "/v1beta1/projects/local/locations/us-central1/reasoningEngines/1/sessions"
_PAUSE = 0.05


def main() -> None:
    """Reads HOST and PORT; raises SystemExit with a sentence if the server cannot listen there."""
    host, port = os.environ["HOST"], int(os.environ["PORT"])
    _check_free(host, port)
    store = Settings.from_environment(os.environ).store_url
    server = os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _announce(server, host, port, store)
        os._exit(0)
    command = str(Path(sys.executable).with_name("functions-framework"))
    os.execv(command, [command, "--target=sessions_api"])


def _check_free(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on port {port} of {host}: {os.strerror(error.errno or 0)}. "
            f"Stop the other server, or choose a port: make run PORT={port + 1}"
        ) from None


def _announce(server: int, host: str, port: int, store: str) -> None:
    """Prints the URL as soon as the server answers, unless the server ends before."""
    while os.getppid() == server:
        connection = HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, HTTPException):
            time.sleep(_PAUSE)
            continue
        finally:
            connection.close()
        url = f"http://{host}:{port}"
        print(
            f"Agent Engine Sessions answers at {url}, over {store}. Try:\n\n"
            f'  curl {url}{_SESSIONS} -d \'{{"userId": "me"}}\'\n',
            flush=True,
        )
        return


if __name__ == "__main__":
    main()
