"""Sends what a watch sees as Server-Sent Events; see html.spec.whatwg.org/#server-sent-events.

A stream takes a thread of the server for as long as it lasts. That thread sleeps until the
store, the client or the clock has news for it.
"""

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import flask

from functions.aip.errors import ApiError, ResourceExhausted
from functions.config.settings import Settings
from functions.messages.json_text import write_plain
from functions.rules.errors import SessionNotFound
from functions.store.watching import Tail

_log = logging.getLogger(__name__)

_RETRY = "retry: 250\n\n"
"""How many milliseconds an EventSource waits before it connects again."""

_HEARTBEAT = ": \n\n"

_SEND_PATIENCE = 30.0
"""Seconds for which a reader may take nothing before its connection is closed."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_open: set[Tail] = set()
# Reentrant, since a second signal may come while the first one ends the streams.
_opening = threading.RLock()
_is_stopping = threading.Event()


def stream(
    tail: Tail, settings: Settings, clock: Callable[[], int], environ: Mapping[str, Any]
) -> flask.Response:
    """The answer that follows a tail until its session or its time ends, or its client leaves.

    Raises ResourceExhausted when this process has as many as it may hold; `clock` gives
    nanoseconds since the epoch.
    """
    with _opening:
        is_full = len(_open) >= settings.most_watchers
        if not is_full:
            _open.add(tail)
    if is_full:
        tail.watch.close()
        raise ResourceExhausted(
            f"This server follows {settings.most_watchers} sessions already. Try again later."
        )
    client: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    frames = _frames(tail, settings, clock, client)
    next(frames)
    answer = flask.Response(frames, content_type="text/event-stream", headers=_HEADERS)
    answer.call_on_close(frames.close)
    return answer


def end_all() -> None:
    """Ends every stream of this process, so that a server that stops need not wait for them."""
    _is_stopping.set()
    with _opening:
        for tail in _open:
            tail.watch.wake.set()


def _frames(
    tail: Tail, settings: Settings, clock: Callable[[], int], client: socket.socket | None
) -> Generator[str]:
    """Starts with a frame for nobody, so that from then on its end is always reached."""
    try:
        yield ""
        with _patient(client):
            yield _RETRY
            yield from _follow(tail, settings, clock, client)
    except ApiError as error:
        _log.warning("A stream ended early: %s", error.message)
        yield _RETRY
    finally:
        with _opening:
            _open.discard(tail)
        tail.watch.close()


def _follow(
    tail: Tail, settings: Settings, clock: Callable[[], int], client: socket.socket | None
) -> Iterator[str]:
    news = select.poll()
    news.register(tail.watch.wake.fileno(), select.POLLIN)
    if client is not None:
        news.register(client.fileno(), select.POLLIN)
    end = time.monotonic() + settings.watch_seconds
    beat = time.monotonic() + settings.watch_heartbeat / 1e9
    while time.monotonic() < end and not _is_stopping.is_set():
        try:
            arrivals = tail.watch.read(clock())
        except SessionNotFound:
            # Without an id, an EventSource that connects again has no position, and gets 404.
            yield f"id: \nevent: deleted\ndata: {write_plain({'name': tail.session})}\n\n"
            return
        text = "".join(map(tail.frame, arrivals))
        if not text and time.monotonic() >= beat:
            text = _HEARTBEAT
        if text:
            yield text
            beat = time.monotonic() + settings.watch_heartbeat / 1e9
        if arrivals:
            continue
        expiry = time.monotonic() + max(tail.watch.expire_time - clock(), 0) / 1e9
        wait = min(end, beat, expiry) - time.monotonic()
        ready = news.poll(max(wait, 0) * 1000)
        if client is not None and any(fd == client.fileno() for fd, _ in ready):
            if _has_left(client):
                return
            news.unregister(client.fileno())
    yield _RETRY


@contextlib.contextmanager
def _patient(client: socket.socket | None) -> Iterator[None]:
    """Gives the client a while to take what is sent, so that it cannot hold the thread for ever."""
    if client is None:
        yield
        return
    before = client.gettimeout()
    client.settimeout(_SEND_PATIENCE)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            client.settimeout(before)


def _has_left(client: socket.socket) -> bool:
    """Whether a client from whom something came has closed its connection."""
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
