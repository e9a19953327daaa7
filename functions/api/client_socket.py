"""A connection whose client has a bounded time for each request and for each answer."""

import errno
import select
import socket
import time

from gunicorn.http.errors import LimitRequestHeaders

_MIB = 2**20


class ClientSocket(socket.socket):
    """Bounds how long one thread waits for its client, and how large the head of a request is.

    A request may take `patience` seconds. An answer may take as long, and a second more for each
    MiB that it has. A timeout that somebody else sets on the socket holds instead of both.

    The socket is non-blocking: most calls find data or room at once. A timeout of the kernel would
    cost a system call more, and each one lets another thread take the interpreter.
    """

    _timeout: float | None

    def __init__(self, accepted: socket.socket, patience: float, max_head_bytes: int) -> None:
        """Takes over the connection of `accepted`, which its owner cannot use any more."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().setblocking(False)
        self._timeout = None
        self._patience = patience
        self._max_head_bytes = max_head_bytes
        self.begin_request()

    def begin_request(self) -> None:
        """Starts the time of a request."""
        self._request_end = time.monotonic() + self._patience
        self._answer_end: float | None = None
        self._head = b""
        self._head_left: float = self._max_head_bytes
        self.is_late = False

    def end_head(self) -> None:
        """Ends the limit of the head; the bytes that follow are the body, with its own limit."""
        self._head_left = float("inf")

    @property
    def is_answered(self) -> bool:
        """Whether an answer to the request has begun."""
        return self._answer_end is not None

    def setblocking(self, flag: bool, /) -> None:
        """Sets no timeout, or a timeout of zero."""
        self._timeout = None if flag else 0.0

    def settimeout(self, value: float | None, /) -> None:
        """Sets how many seconds the next calls may take; None for the bounds of this class."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """The timeout that was set."""
        return self._timeout

    def has_more(self, seconds: float) -> bool:
        """Whether the client sends or closes within these seconds."""
        waiting = select.poll()
        waiting.register(self, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """The next bytes; none, as if the client had left, when the request is late.

        Raises LimitRequestHeaders when the head is too large.
        """
        if self._timeout is not None:
            return self._recv(size, flags, time.monotonic() + self._timeout)
        try:
            if time.monotonic() >= self._request_end:
                raise TimeoutError
            data = self._recv(size, flags, self._request_end)
        except TimeoutError:
            self.is_late = True
            return b""
        self._head_left -= len(data)
        if self._head_left < 0:
            raise LimitRequestHeaders("the request line and the headers are too large")
        return data

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        """Sends a piece of an answer, or keeps its head until there is a body to send with it.

        Raises BrokenPipeError when the client takes it too slowly.
        """
        if self._timeout is None and self._answer_end is None:
            self._answer_end = time.monotonic() + self._patience
            self._head = data
            return
        head, self._head = self._head, b""
        if len(data) > _MIB:
            self._send(head)
            head = b""
        self._send(head + data)

    def flush(self) -> None:
        """Sends the head of an answer that has no body."""
        if self._head:
            self.sendall(b"")

    def _send(self, data: bytes) -> None:
        if self._timeout is not None:
            end = time.monotonic() + self._timeout
        else:
            end = (self._answer_end or 0) + len(data) / _MIB
            self._answer_end = end
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[self.send(left) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, end)
        except TimeoutError as error:
            # The server logs other errors of a socket with their traceback.
            raise BrokenPipeError(errno.EPIPE, "The client was too slow.") from error

    def _recv(self, size: int, flags: int, end: float) -> bytes:
        while True:
            try:
                return super().recv(size, flags)
            except BlockingIOError:
                self._wait(select.POLLIN, end)

    def _wait(self, event: int, end: float) -> None:
        """Waits for the client; raises TimeoutError at the end, or BlockingIOError at once."""
        if self._timeout == 0:
            raise BlockingIOError(errno.EAGAIN, "The client is not ready.")
        waiting = select.poll()
        waiting.register(self, event)
        if not waiting.poll(max(end - time.monotonic(), 0) * 1000):
            raise TimeoutError
