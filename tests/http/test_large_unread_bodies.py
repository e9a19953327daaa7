"""How much of a body the server reads from the wire before it closes the connection: bytes."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.support.authentication import API_KEYS, ENGINE_PATH, KEY
from tests.support.servers import serving

LIMIT = 1_000_000
OFFERED = 400 * 2**20
IN_BUFFERS = 24 * 2**20
"""Bytes that the kernel may hold for both ends, or that the server drops as it closes."""

FRAMINGS = {
    "a long body": (b"Content-Length: %d" % OFFERED, b"x" * 2**16),
    "an endless body": (b"Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 2**16 + b"\r\n"),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, worker: dict[str, str]) -> Iterator[str]:
    """A server for those who have the key."""
    environment = {
        "SESSIONS_STORE": f"sqlite:///{tmp_path_factory.mktemp('unread')}/sessions.db",
        "MAX_BODY_BYTES": str(LIMIT),
        "AUTH": "api_key",
        "API_KEYS": API_KEYS,
        **worker,
    }
    with serving("sessions_api", environment) as served:
        yield served


def offer(url: str, key: str, framing: bytes, piece: bytes) -> tuple[int, bytes]:
    """How many bytes the server's side took, and its answer up to the end of the connection."""
    parts = urlsplit(url)
    head = b"POST %b/sessions HTTP/1.1\r\nHost: x\r\nX-Goog-Api-Key: %b\r\n%b\r\n\r\n"
    sent, answer = 0, b""
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(head % (ENGINE_PATH.encode(), key.encode(), framing))
        with suppress(ConnectionError):
            while sent < OFFERED:
                sent += connection.send(piece)
        with suppress(ConnectionError):
            while more := connection.recv(65_536):
                answer += more
    return sent, answer


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), (KEY, 413)])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_beyond_the_limit_ends_its_connection_behind_the_answer(
    url: str, key: str, status: int, framing: str
) -> None:
    """The client gets its answer; the server reads no more than MAX_BODY_BYTES to give it."""
    sent, answer = offer(url, key, *FRAMINGS[framing])
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert sent <= LIMIT + IN_BUFFERS


@pytest.mark.parametrize("framing", ["Content-Length: 900000", "Transfer-Encoding: chunked"])
def test_a_body_within_the_limit_leaves_its_connection_open(url: str, framing: str) -> None:
    """A client whose key is wrong may send its next request on the same connection."""
    parts = urlsplit(url)
    head = f"POST {ENGINE_PATH}/sessions HTTP/1.1\r\nHost: x\r\n"
    head += f"X-Goog-Api-Key: no\r\n{framing}\r\n\r\n"
    body = "x" * 900_000
    if "chunked" in framing:
        body = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        for _ in range(2):
            connection.sendall((head + body).encode())
            answer = b""
            while b"UNAUTHENTICATED" not in answer:
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert b"Connection: close" not in answer
