"""Pauses before a conditional write is tried again because another writer was faster."""

import random
import time

from functions.rules.errors import Contention

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5


class Retries:
    """Pauses of random, growing length within one request's time."""

    def __init__(self, name: object, timeout: float) -> None:
        """`timeout` is seconds from now on, when the first try starts."""
        self._name = name
        self._start = time.monotonic()
        self._end = self._start + timeout
        self._pause = _FIRST_PAUSE

    def wait(self) -> None:
        """Pauses before the next try; raises Contention if one more such try would be too late."""
        now = time.monotonic()
        pause = random.uniform(0, self._pause)
        if now + pause + (now - self._start) > self._end:
            raise Contention(self._name)
        time.sleep(pause)
        self._start = now + pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
