"""Sort keys of events: by timestamp, and in the order of their arrival where these are equal."""

import secrets
import threading
import time

from functions.rules.event import timestamp_key


class EventKeys:
    """Keys that rise within a process for equal timestamps and never meet those of another."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._last = 0

    def next(self, timestamp: int) -> str:
        """The timestamp's key, then the time in nanoseconds, then the process: 42 characters."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{timestamp_key(timestamp)}{self._last:016x}{self._process}"
