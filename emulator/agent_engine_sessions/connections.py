"""Connections of one event loop to a server, which stay open; h11 writes and reads HTTP/1.1.

A conversation is many small requests. A general client would take most of their time.
"""

import asyncio
import select
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import h11
import httpx

_TIMEOUT = 60.0
_MOST = 100
"""Connections that are open to one server at a time; further requests wait."""

_PIECE = 2**18
"""Bytes of one read."""


class BadAnswer(ConnectionError):
    """The server's answer is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `etag` is the header `ETag`, `is_first` false if the request was sent twice."""

    status: int
    etag: str
    body: bytes
    is_first: bool = True


class Connections(Protocol):
    """The connections of one event loop to one server."""

    async def request(
        self, verb: str, target: str, headers: Mapping[str, str], body: bytes, *, repeatable: bool
    ) -> Answer:
        """Sends a request and waits for its answer.

        If the server closes an open connection before it answers, a repeatable request is sent once
        more. Raises ValueError for a malformed header, TimeoutError, OSError, and
        with a proxy the errors of httpx.
        """

    async def close(self) -> None:
        """Closes the connections that no request uses."""


def connections_to(url: str) -> Connections:
    """Connections to the server of a URL, through the proxy that the environment names, if any."""
    parts = urlsplit(url)
    proxies = getproxies()
    has_proxy = parts.scheme in proxies or "all" in proxies
    is_proxied = has_proxy and not proxy_bypass(parts.netloc)
    return _Proxied(url) if is_proxied else _Direct(url)


class _Proxied:
    """Connections through a proxy, by httpx."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=httpx.URL(url).join("/"), timeout=_TIMEOUT)

    async def request(
        self, verb: str, target: str, headers: Mapping[str, str], body: bytes, *, repeatable: bool
    ) -> Answer:
        found = await self._client.request(verb, target, headers=headers, content=body)
        return Answer(found.status_code, found.headers.get("ETag", ""), found.content)

    async def close(self) -> None:
        await self._client.aclose()


class _Direct:
    """Connections to the server itself; one that a request has left serves the next request."""

    def __init__(self, url: str) -> None:
        """`url` has the server's scheme, host and port; its path is not used."""
        parts = urlsplit(url)
        self._tls = httpx.create_ssl_context() if parts.scheme == "https" else None
        self._host, self._port = parts.hostname, parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []
        self._room = asyncio.Semaphore(_MOST)

    async def request(
        self, verb: str, target: str, headers: Mapping[str, str], body: bytes, *, repeatable: bool
    ) -> Answer:
        length = {"Content-Length": str(len(body))} if body else {}
        sent = {"Host": self._authority, **headers, **length}
        try:
            head = h11.Request(method=verb, target=target, headers=list(sent.items()))
        except h11.LocalProtocolError as error:
            raise ValueError(f"The request is malformed: {error}.") from error
        async with self._room, asyncio.timeout(_TIMEOUT):
            connection = self._take()
            if connection is not None:
                try:
                    return await self._exchange(connection, head, body)
                except OSError:
                    if connection.is_answered or not repeatable:
                        raise
            answer = await self._exchange(await self._open(), head, body)
            return answer if connection is None else replace(answer, is_first=False)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, connection: "_Connection", head: h11.Request, body: bytes) -> Answer:
        try:
            answer = await connection.exchange(head, body)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _take(self) -> "_Connection | None":
        """The last used of the connections that are still open, None for none."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale():
                return connection
            connection.close()
        return None

    async def _open(self) -> "_Connection":
        streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return _Connection(*streams)


class _Connection:
    """One connection, which takes one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = h11.Connection(h11.CLIENT)
        self._poll = select.poll()
        self._poll.register(writer.get_extra_info("socket"), select.POLLIN)
        self.is_open = True
        self.is_answered = False

    def is_stale(self) -> bool:
        """Whether the server has closed the connection, or sent bytes after its last answer."""
        return self._reader.at_eof() or bool(self._poll.poll(0))

    async def exchange(self, head: h11.Request, body: bytes) -> Answer:
        """Sends a request and reads its answer; `is_open` then says if it may take another."""
        self.is_answered = False
        protocol = self._protocol
        pieces = [protocol.send(head), body and protocol.send(h11.Data(body))]
        # The server may answer before it has read the whole body, so nothing waits for the write.
        self._writer.write(b"".join(piece for piece in pieces if piece))
        protocol.send(h11.EndOfMessage())
        try:
            answer = await self._answer()
        except h11.RemoteProtocolError as error:
            if protocol.trailing_data[1]:
                raise ConnectionResetError("The server closed the connection.") from error
            raise BadAnswer("The answer of the server is not HTTP/1.1.") from error
        self.is_open = protocol.our_state is protocol.their_state is h11.DONE
        if self.is_open:
            protocol.start_next_cycle()
        return answer

    async def _answer(self) -> Answer:
        status, etag, pieces = 0, "", []
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
                etags = [value for name, value in event.headers if name == b"etag"]
                etag = b", ".join(etags).decode("latin-1")
            elif isinstance(event, h11.Data):
                pieces.append(event.data)
        return Answer(status, etag, b"".join(pieces))

    async def _next(self) -> object:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_PIECE)
            self.is_answered = self.is_answered or bool(data)
            self._protocol.receive_data(data)
        return event

    def close(self) -> None:
        self._writer.close()
