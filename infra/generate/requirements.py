"""Writes the hash of constraints.txt into requirements.txt.

    python -m infra.generate.requirements > .venv/requirements.txt
    cp .venv/requirements.txt requirements.txt

The build of a function reuses the installed packages for a day if requirements.txt is unchanged. It
reads no other file, so a change of constraints.txt must change requirements.txt.
"""

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def render() -> str:
    """Returns requirements.txt with the present hash of constraints.txt."""
    pinned = hashlib.sha256((ROOT / "constraints.txt").read_bytes()).hexdigest()
    text = (ROOT / "requirements.txt").read_text()
    return re.sub(r"^(-c constraints\.txt).*", rf"\1  # {pinned}", text, count=1)


if __name__ == "__main__":
    sys.stdout.write(render())
