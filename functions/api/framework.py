"""Makes functions-framework and gunicorn answer and keep connections as the API does.

docs/decisions/0008-past-flasks-dispatch.md says why requests go past Flask.
"""

import contextlib
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import TYPE_CHECKING

import click
import flask
import gunicorn
import gunicorn.config
from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker

from functions.api.streams import end_all
from functions.config.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

Target = Callable[[flask.Request], flask.Response]

TESTED_GUNICORN = "27.0.1"
"""The release of gunicorn that the tests run with."""

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. With gunicorn's 2, httplib2, which the discovery client
uses, sends its next request into a closed one."""

_FILES = 4096
"""Open files that a process may need: gunicorn's 1,000 connections, and some for each thread."""

_MOST_DISCARDED = 32 * 2**20
"""Bytes of a body that are taken though nobody reads it: no more get through Cloud Run."""


def install(app: flask.Flask, serve: Target, settings: Settings) -> None:
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
    _set_up_server(settings)


def refuse_other_servers(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raises SystemExit when functions-framework is told to serve with a server that cannot.

    Its command line is asked by click, whichever way an option was given.
    """
    context = click.get_current_context(silent=True)
    options = context.params if context else {}
    if environment.get("THREADED_TIMEOUT_ENABLED", "").lower() == "true":
        # Such a worker ends threads in the midst of a write.
        raise SystemExit(
            "THREADED_TIMEOUT_ENABLED=true is not allowed: it replaces the worker that bounds slow "
            "clients. Unset it; STORE_TIMEOUT and CLIENT_TIMEOUT bound what a request may take."
        )
    if options.get("asgi"):
        raise SystemExit(
            "--asgi and FUNCTION_USE_ASGI are not allowed: the functions answer WSGI requests."
        )
    if options.get("debug") and settings.k_service:
        raise SystemExit(
            "--debug and DEBUG are not allowed in the cloud: they serve Werkzeug's debugger, "
            "which runs code that a caller sends."
        )


def _set_up_server(settings: Settings) -> None:
    """Changes defaults of gunicorn: functions-framework takes no settings for it."""
    # From this functions-framework makes gunicorn's timeout, after which gunicorn kills a worker
    # that did not run. Cloud Run gives an idle instance no time to run.
    os.environ["CLOUD_RUN_TIMEOUT_SECONDS"] = "0"
    files, at_most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < _FILES:
        # A system may allow less than a thousand connections and the files of a store.
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, at_most))
    defaults = {
        # Nobody controls a function so, and each start would wait for the import of asyncio.
        "control_socket_disable": True,
        # By default, a header SCRIPT_NAME from loopback moves every path.
        "forwarder_headers": "",
        "keepalive": _KEEP_ALIVE,
        "post_worker_init": staticmethod(_end_streams_at_sigterm),
        "worker_int": staticmethod(_end_streams),
        "worker_class": _worker_class(settings),
    }
    for setting in gunicorn.config.KNOWN_SETTINGS:
        if setting.name in defaults:
            setting.default = defaults[setting.name]


def _worker_class(settings: Settings) -> type[Worker] | str:
    """The worker with bounds for slow clients where gunicorn is the release it is made for."""
    if gunicorn.__version__ != TESTED_GUNICORN:
        _log.warning(
            "gunicorn is %s; bounds for slow clients are made for %s. They are off.",
            gunicorn.__version__,
            TESTED_GUNICORN,
        )
        return "gthread"
    from functions.api.worker import BoundedWorker

    BoundedWorker.settings = settings
    return BoundedWorker


def _end_streams_at_sigterm(worker: Worker) -> None:
    """Has a worker that is told to stop end its streams, which it would wait for otherwise."""

    def stop(number: int, frame: FrameType | None) -> None:
        end_all()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


def _end_streams(worker: Worker) -> None:
    """Does so at SIGINT and SIGQUIT, for which gunicorn has a hook."""
    end_all()


def _discard_body(request: flask.Request, answer: flask.Response) -> None:
    """Takes what is left of a body, keeping none of it, so that its sender gets to the answer."""
    body, left = request.environ["wsgi.input"], _MOST_DISCARDED
    if answer.is_streamed or not request.environ.get("wsgi.input_terminated"):
        return
    # A body that broke off raises again.
    with contextlib.suppress(OSError, ParseException):
        while left > 0 and (piece := body.read(65_536)):
            left -= len(piece)
