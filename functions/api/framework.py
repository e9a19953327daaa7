"""Makes functions-framework and gunicorn answer and keep connections as the API does."""

import signal
import socket
from types import FrameType

import flask
import gunicorn.config
import gunicorn.util
from gunicorn.workers.base import Worker
from werkzeug.exceptions import HTTPException

from functions.aip.errors import Internal, InvalidArgument, MethodNotAllowed, NotFound
from functions.api.errors import CONTENT_TYPE, INTERNAL, error_response
from functions.api.streams import end_all
from functions.messages.json_text import write_json

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. With gunicorn's 2, httplib2, which the discovery client
uses, sends its next request into a closed one."""


def adopt(app: flask.Flask) -> None:
    """Takes over the error pages of the framework and of the server, before either starts."""
    app.url_map.merge_slashes = False
    app.register_error_handler(HTTPException, _framework_error)
    app.register_error_handler(Exception, lambda error: error_response(INTERNAL))
    gunicorn.util.write_error = _write_error
    gunicorn.config.Keepalive.default = _KEEP_ALIVE
    gunicorn.config.PostWorkerInit.default = staticmethod(_end_streams_first)


def _end_streams_first(worker: Worker) -> None:
    """Has a worker that is told to stop end its streams, which it would wait for otherwise."""

    def stop(number: int, frame: FrameType | None) -> None:
        end_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


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
