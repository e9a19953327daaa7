"""Makes functions-framework and gunicorn answer and keep connections as the API does.

docs/decisions/0008-past-flasks-dispatch.md says why requests go past Flask.
"""

import atexit
import contextlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING

import click
import flask
import gunicorn
import gunicorn.config
from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker

from functions.api.body import has_body
from functions.api.streams import end_all
from functions.config.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

Target = Callable[[flask.Request], flask.Response]

TESTED_GUNICORN = "27.0.1"
"""The release of gunicorn that the tests run with."""

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. After gunicorn's default of 2, the discovery client's
httplib2 sends its next request into a closed connection."""

_FILES = 4096
"""Open files that a process may need: gunicorn's 1,000 connections and some for each thread."""


def install(app: flask.Flask, serve: Target, settings: Settings) -> None:
    """Makes `serve` answer every request of the app, and sets limits of the server.

    The caller installs before gunicorn starts and reads its defaults. Flask's dispatch is left out:
    it costs more than most methods, which use none of its features.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = flask.Request(environ)
        response = serve(request)
        if not response.is_streamed:
            _discard_body(request, response, settings.max_body_bytes)
        return response(environ, start_response)

    app.wsgi_app = answer  # type: ignore[method-assign]
    _set_up_server(serve, settings)


def refuse_other_servers(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raises SystemExit when options or missing packages leave a server that cannot serve this.

    click knows the options, from the command line and from the environment.
    """
    context = click.get_current_context(silent=True)
    options = context.params if context else {}
    if environment.get("THREADED_TIMEOUT_ENABLED", "").lower() == "true":
        # That worker ends threads in the middle of a write.
        raise SystemExit(
            "THREADED_TIMEOUT_ENABLED=true is not allowed: it replaces the worker that bounds slow "
            "clients. Unset it; STORE_TIMEOUT and CLIENT_TIMEOUT bound what a request may take."
        )
    if settings.grpc_address and find_spec("grpc_status") is None:
        raise SystemExit("GRPC_ADDRESS needs the packages of agent-engine-sessions[grpc].")
    if options.get("asgi"):
        raise SystemExit(
            "--asgi and FUNCTION_USE_ASGI are not allowed: the functions answer WSGI requests."
        )
    if options.get("debug") and settings.k_service:
        raise SystemExit(
            "--debug and DEBUG are not allowed in the cloud: they serve Werkzeug's debugger, "
            "which runs code that a caller sends."
        )


def _set_up_server(serve: Target, settings: Settings) -> None:
    """Changes defaults of gunicorn: functions-framework takes no settings for it."""
    # functions-framework takes gunicorn's timeout from this variable. gunicorn kills a worker that
    # did not run for so long, and Cloud Run gives an idle instance no CPU time.
    os.environ["CLOUD_RUN_TIMEOUT_SECONDS"] = "0"
    files, at_most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < _FILES:
        # The system may allow fewer than gunicorn's connections and the files of a store need.
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, at_most))
    defaults = {
        # No function needs the socket, and each start would wait for the import of asyncio.
        "control_socket_disable": True,
        # gunicorn takes another parser if it finds one; the tests of rough requests run with this.
        "http_parser": "python",
        # By default, headers from loopback move every path and change the scheme. Without them the
        # server need not find out for each request whether the client may send them.
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "forwarded_allow_ips": "*",
        "keepalive": _KEEP_ALIVE,
        "post_worker_init": staticmethod(partial(_begin, serve, settings)),
        "worker_int": staticmethod(_end_streams),
        "worker_class": _worker_class(settings),
    }
    for setting in gunicorn.config.KNOWN_SETTINGS:
        if setting.name in defaults:
            setting.default = defaults[setting.name]


def _worker_class(settings: Settings) -> type[Worker] | str:
    """The worker with bounds for slow clients, or gunicorn's own with an untested gunicorn."""
    if gunicorn.__version__ != TESTED_GUNICORN:
        _log.warning(
            "gunicorn is %s. The bounds for slow clients need %s and are off.",
            gunicorn.__version__,
            TESTED_GUNICORN,
        )
        return "gthread"
    from functions.api.worker import BoundedWorker

    BoundedWorker.settings = settings
    return BoundedWorker


def _begin(serve: Target, settings: Settings, worker: Worker) -> None:
    """Prepares the worker's process, and starts gRPC there: no server of it outlives a fork."""
    _end_streams_at_sigterm(worker)
    _let_threads_finish()
    if settings.grpc_address:
        from functions.api.grpc_server import serve_grpc

        atexit.register(serve_grpc(serve, settings))


def _let_threads_finish() -> None:
    """Keeps a thread that wakes up from interrupting another one, where the system is Linux.

    Threads of one Python process take turns at the interpreter, so a thread that was interrupted
    for another one holds up both. The threads to come inherit this; see sched(7) on SCHED_BATCH.
    """
    if sys.platform == "linux":
        # A sandbox may refuse it.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _end_streams_at_sigterm(worker: Worker) -> None:
    """Makes SIGTERM end the worker's streams, for which gunicorn would wait otherwise."""

    def stop(number: int, frame: FrameType | None) -> None:
        end_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


def _end_streams(worker: Worker) -> None:
    """Ends the streams at SIGINT and SIGQUIT, for which gunicorn has a hook."""
    end_all()


def _discard_body(request: flask.Request, answer: flask.Response, limit: int) -> None:
    """Reads the rest of a body without keeping it: many clients send all before they read.

    `limit` is the bytes of a body that the server reads for anybody. Of a longer body, the server
    reads no more before it answers; gunicorn then closes the connection.
    """
    if not (has_body(request) and request.environ.get("wsgi.input_terminated")):
        return
    if answer.status_code == 413 or (request.content_length or 0) > limit:
        return
    body, left = request.environ["wsgi.input"], limit
    # The body of a client that left, or in malformed chunks, raises again.
    with contextlib.suppress(OSError, ParseException):
        while left > 0 and (piece := body.read(min(left, 65_536))):
            left -= len(piece)
