"""The file systems that databases lie on."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

DISK = Path("/var/tmp")
"""Where databases go: a folder that a restart keeps, so that it is on a disk."""

MEMORY = Path("/dev/shm")
"""A folder in memory, for the rows beside those on a disk."""

_BLOCK = b"x" * 4096


def file_system(folder: Path) -> str:
    """The type of a folder's file system, `ext4` or `tmpfs` for example."""
    command = ["df", "--output=fstype", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


def sync_rate(folder: Path, seconds: float) -> float:
    """How many writes of 4 KiB a second get onto the disk, one after the other.

    Each is appended to a file and followed by fdatasync, as SQLite does it in a commit.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        count = 0
        start = time.perf_counter()
        while time.perf_counter() < start + seconds:
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - start)
