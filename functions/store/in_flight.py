"""Bounds the bytes of bodies and pages that all requests of one process hold at a time.

One body and one page have limits of their own, but many at once could take all memory.
"""

import threading

from functions.aip.errors import Unavailable


class TooManyBytesInFlight(Unavailable):
    """Other requests hold so many bytes that this one has to come later."""

    def __init__(self) -> None:
        super().__init__(
            "The server holds as many bytes of bodies and pages as MAX_BYTES_IN_FLIGHT allows. "
            "Try again."
        )


class BytesInFlight(threading.local):
    """The bytes that the request of this thread holds; the sum is the process's.

    A thread serves one request at a time. A request that alone holds bytes is never refused.
    """

    _lock = threading.Lock()
    _total = 0
    _held = 0
    _limit = 0

    def begin(self, limit: int) -> None:
        """Starts a request of the thread, with the process's limit in bytes; 0 is no limit."""
        if self._held:
            self.release()
        self._limit = limit

    def take(self, count: int) -> None:
        """Counts bytes that the request holds until `release`; raises TooManyBytesInFlight."""
        with self._lock:
            others = BytesInFlight._total - self._held
            if self._limit and others and others + self._held + count > self._limit:
                raise TooManyBytesInFlight
            BytesInFlight._total += count
            self._held += count

    def release(self, kept: int = 0) -> None:
        """Gives back the bytes of the thread's request but for those that it still holds."""
        with self._lock:
            BytesInFlight._total -= self._held - kept
            self._held = kept

    @property
    def held(self) -> int:
        """The bytes that the request of this thread holds."""
        return self._held

    @property
    def total(self) -> int:
        """The bytes that all requests of the process hold."""
        return BytesInFlight._total


in_flight = BytesInFlight()
