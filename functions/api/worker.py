"""A gunicorn worker whose threads stay with a quick client, and whom no slow one holds for long.

See docs/decisions/0010-a-thread-stays-with-its-client.md. The kernel keeps the time of each read
and write: Python's own timeouts ask it twice for each, and each time another thread takes the
interpreter.
"""

import contextlib
import errno
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import gunicorn.util
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader, Unreader
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import _DEFER, ThreadWorker

_FIRST_BYTE = 0.05
"""Seconds that a thread waits for a new connection to say something. Then the selector waits."""

_NEXT_REQUEST = 0.002
"""Seconds that a thread waits for another request of the client that it answered."""

_LARGE = 2**20
"""Bytes of a body from which on it is sent by itself rather than copied behind its head."""

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

    def get_thread_pool(self) -> "_Pool":
        """The threads that requests are served in."""
        return _Pool(max_workers=self.cfg.threads)

    def handle(self, conn: Any) -> Any:
        """Serves one request of a connection in a thread of the pool, and what follows at once."""
        if conn.parser is None:
            conn.parser = RequestParser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = _BoundedUnreader(conn.parser.unreader)
            _limit(conn.sock, socket.SO_SNDTIMEO, self.patience)
        unreader = conn.parser.unreader
        if not conn.data_ready:
            conn.sock.setblocking(True)
            conn.data_ready = unreader.has_more(_FIRST_BYTE)
            if not conn.data_ready:
                return _DEFER
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

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Serves what a client sends at once after its answer, unless others wait for a thread.

        Giving the connection back to the thread that waits for all of them, and getting it from
        there again, costs more than most requests do.
        """
        unreader = conn.parser.unreader
        while super()._keepalive_after(conn, keepalive):
            if not self.alive or self.tpool.is_short or not unreader.has_more(_NEXT_REQUEST):
                return True
            unreader.begin(self.patience, self.max_head_bytes)
            following = None
            try:
                following = next(conn.parser)
                keepalive = self.handle_request(following, conn)
            except (OSError, StopIteration, NoMoreData):
                raise
            except Exception as error:
                # gunicorn knows the first request only, and would log this as that one's.
                self.handle_error(following, conn.sock, conn.client, error)
                return False
        return False

    def _cap_keepalive(self, deadline: float) -> None:
        """When the worker stops: who says nothing is not waited for either."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


class JoinedResponse(Response):  # type: ignore[misc]
    """Sends the head of an answer with the first of its body: one call, and one packet if small."""

    headers_sent: bool
    _head = b""

    def send_headers(self) -> None:
        """Makes the head, once."""
        if not self.headers_sent:
            own = [f"{name}: {text}\r\n" for name, text in self.headers]
            self._head = "".join([*self.default_headers(), *own, "\r\n"]).encode("latin-1")
            self.headers_sent = True

    def sendfile(self, respiter: Any) -> bool:
        """Leaves a file to be read and written like any other body, its head before it."""
        return False

    def close(self) -> None:
        """Sends what is left: the last chunk of a stream, or a head without a body."""
        self.send_headers()
        if self.chunked:
            self._emit_body(b"")
        elif self._head:
            self._send(b"")

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _send(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if len(data) > _LARGE:
            self.sock.sendall(head)
            head = b""
        self.sock.sendall(head + data)


class _Pool(ThreadPoolExecutor):
    """Threads, of which one can be told that there are too few."""

    @property
    def is_short(self) -> bool:
        """Whether a task waits for a thread."""
        return not self._work_queue.empty()


class _BoundedUnreader(Unreader):  # type: ignore[misc]
    """Reads the requests of a socket, each until its time is over.

    It reads through gunicorn's own, whose socket it hides: gunicorn would set Python's timeouts on
    it.
    """

    _limit = 0.0

    def __init__(self, source: SocketUnreader) -> None:
        super().__init__()
        self._source = source

    def has_more(self, seconds: float) -> bool:
        """Whether a request, or the end of all, has begun to arrive or does so soon."""
        if self.buf.getvalue():
            return True
        self._wait_at_most(seconds, 0)
        try:
            self.unread(self._source.chunk())
        except (BlockingIOError, TimeoutError):
            return False
        return True

    def begin(self, patience: float, max_head_bytes: int) -> None:
        """Starts the time of the next request."""
        self.is_head = True
        self.is_late = False
        self._end = time.monotonic() + patience
        self._head_left = max_head_bytes - len(self.buf.getvalue())

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece; raises NoMoreData when it is late."""
        left = self._end - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._wait_at_most(left, _TOLERANCE)
            data: bytes = self._source.chunk(size_hint)
        except (BlockingIOError, TimeoutError) as error:
            self.is_late = True
            raise NoMoreData from error
        if self.is_head:
            self._head_left -= len(data)
            if self._head_left < 0:
                raise LimitRequestHeaders("the request line and the headers are too large")
        return data

    def _wait_at_most(self, seconds: float, tolerance: float) -> None:
        """Sets the time of one read, unless what is set is close enough."""
        if not seconds <= self._limit <= seconds + tolerance:
            _limit(self._source.sock, socket.SO_RCVTIMEO, seconds)
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
