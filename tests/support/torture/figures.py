"""How long a run of torture is, its dice, and its counts of faults and of events."""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator

SEED = os.environ.get("TORTURE_SEED", "1")
MINUTES = float(os.environ.get("TORTURE_MINUTES", "0"))
"""0 is the bounded share that runs with all other tests."""

NAMES = (
    "requests",
    "answers 409 or 503",
    "answers that never came",
    "kills",
    "faults injected",
    "events acknowledged",
    "events lost",
    "events doubled",
    "events half there",
)

Rounds = Callable[[int], Iterator[int]]
"""Takes how many rounds a bounded run has; yields the numbers of the rounds to go."""

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(name: str, amount: int = 1) -> None:
    """Adds to one of NAMES, from any thread."""
    assert name in NAMES
    with _lock:
        _counts[name] += amount


def table() -> str:
    """The figures as docs/reliability.md shows them."""
    rows = [f"| {name} | {_counts[name]:,} |" for name in NAMES]
    return "\n".join(["| Figure | Count |", "| --- | ---: |", *rows])


def dice(*names: object) -> random.Random:
    """Random numbers that depend on the seed and on what they are for."""
    return random.Random(":".join(map(str, (SEED, *names))))
