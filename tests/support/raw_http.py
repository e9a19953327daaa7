"""HTTP as bytes on a socket, for requests that no client sends."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit


def connect(url: str) -> socket.socket:
    """A connection that fails the test after a minute without an answer."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def read(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    answer = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def ask(url: str, request: bytes) -> bytes:
    """The answer to a request, and all that follows it until the server closes the connection."""
    with connect(url) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        return read(connection)
