"""Serves every method on this machine and says when it answers: `make run`.

This is the command `agent-engine-sessions start` of the package in emulator/, from a checkout.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Becomes the command; reads HOST and PORT."""
    package = Path(__file__).parents[1] / "emulator"
    path = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "agent_engine_sessions", "start", "--hint"]
    os.execve(command[0], command, {**os.environ, "PYTHONPATH": os.pathsep.join(path)})


if __name__ == "__main__":
    main()
