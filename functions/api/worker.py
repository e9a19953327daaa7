"""gunicorn's threaded worker, with bounds for slow clients; docs/decisions/0010 says why.

It reaches into gunicorn, so that it serves only with the release that it was tested with.
"""

import contextlib
import logging
import selectors
import socket
import time
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, ParseException
from gunicorn.workers.gthread import ThreadWorker

from functions.aip.errors import InvalidArgument
from functions.api.client_socket import ClientSocket
from functions.api.errors import CONTENT_TYPE, INTERNAL
from functions.config.settings import Settings
from functions.messages.json_text import write_plain

_LINGER = 2.0
"""Seconds that a client has to close a connection after its last answer, which an earlier close
by the server could cut off."""

_log = logging.getLogger(__name__)


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Gives no thread to a connection that is silent, and bounds how long others hold theirs.

    Methods without an underscore are gunicorn's, called by it: `handle`, `handle_request` and
    `handle_error` in a thread of a request, the others in the one that waits for connections.
    """

    settings: ClassVar[Settings]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._parting: deque[Any] = deque()

    def enqueue_req(self, conn: Any) -> None:
        """Gives a connection to a thread; a new one only when something has come from it."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        patience = self.settings.client_timeout / 1e9
        conn.sock = ClientSocket(conn.sock, patience, self.settings.max_head_bytes)
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + patience
        self._wait_for(conn, self.pending_conns, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """Serves one request; its time starts with its first byte."""
        conn.sock.begin_request()
        is_kept = super().handle(conn)
        if conn.sock.is_late and not conn.sock.is_answered:
            seconds = self.settings.client_timeout / 1e9
            _send_error(conn.sock, 408, f"The request did not arrive within {seconds:g} seconds.")
        return is_kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answers a request whose head is read, and returns whether another may follow."""
        conn.sock.end_head()
        is_kept = super().handle_request(req, conn)
        conn.sock.flush()
        return is_kept and not conn.sock.is_late

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Answers a request that could not be read, or that failed, in the API's JSON."""
        if req is None and isinstance(exc, ParseException):
            codes = {LimitRequestHeaders: 431, ExpectationFailed: 417}
            _send_error(client, codes.get(type(exc), 400), str(exc))
            return
        _log.error("A request failed in the server.", exc_info=exc)
        if not client.is_answered:
            _send_error(client, INTERNAL.code, INTERNAL.message)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Puts a connection back, or parts with it without a thread that waits for its client."""
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
            return
        conn.timeout = time.monotonic() + _LINGER
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._wait_for(conn, self._parting, partial(self._drain, conn))

    def murder_pending(self) -> None:
        """Closes connections whose time is over, and one more where there is no room for a new one.

        gunicorn calls this when no event of a connection is left to look at.
        """
        super().murder_pending()
        while self._parting and self._parting[0].timeout <= time.monotonic():
            self._close(self._parting.popleft())
        if self.nr_conns >= self.worker_connections:
            self._close_one()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Takes connections or takes no more; a worker that stops waits for no silent one."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            end = time.monotonic() + _LINGER
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, end)

    def _wait_for(self, conn: Any, waiting: deque[Any], is_readable: Any) -> None:
        waiting.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, is_readable)

    def _drain(self, conn: Any, client: ClientSocket) -> None:
        """Reads what a client still sends, until it has closed its side."""
        try:
            has_left = not client.recv(65_536)
        except BlockingIOError:
            has_left = False
        except OSError:
            has_left = True
        if has_left:
            self._parting.remove(conn)
            self._close(conn)

    def _close_one(self) -> None:
        """Closes the oldest of the connections that wait for their clients, idle ones last."""
        for waiting in (self._parting, self.pending_conns, self.keepalived_conns):
            if waiting:
                self._close(waiting.popleft())
                return

    def _close(self, conn: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _send_error(client: ClientSocket, code: int, message: str) -> None:
    kind = InvalidArgument if code < INTERNAL.code else INTERNAL
    error = {"code": code, "message": message, "status": kind.status}
    body = write_plain({"error": error}).encode()
    head = (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.suppress(OSError):
        client.sendall(head.encode("latin-1"))
        client.sendall(body)
