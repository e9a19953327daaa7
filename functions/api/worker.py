"""A gunicorn worker whose threads no slow client holds for longer than it may.

The kernel keeps the time of each read and write: Python's own timeouts ask it twice for each, and
each time another thread takes the interpreter.
"""

import contextlib
import errno
import socket
import struct
import time
from typing import Any, ClassVar

import gunicorn.util
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import _DEFER, ThreadWorker

_FIRST_BYTE = 0.05
"""Seconds that a thread waits for a new connection to say something. Then the selector waits."""

_TOLERANCE = 0.1
"""Seconds by which a read may come later than a request's time is over."""

_LINGER = 2.0
"""Seconds at most for which a thread reads on after the last answer of a connection, so that the
answer is not cut off by what is still coming."""


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Bounds how large the head of a request is, and how long each half of an exchange takes."""

    max_head_bytes: ClassVar[int] = 65_536
    patience: ClassVar[float] = 30.0
    """Seconds for the whole request, and again for each piece of the answer."""

    def handle(self, conn: Any) -> Any:
        """Serves one request of a connection in a thread of the pool."""
        is_new = not conn.initialized
        if is_new and not conn.wait_for_data(_FIRST_BYTE):
            return _DEFER
        if is_new:
            conn.parser = RequestParser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = _BoundedUnreader(conn.sock)
            _limit(conn.sock, socket.SO_SNDTIMEO, self.patience)
        unreader = conn.parser.unreader
        unreader.begin(self.patience, self.max_head_bytes)
        is_kept = super().handle(conn)
        if not is_kept:
            if unreader.is_late and unreader.is_head:
                message = f"The request did not arrive within {self.patience:g} seconds."
                with contextlib.suppress(OSError):
                    gunicorn.util.write_error(conn.sock, 408, "Request Timeout", message)
            _part(conn.sock, min(_LINGER, self.patience))
        return is_kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answers a request whose head is read; its body is not."""
        conn.parser.unreader.is_head = False
        try:
            return super().handle_request(req, conn)
        except (BlockingIOError, TimeoutError) as error:
            # gunicorn logs what else goes wrong on a socket, with a traceback.
            raise BrokenPipeError(errno.EPIPE, "The client took no answer.") from error

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Puts a connection back, or closes it; one that never said anything is not kept long."""
        super().finish_request(conn, fs)
        if self.pending_conns and self.pending_conns[-1] is conn:
            conn.timeout = min(conn.timeout, time.monotonic() + self.patience)


class _BoundedUnreader(SocketUnreader):  # type: ignore[misc]
    """Reads a request from a socket until its time is over."""

    _limit = 0.0

    def begin(self, patience: float, max_head_bytes: int) -> None:
        """Starts the time of the next request."""
        self.is_head = True
        self.is_late = False
        self._end = time.monotonic() + patience
        self._head_left = max_head_bytes
        self._wait_at_most(patience)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece; raises NoMoreData when it is late."""
        left = self._end - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._wait_at_most(left)
            data: bytes = super().chunk(size_hint)
        except (BlockingIOError, TimeoutError) as error:
            self.is_late = True
            raise NoMoreData from error
        if self.is_head:
            self._head_left -= len(data)
            if self._head_left < 0:
                raise LimitRequestHeaders("the request line and the headers are too large")
        return data

    def _wait_at_most(self, seconds: float) -> None:
        """Sets the time of one read, unless what is set is close enough."""
        if not seconds <= self._limit <= seconds + _TOLERANCE:
            _limit(self.sock, socket.SO_RCVTIMEO, seconds)
            self._limit = seconds


def _limit(client: socket.socket, option: int, seconds: float) -> None:
    """Bounds how long a read or a write of the socket blocks, which fails with EAGAIN then."""
    whole, fraction = divmod(seconds, 1)
    micros = max(int(fraction * 1e6), 1)
    client.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(whole), micros))


def _part(client: socket.socket, patience: float) -> None:
    """Reads what a client still sends until it closes, for a while.

    gunicorn does so too, but in the one thread that accepts connections.
    """
    end = time.monotonic() + patience
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        while (left := end - time.monotonic()) > 0:
            client.settimeout(left)
            if not client.recv(65_536):
                break
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RD)
