"""Starts the command as its users do."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.project import ROOT

COMMAND = (sys.executable, "-m", "agent_engine_sessions")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment, with the package of this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "emulator"), "THREADS": "4", **variables}


@contextmanager
def started(
    *options: str,
    command: Sequence[str] = COMMAND,
    folder: Path,
    variables: dict[str, str] | None = None,
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The URL that `start` prints, and its process, which ends with the block."""
    with tempfile.TemporaryFile(mode="w+") as errors:
        process = subprocess.Popen(
            [*command, "start", "--port=0", *options],
            cwd=folder,
            env=environment() if variables is None else variables,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            errors.seek(0)
            assert line.startswith("Agent Engine Sessions answers at http://"), errors.read()
            yield line.split()[5].removesuffix(","), process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)


@contextmanager
def emulating(folder: Path) -> Iterator[str]:
    """The URL of an emulator on a database in memory."""
    variables = environment(MIN_TTL="0s")
    with started("--store=memory", "--emulator", folder=folder, variables=variables) as (url, _):
        yield url
