"""A server that imports before it answers, or exports what it holds before it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from agent_engine_sessions.moving import export_server

_OPTION = "--export-on-exit"


def serve_and_export(file: Path | None, ready_fd: int | None) -> int:
    """Runs this command without the option as a child; returns its exit status.

    A signal to stop comes to this process alone, which exports from the child before it ends it.
    The status is never 0 if the child ends before it has announced its URL.
    """
    reader, writer = os.pipe()
    descriptors = [writer] if ready_fd is None else [writer, ready_fd]
    command = [sys.executable, "-m", "agent_engine_sessions", *_without_option(sys.argv[1:])]
    server = subprocess.Popen(
        [*command, f"--announce-fd={writer}"], pass_fds=descriptors, start_new_session=True
    )
    for descriptor in descriptors:
        os.close(descriptor)

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stop

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    url = ""
    try:
        with open(reader, encoding="utf-8") as announced:
            url = announced.readline().strip()
        # A server that a failed seed has stopped ends with 0.
        return server.wait() or (0 if url else 1)
    except _Stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if url and file is not None:
                export_server(url, file)
        finally:
            server.terminate()
            server.wait()
        return 0


class _Stop(Exception):
    """A signal has told this process to stop."""


def _without_option(arguments: list[str]) -> list[str]:
    kept, rest = [], iter(arguments)
    for argument in rest:
        if argument == _OPTION:
            next(rest, None)
        elif not argument.startswith(f"{_OPTION}="):
            kept.append(argument)
    return kept
