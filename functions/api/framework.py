"""Makes functions-framework and gunicorn answer and keep connections as the API does."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING

import flask
import gunicorn.config
import gunicorn.http.wsgi
import gunicorn.util
from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker

from functions.aip.errors import Internal, InvalidArgument
from functions.api.errors import CONTENT_TYPE, INTERNAL
from functions.api.streams import end_all
from functions.api.worker import BoundedWorker, JoinedResponse
from functions.messages.json_text import write_plain
from functions.rules.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Target = Callable[[flask.Request], flask.Response]

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. With gunicorn's 2, httplib2, which the discovery client
uses, sends its next request into a closed one."""


_MOST_DISCARDED = 32 * 2**20
"""Bytes of a body that are taken though nobody reads it: no more get through Cloud Run."""


def adopt(app: flask.Flask, serve: Target, settings: Settings) -> None:
    """Has `serve` answer every request of the app, and sets limits of the server.

    Before the server starts: it reads its defaults when it does. Flask's own way to a function
    costs more than most of our methods and offers nothing that they use.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = flask.Request(environ)
        response = serve(request)
        _discard_body(request, response)
        return response(environ, start_response)

    app.wsgi_app = answer  # type: ignore[method-assign]
    gunicorn.util.write_error = _write_error
    gunicorn.http.wsgi.Response = JoinedResponse
    BoundedWorker.max_head_bytes = settings.max_head_bytes
    BoundedWorker.patience = settings.client_timeout / 1e9
    gunicorn.config.WorkerClass.default = BoundedWorker
    gunicorn.config.Keepalive.default = _KEEP_ALIVE
    # Nobody controls a function so, and each start would wait for the import of asyncio.
    gunicorn.config.ControlSocketDisable.default = True
    gunicorn.config.PostWorkerInit.default = staticmethod(_end_streams_first)


def _end_streams_first(worker: Worker) -> None:
    """Has a worker that is told to stop end its streams, which it would wait for otherwise."""

    def stop(number: int, frame: FrameType | None) -> None:
        end_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


def _discard_body(request: flask.Request, answer: flask.Response) -> None:
    """Takes what is left of a body, keeping none of it, so that its sender gets to the answer."""
    body, left = request.environ["wsgi.input"], _MOST_DISCARDED
    if answer.is_streamed or not request.environ.get("wsgi.input_terminated"):
        return
    # A body that broke off raises again.
    with contextlib.suppress(OSError, ParseException):
        while left > 0 and (piece := body.read(65_536)):
            left -= len(piece)


def _write_error(connection: socket.socket, status: int, reason: str, message: str) -> None:
    """What gunicorn answers to a request that it cannot read at all."""
    kind = InvalidArgument if status < INTERNAL.code else Internal
    error = {"code": status, "message": message or reason, "status": kind.status}
    body = write_plain({"error": error}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(connection, head.encode("latin-1") + body)
