"""The connections of ADK's service: answers, open connections, repeated requests."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_engine_sessions.connections import Answer, BadAnswer, Connections, connections_to
from tests.support.certificates import certificate_of

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """A server that sends its next answer for each request; for None it closes the connection."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self._answers: Iterator[bytes | None] = iter(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
                self.requests.append(head + body)
                answer = next(self._answers, None)
                if answer is None:
                    return
                # One byte after the other: the pieces of an answer must not matter.
                for byte in answer:
                    writer.write(bytes([byte]))
                    await writer.drain()
                if b"\r\nConnection: close" in answer or answer.startswith(b"HTTP/1.0"):
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(
    *answers: bytes | None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Server, Connections]]:
    server = Server(list(answers))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    scheme, port = "https" if tls else "http", listener.sockets[0].getsockname()[1]
    server.url = f"{scheme}://localhost:{port}"
    connections = connections_to(f"{server.url}/v1beta1")
    yield server, connections
    await connections.close()
    listener.close()


async def get(connections: Connections, **options: Any) -> Answer:
    return await connections.request("GET", "/a?b=c", {}, b"", **{"repeatable": True, **options})


@pytest.mark.parametrize(
    ("answer", "expected", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Answer(200, "", b"{}"), True),
        (
            b'HTTP/1.1 404 \r\ncontent-length:0\r\nETAG: "1.0"\r\n\r\n',
            Answer(404, '"1.0"', b""),
            True,
        ),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Answer(304, "", b""), True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Answer(200, "", b"{}"), True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1;x=y\r\n{\r\nA\r\n\r\n12345678\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n",
            Answer(200, "", b"{\r\n12345678}"),
            True,
        ),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
            Answer(200, "", b"{}"),
            False,
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", Answer(200, "", b"{}"), False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Answer(200, "", b"{}"), False),
    ],
    ids=["length", "no-body", "304", "100", "chunks", "close", "until-close", "http-1.0"],
)
async def test_an_answer_ends_as_rfc_9112_says(
    answer: bytes, expected: Answer, is_kept: bool
) -> None:
    async with answering(answer, OK) as (server, connections):
        assert await get(connections) == expected
        assert (await get(connections)).body == b"{}"
        assert server.connections == (1 if is_kept else 2)


async def test_a_request_says_where_it_goes_and_how_long_it_is() -> None:
    async with answering(OK) as (server, connections):
        await connections.request("POST", "/x", {"If-Match": '"e"'}, b"body", repeatable=False)
        host = server.url.partition("//")[2]
        expected = (
            f'POST /x HTTP/1.1\r\nHost: {host}\r\nIf-Match: "e"\r\nContent-Length: 4\r\n\r\nbody'
        )
        assert server.requests == [expected.encode()]


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"]
)
async def test_bytes_that_are_no_answer_are_an_error(answer: bytes) -> None:
    async with answering(answer) as (_, connections):
        with pytest.raises(BadAnswer):
            await get(connections)


async def test_an_answer_that_is_cut_is_an_error() -> None:
    """The request is not repeated, because the server has begun to answer."""
    cut = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{}"
    async with answering(OK, cut) as (server, connections):
        await get(connections)
        with pytest.raises(ConnectionResetError):
            await get(connections)
        assert len(server.requests) == 2


async def test_a_request_on_a_connection_that_ends_is_sent_again() -> None:
    """The client sends it once more, and the answer says so."""
    async with answering(OK, None, OK) as (server, connections):
        assert (await get(connections)).is_first
        assert not (await get(connections)).is_first
        assert (len(server.requests), server.connections) == (3, 2)


@pytest.mark.parametrize("opened", [True, False])
async def test_an_unrepeatable_request_is_sent_once(opened: bool) -> None:
    """Nor is a request repeated on a connection that it has opened itself."""
    async with answering(*([OK] if opened else []), None, OK) as (server, connections):
        if opened:
            await get(connections)
        with pytest.raises(ConnectionResetError):
            await get(connections, repeatable=not opened)
        assert len(server.requests) == (2 if opened else 1)


async def test_a_malformed_header_is_not_sent() -> None:
    async with answering(OK) as (server, connections):
        with pytest.raises(ValueError, match="malformed"):
            await connections.request("GET", "/", {"A": "b\r\nC: d"}, b"", repeatable=True)
        assert server.requests == []


async def test_requests_side_by_side_have_connections_of_their_own() -> None:
    """Later requests use these connections again."""
    async with answering(*[OK] * 6) as (server, connections):
        for _ in range(2):
            await asyncio.gather(*(get(connections) for _ in range(3)))
        assert server.connections == 3


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
async def test_a_proxy_of_the_environment_is_used(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(OK) as (proxy, _):
        monkeypatch.setenv(variable, proxy.url)
        connections = connections_to("http://sessions.example/v1beta1")
        assert (await get(connections)).body == b"{}"
        await connections.close()
        assert proxy.requests[0].startswith(b"GET http://sessions.example/a?b=c HTTP/1.1\r\n")


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_a_certificate_must_be_of_an_authority_that_the_environment_trusts(
    is_trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = certificate_of("localhost")
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate + key)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    async with answering(OK, OK, tls=tls) as (server, connections):
        if is_trusted:
            assert [(await get(connections)).body for _ in range(2)] == [b"{}"] * 2
            assert server.connections == 1
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                await get(connections)
