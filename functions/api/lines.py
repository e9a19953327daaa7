"""Sends a LineStream as newline-delimited JSON; see github.com/ndjson/ndjson-spec."""

import logging
from collections.abc import Generator, Iterator

import flask

from functions.aip.errors import ApiError
from functions.calls.answer import LineStream
from functions.store.in_flight import in_flight

CONTENT_TYPE = "application/x-ndjson"

_CHUNK = 2**16
"""Characters that the server sends at a time, unless one line has more."""

_log = logging.getLogger(__name__)


def send_lines(stream: LineStream) -> flask.Response:
    """The answer that sends a stream; raises the errors that come before its first line."""
    chunks = _chunks(stream.lines)
    first = next(chunks, "")
    body = _cut_at_errors(first, chunks)
    answer = flask.Response(body, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
    answer.call_on_close(body.close)
    return answer


def _cut_at_errors(first: str, chunks: Iterator[str]) -> Generator[str]:
    """Raises what ends a stream: gunicorn then closes the connection before the answer's end."""
    try:
        yield first
        yield from chunks
    except ApiError as error:
        _log.warning("An export ended early: %s", error.message)
        raise
    finally:
        in_flight.release()


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for line in lines:
        held += (line, "\n")
        size += len(line)
        if size >= _CHUNK:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)
