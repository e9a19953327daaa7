"""A request's way through the code: path, route, method, answer."""

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from functools import cache

import flask

from functions.aip.errors import ApiError
from functions.api.auth.opening import open_gate
from functions.api.binding import bind
from functions.api.browsers import check_page
from functions.api.cors import allow_origins
from functions.api.errors import CONTENT_TYPE, INTERNAL, error_response
from functions.api.framework import Target, install, refuse_other_servers
from functions.api.log import METHOD, RequestLog, log_as_json
from functions.api.path_table import PathTable
from functions.api.query import effective_verb, sent_path
from functions.api.routes import METHODS, ROUTES
from functions.api.streams import stream
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store
from functions.store.watching import Tail

_log = logging.getLogger(__name__)

_TABLE = PathTable(ROUTES)

Method = Callable[[Request, Store, int], str | Tail]
"""Answers JSON, or a tail to follow."""


class Endpoint:
    """Serves the routes of some methods, over one store and one clock."""

    def __init__(
        self,
        methods: Collection[str],
        settings: Settings,
        store: Callable[[], Store],
        clock: Callable[[], int],
    ) -> None:
        """`clock` gives nanoseconds since the epoch, in whole microseconds."""
        self._methods = frozenset(methods)
        self._settings = settings
        self._store = store
        self._clock = clock
        self._gate = open_gate(settings)
        self._is_open = "none" in settings.auth_kinds and not settings.k_service

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answers in the API's JSON shape, whatever happens."""
        if not self._settings.logs_requests:
            return self._answer(request)
        log = RequestLog(request.environ, self._settings.default_project)
        answer = self._answer(request)
        if answer.is_streamed:
            answer.call_on_close(lambda: log.write(answer.status_code))
        else:
            log.write(answer.status_code)
        return answer

    def _answer(self, request: flask.Request) -> flask.Response:
        try:
            if self._is_open:
                check_page(request, self._settings.cors_origins)
            match = _TABLE.match(effective_verb(request), sent_path(request), self._methods)
            request.environ[METHOD] = match.route.method
            method = load_method(match.route.method)
            store = self._store()
            if self._gate is not None:
                # With a time of its own: nothing of the body is read before the caller is known.
                store = self._gate.store_for(request, match, store, self._clock())
            asked = bind(request, match, self._settings)
            # A body may take its time, and a session may expire meanwhile.
            answer = method(asked, store, self._clock())
            if isinstance(answer, Tail):
                return stream(answer, self._settings, self._clock, request.environ)
        except ApiError as error:
            return error_response(error)
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return error_response(INTERNAL)
        return flask.Response(answer, content_type=CONTENT_TYPE)


def target(name: str, *methods: str) -> Target:
    """A deployable function that serves the routes of `methods`, by default of its own name.

    Reads and checks the settings at once; raises SystemExit saying what is wrong with them.
    """
    log_as_json()
    refuse_other_servers(_settings(), os.environ)
    served = methods or (name,)

    def endpoint_of(clock: Callable[[], int]) -> Target:
        return Endpoint(served, _settings(), _store, clock)

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
        if not methods:
            # Once for all workers; of many methods, each waits for its first request.
            load_method(name)
    return serve


def router(name: str) -> Target:
    """A deployable function that serves every route on one host."""
    return target(name, *METHODS)


@cache
def _settings() -> Settings:
    return Settings.from_environment(os.environ)


@cache
def load_method(name: str) -> Method:
    """The function of that name, from its module."""
    method: Method = getattr(importlib.import_module(METHODS[name]), name)
    return method


_opening = threading.Lock()


def _store() -> Store:
    """The process's store, opened at the first request: the server forks after the import."""
    with _opening:
        return _open_store()


@cache
def _open_store() -> Store:
    return open_store(_settings())


def _now() -> int:
    """The clock: nanoseconds since the epoch, in whole microseconds, as Firestore keeps them."""
    return time.time_ns() // 1000 * 1000
