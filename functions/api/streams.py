"""Sends an EventStream as Server-Sent Events; see html.spec.whatwg.org/#server-sent-events.

A stream holds a thread of the server for as long as it lasts. The thread sleeps until the store or
the client sends something, or a time is over. This is the one module that writes the format.
"""

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any

import flask

from functions.aip.errors import ApiError, ResourceExhausted
from functions.config.settings import Settings
from functions.messages.json_text import write_plain
from functions.rules.errors import SessionNotFound
from functions.store.in_flight import in_flight
from functions.store.streams import EventStream, NewEvent

_log = logging.getLogger(__name__)

_RETRY = "retry: 250\n\n"
"""How many milliseconds an EventSource waits before it connects again."""

_HEARTBEAT = ": \n\n"

_SEND_PATIENCE = 30.0
"""Seconds for which a client may take no bytes before the server closes its connection."""

_COUNTED_BYTES = 2**16
"""Bytes of events, sent at once, that count among those of the process; less cost a lock each."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_open: set[EventStream] = set()
# Reentrant: a signal of the operating system may interrupt the thread that holds it.
_opening = threading.RLock()
_is_stopping = threading.Event()


def send_stream(
    stream: EventStream, settings: Settings, clock: Callable[[], int], environ: Mapping[str, Any]
) -> flask.Response:
    """The answer that sends a stream until its session or its time ends, or its client leaves.

    `clock` gives nanoseconds since the epoch. Raises ResourceExhausted when this process sends
    WATCHERS streams already.
    """
    with _opening:
        is_full = len(_open) >= settings.most_watchers
        if not is_full:
            _open.add(stream)
    if is_full:
        stream.reader.close()
        raise ResourceExhausted(
            f"This server follows {settings.most_watchers} sessions already. Try again later."
        )
    client: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    frames = _frames(stream, settings, clock, client)
    next(frames)
    answer = flask.Response(frames, content_type="text/event-stream", headers=_HEADERS)
    answer.call_on_close(frames.close)
    return answer


def end_all() -> None:
    """Ends every stream of this process, so that a server can stop without waiting for them."""
    _is_stopping.set()
    with _opening:
        for stream in _open:
            stream.reader.signal.set()


def _frames(
    stream: EventStream,
    settings: Settings,
    clock: Callable[[], int],
    client: socket.socket | None,
) -> Generator[str]:
    """Yields an empty frame first: closing a generator runs its `finally` only once it started."""
    try:
        yield ""
        with _patient(client):
            yield _RETRY
            yield from _follow(stream, settings, clock, client)
    except ApiError as error:
        _log.warning("A stream ended early: %s", error.message)
        yield _RETRY
    finally:
        with _opening:
            _open.discard(stream)
        stream.reader.close()
        in_flight.release()


def _follow(
    stream: EventStream,
    settings: Settings,
    clock: Callable[[], int],
    client: socket.socket | None,
) -> Iterator[str]:
    reader, news = stream.reader, select.poll()
    news.register(reader.signal.fileno(), select.POLLIN)
    if client is not None:
        news.register(client.fileno(), select.POLLIN)
    end = time.monotonic() + settings.watch_seconds
    beat = time.monotonic() + settings.watch_heartbeat / 1e9
    while time.monotonic() < end and not _is_stopping.is_set():
        try:
            events = reader.read(clock())
        except SessionNotFound:
            yield _deleted(stream)
            return
        size = sum(record.size() for _, record in events)
        if size >= _COUNTED_BYTES:
            in_flight.take(size)
        text = "".join(_events(stream, events))
        if not text and time.monotonic() >= beat:
            text = _HEARTBEAT
        if text:
            yield text
            if in_flight.held:
                in_flight.release()
            beat = time.monotonic() + settings.watch_heartbeat / 1e9
        if events:
            continue
        expiry = time.monotonic() + max(reader.expire_time - clock(), 0) / 1e9
        wait = min(end, beat, expiry) - time.monotonic()
        ready = news.poll(max(wait, 0) * 1000)
        if client is not None and any(fd == client.fileno() for fd, _ in ready):
            if _has_left(client):
                return
            news.unregister(client.fileno())
    yield _RETRY


def _events(stream: EventStream, events: Iterable[NewEvent]) -> Iterator[str]:
    for position, record in events:
        event = stream.to_json(record)
        if event is not None:
            yield f"id: {stream.token(position)}\ndata: {event}\n\n"


def _deleted(stream: EventStream) -> str:
    """Empties the id: an EventSource that connects again then has no position, and gets 404."""
    return f"id: \nevent: deleted\ndata: {write_plain({'name': stream.session})}\n\n"


@contextlib.contextmanager
def _patient(client: socket.socket | None) -> Iterator[None]:
    """Bounds how long one send may wait for the client, which would hold the thread for ever."""
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
    """Whether a client whose socket is readable has closed its connection."""
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
