"""A request's way through the code: path, route, method, answer."""

import gc
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING

import flask

from functions.aip.errors import ApiError
from functions.api.auth.opening import open_gate
from functions.api.binding import bind
from functions.api.browsers import check_page
from functions.api.cors import allow_origins
from functions.api.description import DESCRIPTION_PATH, description
from functions.api.errors import CONTENT_TYPE, INTERNAL, error_response
from functions.api.framework import Target, install, refuse_other_servers
from functions.api.health import HEALTH_PATH, health
from functions.api.lines import send_lines
from functions.api.log import METHOD, RequestLog, enter_request, log_as_json
from functions.api.path_table import PathTable
from functions.api.query import effective_verb, sent_path
from functions.api.routes import METHODS, ROUTES, official_routes
from functions.api.streams import send_stream
from functions.calls.answer import Answer, LineStream
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.store.in_flight import in_flight
from functions.store.opening import open_store
from functions.store.protocol import Store
from functions.store.streams import EventStream

if TYPE_CHECKING:
    from functions.api.tracing import RequestSpans

_log = logging.getLogger(__name__)

_TABLE = PathTable(ROUTES)
_PAGES = ("/console", "/docs/", "/README.md")
"""Beginnings of the paths that functions/api/console.py serves."""

Method = Callable[[Request, Store, int], str | Answer | LineStream | EventStream]
"""Answers JSON, JSON with an etag, a stream of lines, or a stream of events."""
CONSOLE = "console"
"""The target that serves the console alone."""
_WANTS_EXTENSIONS = "HTTP_X_EXTENSIONS"
"""The header X-Extensions, as a WSGI environment spells it."""


class Endpoint:
    """Serves the routes of some methods, over one store and one clock."""

    def __init__(
        self,
        methods: Collection[str],
        settings: Settings,
        store: Callable[[], Store],
        clock: Callable[[], int],
        spans: "RequestSpans | None" = None,
    ) -> None:
        """`clock` gives nanoseconds since the epoch, in whole microseconds."""
        self._spans = spans
        self._methods = frozenset(methods)
        self._settings = settings
        self._extended = settings.with_extensions()
        self._project = settings.default_project
        self._store = store
        self._clock = clock
        self._gate = open_gate(settings)
        self._is_console = self._methods == {CONSOLE}
        self._has_pages = self._is_console or self._methods >= METHODS.keys()
        self._is_open = "none" in settings.auth_kinds and not settings.k_service

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answers in the API's JSON shape, whatever happens."""
        in_flight.begin(self._settings.max_bytes_in_flight)
        if self._spans is None:
            enter_request(request.environ, self._project)
            answer = self._logged(request)
        else:
            answer = self._traced(request, self._spans)
        if in_flight.held:
            # What the answer is made of stays in memory until the client has it.
            answer.call_on_close(in_flight.release)
        return answer

    def _traced(self, request: flask.Request, spans: "RequestSpans") -> flask.Response:
        span = spans.begin(request.environ)
        answer = self._logged(request)
        _at_end(answer, lambda: spans.end(span, request.environ, answer.status_code))
        return answer

    def _logged(self, request: flask.Request) -> flask.Response:
        if not self._settings.logs_requests:
            return self._answer(request)
        log = RequestLog(request.environ)
        answer = self._answer(request)
        _at_end(answer, lambda: log.write(answer.status_code))
        return answer

    def _answer(self, request: flask.Request) -> flask.Response:
        try:
            verb, path = effective_verb(request), sent_path(request)
            if self._has_pages and verb == "GET" and (path == "/" or path.startswith(_PAGES)):
                # The pages hold no data, so pages of other origins may link to them.
                from functions.api.console import page

                found = page(request, path, self._settings, is_alone=self._is_console)
                if found is not None:
                    request.environ[METHOD] = CONSOLE
                    return found
            if self._is_open:
                check_page(request, self._settings.cors_origins)
            if path == HEALTH_PATH and verb == "GET":
                request.environ[METHOD] = "health"
                return health(self._settings, self._store)
            if path == DESCRIPTION_PATH and verb == "GET":
                request.environ[METHOD] = "description"
                return description()
            wants_all = request.environ.get(_WANTS_EXTENSIONS) == "true"
            settings = self._extended if wants_all else self._settings
            table = _TABLE if settings.extensions else _official()
            match = table.match(verb, path, self._methods)
            request.environ[METHOD] = match.route.method
            method = load_method(match.route.method)
            store = self._store()
            if self._gate is not None:
                # The body is still unread: the server first learns who the caller is.
                store = self._gate.store_for(request, match, store, self._clock())
            asked = bind(request, match, settings)
            # The clock is read again: the body may come slowly, and a session expire meanwhile.
            answer = method(asked, store, self._clock())
            if isinstance(answer, LineStream):
                return send_lines(answer)
            if isinstance(answer, EventStream):
                return send_stream(answer, self._settings, self._clock, request.environ)
            if isinstance(answer, Answer):
                # An etag that no write is checked against would mislead a client.
                return _with_etag(answer if settings.extensions else answer._replace(etag=""))
        except ApiError as error:
            return error_response(error)
        except Exception:
            # A path may name a person.
            method = request.environ.get(METHOD, "no method")
            _log.exception("%s %s failed", request.method, method)
            return error_response(INTERNAL)
        return flask.Response(answer, content_type=CONTENT_TYPE)


@cache
def _official() -> PathTable:
    return PathTable(official_routes())


def _with_etag(answer: Answer) -> flask.Response:
    if answer.is_modified:
        response = flask.Response(answer.text, content_type=CONTENT_TYPE)
    else:
        response = flask.Response(status=304)
        del response.headers["Content-Type"]
    if answer.etag:
        response.headers["ETag"] = f'"{answer.etag}"'
    return response


def _at_end(answer: flask.Response, report: Callable[[], None]) -> None:
    """Reports a request once its answer is made, or its stream has ended."""
    if answer.is_streamed:
        answer.call_on_close(report)
    else:
        report()


def target(name: str, *methods: str) -> Target:
    """A deployable function that serves the routes of `methods`, by default of its own name.

    Reads and checks the settings at once; raises SystemExit saying what is wrong with them.
    """
    log_as_json()
    refuse_other_servers(_settings(), os.environ)
    served = methods or (name,)

    def endpoint_of(clock: Callable[[], int]) -> Target:
        return Endpoint(served, _settings(), _store, clock, _spans())

    endpoint = endpoint_of(_now)
    if _settings().emulator:
        from functions.api.emulator import Emulator

        endpoint = Emulator(endpoint_of, _settings(), _store, _now)

    def answer(request: flask.Request) -> flask.Response:
        return endpoint(request)

    serve = allow_origins(answer, _settings().cors_origins)
    serve.__name__ = name
    if flask.has_app_context() and flask.current_app.name == name:
        install(flask.current_app, serve, _settings())
        if name in METHODS:
            # One import for all workers; of many methods, each is imported at its first request.
            load_method(name)
        # The server forks next. Its collections then skip all objects that exist by now.
        gc.freeze()
    return serve


def router(name: str) -> Target:
    """A deployable function that serves every route on one host."""
    return target(name, *METHODS)


@cache
def _settings() -> Settings:
    return Settings.from_environment(os.environ)


@cache
def _spans() -> "RequestSpans | None":
    if not _settings().otel_exporter_otlp_endpoint:
        return None
    try:
        from functions.api.tracing import RequestSpans
    except ImportError as error:
        raise SystemExit(
            f"OTEL_EXPORTER_OTLP_ENDPOINT needs the packages of requirements-otel.txt: {error}."
        ) from None
    return RequestSpans(_settings())


@cache
def load_method(name: str) -> Method:
    """The function of that name, from its module.

    Garbage collection is off during the import: modules stay, so it would free little.
    """
    gc.disable()
    try:
        method: Method = getattr(importlib.import_module(METHODS[name]), name)
    finally:
        gc.enable()
    return method


_opening = threading.Lock()


def _store() -> Store:
    """The process's store, opened at the first request: the server forks after the import.

    Raises StoreUnavailable if it is not open in STORE_TIMEOUT.
    """
    if not _opening.acquire(timeout=_settings().store_timeout / 1e9):
        raise StoreUnavailable
    try:
        return _open_store()
    finally:
        _opening.release()


@cache
def _open_store() -> Store:
    return open_store(_settings())


def _now() -> int:
    """The clock: nanoseconds since the epoch, in whole microseconds, as Firestore keeps them."""
    return time.time_ns() // 1000 * 1000
