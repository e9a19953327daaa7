"""Writes the hash of constraints.txt into requirements.txt.

    python -m infra.generate.requirements > .venv/requirements.txt
    cp .venv/requirements.txt requirements.txt

The build of a function keeps the installed packages for a day if requirements.txt is unchanged. It
looks at no other file, so a change of constraints.txt must show there.
"""

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def render() -> str:
    """requirements.txt with the hash of constraints.txt as it is now."""
    pinned = hashlib.sha256((ROOT / "constraints.txt").read_bytes()).hexdigest()
    text = (ROOT / "requirements.txt").read_text()
    return re.sub(r"^(-c constraints\.txt).*", rf"\1  # {pinned}", text, count=1)


if __name__ == "__main__":
    sys.stdout.write(render())
