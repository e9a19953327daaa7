"""A connection whose client has a bounded time for each request and for each answer."""

import errno
import socket
import time

from gunicorn.http.errors import LimitRequestHeaders

_MIB = 2**20


class ClientSocket(socket.socket):
    """Bounds how long one thread waits for its client, and how large the head of a request is.

    A request may take `patience` seconds. An answer may take as long, and a second more for each
    MiB that it has. A timeout that somebody else sets on the socket holds instead of both.
    """

    def __init__(self, accepted: socket.socket, patience: float, max_head_bytes: int) -> None:
        """Takes the connection over from `accepted`, which is closed for its owner."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._patience = patience
        self._max_head_bytes = max_head_bytes
        self.begin_request()

    def begin_request(self) -> None:
        """Starts the time of a request."""
        self._request_end = time.monotonic() + self._patience
        self._answer_end: float | None = None
        self._head_left: float = self._max_head_bytes
        self.is_late = False

    def end_head(self) -> None:
        """Counts what follows as the body, which has a limit of its own."""
        self._head_left = float("inf")

    @property
    def is_answered(self) -> bool:
        """Whether an answer to the request has begun."""
        return self._answer_end is not None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """The next bytes; none, as if the client had left, when the request is late.

        Raises LimitRequestHeaders when the head is too large.
        """
        if self.gettimeout() is not None:
            return super().recv(size, flags)
        left = self._request_end - time.monotonic()
        data = self._recv_within(left, size, flags) if left > 0 else None
        if data is None:
            self.is_late = True
            return b""
        self._head_left -= len(data)
        if self._head_left < 0:
            raise LimitRequestHeaders("the request line and the headers are too large")
        return data

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        """Sends a piece of an answer; raises BrokenPipeError when it takes too long."""
        try:
            if self.gettimeout() is not None:
                super().sendall(data, flags)
            else:
                self._sendall_in_time(data, flags)
        except TimeoutError as error:
            # The server logs other errors of a socket with their traceback.
            raise BrokenPipeError(errno.EPIPE, "The client was too slow.") from error

    def _recv_within(self, seconds: float, size: int, flags: int) -> bytes | None:
        # Most often the bytes are there, and one call of the kernel is enough.
        try:
            return super().recv(size, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        self.settimeout(seconds)
        try:
            return super().recv(size, flags)
        except TimeoutError:
            return None
        finally:
            self.settimeout(None)

    def _sendall_in_time(self, data: bytes, flags: int) -> None:
        now = time.monotonic()
        end = (self._answer_end or now + self._patience) + len(data) / _MIB
        self._answer_end = end
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return
        if end <= now:
            raise TimeoutError
        self.settimeout(end - now)
        try:
            super().sendall(memoryview(data)[sent:], flags)
        finally:
            self.settimeout(None)
