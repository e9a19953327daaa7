"""Reads the body of a request, up to a limit."""

import zlib

import flask
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from functions.aip.errors import InvalidArgument, PayloadTooLarge, UnsupportedMediaType
from functions.store.in_flight import in_flight

ENCODING = "gzip"
"""The Content-Encoding that the server takes; RFC 9110 also names it `x-gzip`."""

_PIECE = 2**16
"""Bytes that are read at a time of a body without a length."""

_NAMES = {ENCODING, "x-gzip"}
_GZIP = 16 + zlib.MAX_WBITS

_MOST_MEMBERS = 256
"""Members of one gzip body; clients write one. Unpacking a member copies all bytes behind it, so
many small members cost more than their bytes."""


class UnsupportedEncoding(UnsupportedMediaType):
    """The body comes in a Content-Encoding that the server does not take."""

    def __init__(self, sent: str) -> None:
        super().__init__(
            f"Content-Encoding {sent} is not supported. Send the body as it is, or as {ENCODING}."
        )


def has_body(request: flask.Request) -> bool:
    """Whether the headers announce a body."""
    environ = request.environ
    return (
        environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    )


def read_body(request: flask.Request, limit: int) -> bytes:
    """The body, unpacked where it is gzip.

    `limit` is in bytes, of the body as it is sent and as it unpacks. Raises PayloadTooLarge for
    more, UnsupportedEncoding before any byte is read, InvalidArgument for a broken body, and
    TooManyBytesInFlight when the requests of this process leave no room for the body.
    """
    if not has_body(request):
        return b""
    is_packed = _is_packed(request)
    body = _read(request, limit)
    return _unpack(body, limit) if is_packed and body else body


def _is_packed(request: flask.Request) -> bool:
    sent = request.environ.get("HTTP_CONTENT_ENCODING", "")
    encoding = sent.strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding not in _NAMES:
        raise UnsupportedEncoding(sent)
    return True


def _read(request: flask.Request, limit: int) -> bytes:
    announced = request.content_length or 0
    if announced > limit:
        raise PayloadTooLarge(limit)
    in_flight.take(announced)
    try:
        if announced:
            body: bytes = request.environ["wsgi.input"].read(announced)
        else:
            body = _read_pieces(request, limit)
    except RequestEntityTooLarge:
        raise PayloadTooLarge(limit) from None
    except (BadRequest, ParseException, OSError) as error:
        raise _broken() from error
    if len(body) > limit:
        raise PayloadTooLarge(limit)
    if len(body) < announced:
        raise _broken()
    return body


def _read_pieces(request: flask.Request, limit: int) -> bytes:
    """A body without a length, whose bytes count as they come."""
    # At its own limit werkzeug ends a chunked body as if it were whole.
    request.max_content_length = limit + 1
    pieces = []
    while piece := request.stream.read(_PIECE):
        in_flight.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _unpack(packed: bytes, limit: int) -> bytes:
    """All members of a gzip body, one after the other; see rfc-editor.org/rfc/rfc1952."""
    pieces: list[bytes] = []
    left = limit + 1
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        try:
            piece = member.decompress(packed, left)
        except zlib.error as error:
            raise InvalidArgument(f"The body is not gzip: {error}.") from error
        in_flight.take(len(piece))
        pieces.append(piece)
        left -= len(piece)
        if not left:
            raise PayloadTooLarge(limit)
        if not member.eof:
            raise InvalidArgument("The gzip body ended early.")
        packed = member.unused_data
        if not packed:
            return b"".join(pieces)
    raise InvalidArgument(f"A gzip body may have {_MOST_MEMBERS} members.")


def _broken() -> InvalidArgument:
    return InvalidArgument("The body ended early, came too slowly, or is in malformed chunks.")
