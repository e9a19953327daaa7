"""Makes functions-framework and gunicorn answer and keep connections as the API does."""

import contextlib
import signal
import socket
from types import FrameType

import flask
import functions_framework
import gunicorn.config
import gunicorn.util
from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker
from werkzeug.exceptions import HTTPException

from functions.aip.errors import Internal, InvalidArgument, MethodNotAllowed, NotFound
from functions.api.errors import CONTENT_TYPE, INTERNAL, error_response
from functions.api.streams import end_all
from functions.api.worker import BoundedWorker
from functions.messages.json_text import write_json
from functions.rules.settings import Settings

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. With gunicorn's 2, httplib2, which the discovery client
uses, sends its next request into a closed one."""


_MOST_DISCARDED = 32 * 2**20
"""Bytes of a body that are taken though nobody reads it: no more get through Cloud Run."""


def adopt(app: flask.Flask, settings: Settings) -> None:
    """Takes over error pages, connections and limits of the framework and of the server.

    Before either starts: the server reads its defaults when it does.
    """
    app.url_map.merge_slashes = False
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, lambda error: error_response(INTERNAL))
    functions_framework.read_request = _discard_body
    gunicorn.util.write_error = _write_error
    BoundedWorker.max_head_bytes = settings.max_head_bytes
    BoundedWorker.patience = settings.client_timeout / 1e9
    gunicorn.config.WorkerClass.default = BoundedWorker
    gunicorn.config.Keepalive.default = _KEEP_ALIVE
    gunicorn.config.PostWorkerInit.default = staticmethod(_end_streams_first)


def _end_streams_first(worker: Worker) -> None:
    """Has a worker that is told to stop end its streams, which it would wait for otherwise."""

    def stop(number: int, frame: FrameType | None) -> None:
        end_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


def _discard_body(answer: flask.Response) -> flask.Response:
    """Takes what is left of a body, keeping none of it, so that its sender gets to the answer."""
    body, left = flask.request.environ["wsgi.input"], _MOST_DISCARDED
    # A body that broke off raises again.
    with contextlib.suppress(OSError, ParseException):
        while not answer.is_streamed and left > 0 and (piece := body.read(65_536)):
            left -= len(piece)
    return answer


def _framework_error(error: HTTPException) -> flask.Response:
    path = flask.request.path
    if error.code == NotFound.code:
        return error_response(NotFound(f"There is no path {path}."))
    if error.code == MethodNotAllowed.code:
        return error_response(MethodNotAllowed(f"{path} does not take {flask.request.method}."))
    if error.code is not None and error.code < 500:
        return error_response(InvalidArgument(error.description or error.name))
    return error_response(INTERNAL)


def _write_error(connection: socket.socket, status: int, reason: str, message: str) -> None:
    """What gunicorn answers to a request that it cannot read at all."""
    kind = InvalidArgument if status < INTERNAL.code else Internal
    error = {"code": status, "message": message or reason, "status": kind.status}
    body = write_json({"error": error}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(connection, head.encode("latin-1") + body)
