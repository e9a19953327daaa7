"""The order in which events of equal timestamps arrived."""

import secrets
import threading
import time


class Arrivals:
    """Arrival keys that rise within a process and never meet those of another."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        """24 hexadecimal digits: the time in nanoseconds, then the process."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:016x}{self._process}"
