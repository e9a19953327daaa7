"""gunicorn's threaded worker, with bounds for slow clients; docs/decisions/0010 says why.

The class uses internals of gunicorn, so it serves only with the release that the tests run with.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
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
"""Seconds that a client has to close a connection after its last answer. If the server closed
earlier, the client could lose the end of the answer."""

_MOST_DRAINED = 2**20
"""Bytes that the server reads from a connection after its last answer."""

_NEXT_REQUEST = 0.002
"""Seconds that a thread waits for the next request of a client after an answer."""

_KEPT: Future[bool] = Future()
"""gunicorn's result of a connection that stays open."""
_KEPT.set_result(True)

_log = logging.getLogger(__name__)


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Gives no thread to a silent connection, and bounds how long the others hold a thread.

    gunicorn calls the methods without an underscore: `handle_request` and `handle_error` in a
    request's thread, the others in the thread that waits for connections.
    """

    settings: ClassVar[Settings]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._parting: deque[Any] = deque()
        self._lock = threading.Lock()
        self._queued: deque[Any] = deque()
        """Connections that wait for a thread."""
        self._served: deque[tuple[Any, bool]] = deque()
        """Connections that a thread has left, and whether each stays open."""
        self._busy = 0
        """Threads that serve connections."""
        self._is_called = False
        """Whether the selector's thread has been told of served connections."""

    def init_process(self) -> None:
        """Runs the worker.

        A setting of gunicorn is found by a call, and each request asks for about twenty. As plain
        attributes they take a fifth of that time.
        """
        settings = self.cfg.settings.items()
        self.cfg.__dict__.update({name: setting.get() for name, setting in settings})
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Gives a connection to a thread; a new connection waits for its first bytes."""
        if conn.initialized or conn.data_ready:
            with self._lock:
                self._queued.append(conn)
                is_free = self._busy < self.cfg.threads
                self._busy += is_free
            if is_free:
                self.tpool.submit(self._serve_queued)
            return
        patience = self.settings.client_timeout / 1e9
        conn.sock = ClientSocket(conn.sock, patience, self.settings.max_head_bytes)
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + patience
        self._wait_for(conn, self.pending_conns, partial(self.on_pending_socket_readable, conn))

    def _serve_queued(self) -> None:
        """Serves connections as long as any waits for a thread."""
        while (conn := self._next()) is not None:
            is_kept = False
            try:
                is_kept = self._serve_client(conn)
            except BaseException:
                # SystemExit, too: the thread goes on with the next connection.
                _log.exception("A request failed in the server.")
            self._served.append((conn, is_kept))

    def _next(self) -> Any:
        """The next connection for this thread, None if the thread is free.

        The selector waits for served connections again only when few others wait for a thread. So
        a busy worker hands over many of them by one change of threads.
        """
        with self._lock:
            conn = self._queued.popleft() if self._queued else None
            self._busy -= conn is None
            has_few = len(self._queued) < self.cfg.threads
            calls = has_few and bool(self._served) and not self._is_called
            self._is_called |= calls
        if calls:
            self.method_queue.defer(self._take_back)
        return conn

    def _serve_client(self, conn: Any) -> bool:
        """Serves a request, and further ones of its client; returns whether it stays open.

        The thread stays with the client while the next request comes within _NEXT_REQUEST and no
        other connection waits for a thread. A connection that goes back to the selector instead
        costs two changes of threads.
        """
        is_kept = self._serve(conn)
        while is_kept and self.alive and not self._queued and conn.sock.has_more(_NEXT_REQUEST):
            is_kept = self._serve(conn)
        return is_kept

    def _serve(self, conn: Any) -> bool:
        """Serves one request; its time starts with its first byte."""
        conn.sock.begin_request()
        is_kept = bool(self.handle(conn))
        if conn.sock.is_late and not conn.sock.is_answered:
            seconds = self.settings.client_timeout / 1e9
            _send_error(conn.sock, 408, f"The request did not arrive within {seconds:g} seconds.")
        return is_kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answers a request whose head is read; returns whether the connection stays open."""
        conn.sock.end_head()
        is_kept = super().handle_request(req, conn)
        conn.sock.flush()
        return is_kept and not conn.sock.is_late

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Answers in the API's JSON a request that was malformed or failed in the server."""
        if req is None and isinstance(exc, ParseException):
            codes = {LimitRequestHeaders: 431, ExpectationFailed: 417}
            _send_error(client, codes.get(type(exc), 400), str(exc))
            return
        _log.error("A request failed in the server.", exc_info=exc)
        if not client.is_answered:
            _send_error(client, INTERNAL.code, INTERNAL.message)

    def _take_back(self) -> None:
        """Keeps served connections, or closes them later; no thread waits for their clients."""
        self._is_called = False
        while self._served:
            conn, is_kept = self._served.popleft()
            if is_kept:
                self.finish_request(conn, _KEPT)
            else:
                self._part(conn)

    def _part(self, conn: Any) -> None:
        conn.timeout, conn.to_drain = time.monotonic() + _LINGER, _MOST_DRAINED
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._wait_for(conn, self._parting, partial(self._drain, conn))

    def murder_pending(self) -> None:
        """Closes connections whose time is over, and one more if there is no room for a new one.

        gunicorn calls this once it has handled the events of all connections.
        """
        super().murder_pending()
        while self._parting and self._parting[0].timeout <= time.monotonic():
            self._close(self._parting.popleft())
        if self.nr_conns >= self.worker_connections:
            self._close_one()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Starts or stops accepting; a worker that stops gives silent connections two seconds."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            end = time.monotonic() + _LINGER
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, end)

    def _wait_for(self, conn: Any, waiting: deque[Any], is_readable: Any) -> None:
        waiting.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, is_readable)

    def _drain(self, conn: Any, client: ClientSocket) -> None:
        """Reads and drops data of a client, until the client closes or has sent too much."""
        try:
            piece = client.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        conn.to_drain -= len(piece)
        if not piece or conn.to_drain <= 0:
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
