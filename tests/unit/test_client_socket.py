"""The bounds of a client's connection, on a pair of sockets, without a server."""

import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread

import pytest
from gunicorn.http.errors import LimitRequestHeaders

from functions.api.client_socket import ClientSocket

PATIENCE = 0.0625
LARGE = 2**19
"""More than a pair of sockets holds."""


@pytest.fixture
def pair() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The server's end and the client's."""
    server, client = socket.socketpair()
    with closing(ClientSocket(server, PATIENCE, 10)) as bounded, closing(client):
        yield bounded, client


Pair = tuple[ClientSocket, socket.socket]


def test_a_late_request_ends_as_if_the_client_had_left(pair: Pair) -> None:
    """Whatever comes after its time is not read."""
    server, client = pair
    client.sendall(b"GET")
    assert server.recv(99) == b"GET"
    assert server.recv(99) == b""
    client.sendall(b" /")
    assert (server.recv(99), server.is_late) == (b"", True)
    server.begin_request()
    assert (server.recv(99), server.is_late) == (b" /", False)


def test_a_head_has_a_limit_and_a_body_has_another(pair: Pair) -> None:
    """Ten bytes in any pieces; each request has its own."""
    server, client = pair
    for _ in range(2):
        server.begin_request()
        client.sendall(b"0123456789")
        assert server.recv(5) + server.recv(5) == b"0123456789"
        server.end_head()
        client.sendall(b"0123456789")
        assert server.recv(10) == b"0123456789"
    server.begin_request()
    client.sendall(b"0123456789x")
    server.recv(10)
    with pytest.raises(LimitRequestHeaders):
        server.recv(10)


def test_an_answer_that_is_taken_too_slowly_breaks_off(pair: Pair) -> None:
    """It does not log as an error: to the server its client is gone."""
    server, _ = pair
    server.sendall(b"head")
    with pytest.raises(BrokenPipeError):
        server.sendall(b"x" * LARGE)
    assert server.is_answered


def test_a_client_that_takes_a_little_of_an_answer_wins_no_time(pair: Pair) -> None:
    """The time is that of the whole answer, however often its client reads."""
    server, client = pair
    is_over = Event()
    taken: list[bytes] = []

    def sip() -> None:
        while not is_over.wait(0.005):
            taken.append(client.recv(1024))

    thread = Thread(target=sip)
    thread.start()
    server.sendall(b"head")
    try:
        with pytest.raises(BrokenPipeError):
            server.sendall(b"x" * LARGE)
    finally:
        is_over.set()
        thread.join()
    assert taken


def test_an_answer_has_a_second_more_for_each_mebibyte(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of it add up, and their time goes on from the first."""
    server, client = pair
    waits: list[float] = []
    monkeypatch.setattr("functions.api.client_socket.time.monotonic", lambda: 100.0)
    monkeypatch.setattr(
        ClientSocket, "_wait", lambda self, event, end: (waits.append(end), client.recv(2**20))
    )
    server.begin_request()
    server.sendall(b"x" * LARGE)
    server.sendall(b"x" * LARGE)
    server.sendall(b"x" * LARGE)
    assert {*waits} == {101 + PATIENCE, 101.5 + PATIENCE}


@pytest.mark.parametrize("body", [[], [b"body"], [b"", b"bo", b"dy"], [b"x" * (2**20 + 1)]])
def test_a_head_goes_with_what_follows_it_or_by_itself(pair: Pair, body: list[bytes]) -> None:
    """Nothing is lost of an answer without a body, and nothing comes twice."""
    server, client = pair
    server.sendall(b"head ")
    got: list[bytes] = []
    thread = Thread(target=lambda: got.extend(iter(lambda: client.recv(2**20), b"")))
    thread.start()
    for piece in body:
        server.sendall(piece)
    server.flush()
    server.flush()
    server.shutdown(socket.SHUT_WR)
    thread.join()
    assert b"".join(got) == b"head " + b"".join(body)


def test_a_timeout_that_somebody_sets_holds_instead(pair: Pair) -> None:
    """As it does for a stream, which may last for long and sends little at a time."""
    server, client = pair
    client.sendall(b"0123456789 and more")
    server.settimeout(60)
    assert server.recv(99) == b"0123456789 and more"
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(1)
    server.settimeout(0.01)
    with pytest.raises(TimeoutError):
        server.recv(1)
    assert not server.is_late
    with pytest.raises(BrokenPipeError):
        server.sendall(b"x" * LARGE)
    assert not server.is_answered
    server.setblocking(True)
    assert server.gettimeout() is None
