"""Connections to a server that stay open, for one event loop; see rfc-editor.org/rfc/rfc9112.

A conversation is many small requests, of which a general client takes most of the time.
"""

import asyncio
import select
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

_TIMEOUT = 60.0
_MOST = 100
"""Connections to one server at once; further requests wait."""

_MOST_HEAD_BYTES = 2**18
"""Bytes that the head of an answer, or the head of one of its chunks, may have."""


class BadAnswer(ConnectionError):
    """The server answered something else than HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with the header `ETag`; `is_first` tells whether the request was sent once."""

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

        A server may close an open connection just when a request is sent. A repeatable request is
        then sent once more. Raises ValueError for a header of more than one line, TimeoutError,
        OSError, and with a proxy the errors of httpx.
        """

    async def close(self) -> None:
        """Closes the connections that no request uses."""


def connections_to(url: str) -> Connections:
    """Connections to the server of a URL, through the proxy that the environment names, if any."""
    parts = urlsplit(url)
    is_proxied = parts.scheme in getproxies() and not proxy_bypass(parts.netloc)
    return _Proxied(url) if is_proxied else _Direct(url)


class _Proxied:
    """Connections of httpx, which knows proxies."""

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
    """Connections that stay open until they are used again."""

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
        lines = [f"{verb} {target} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if any("\n" in line or "\r" in line for line in lines):
            raise ValueError("A header has more than one line.")
        request = "\r\n".join((*lines, "", "")).encode("latin-1") + body
        async with self._room, asyncio.timeout(_TIMEOUT):
            connection = self._take()
            if connection is not None:
                try:
                    return await self._exchange(connection, request)
                except OSError:
                    if connection.is_answered or not repeatable:
                        raise
            answer = await self._exchange(await self._open(), request)
            return answer if connection is None else replace(answer, is_first=False)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, connection: "_Connection", request: bytes) -> Answer:
        try:
            answer = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _take(self) -> "_Connection | None":
        """The connection that was used last and is still open."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale():
                return connection
            connection.close()
        return None

    async def _open(self) -> "_Connection":
        streams = await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, limit=_MOST_HEAD_BYTES
        )
        return _Connection(*streams)


class _Connection:
    """One connection, which takes one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._poll = select.poll()
        self._poll.register(writer.get_extra_info("socket"), select.POLLIN)
        self.is_open = True
        self.is_answered = False

    def is_stale(self) -> bool:
        """Whether the server has closed the connection; it has nothing else to say here."""
        return self._reader.at_eof() or bool(self._poll.poll(0))

    async def exchange(self, request: bytes) -> Answer:
        """Sends a request and reads its answer; then `is_open` tells whether it takes another."""
        self.is_answered = False
        # The server may answer before it has taken all of the body, so nothing waits for that.
        self._writer.write(request)
        try:
            status = 100
            while status < 200:
                status, headers = _head(await self._reader.readuntil(b"\r\n\r\n"))
                self.is_answered = True
            body = await self._body(status, headers)
        except asyncio.IncompleteReadError as error:
            self.is_answered = self.is_answered or bool(error.partial)
            raise ConnectionResetError("The server closed the connection.") from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise BadAnswer("The server does not answer as HTTP/1.1 says.") from error
        if "close" in headers.get("connection", "").lower():
            self.is_open = False
        return Answer(status, headers.get("etag", ""), body)

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        self.is_open = False
        return await self._reader.read()

    async def _chunks(self) -> bytes:
        chunks = []
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # A trailer, which nothing here asks for.
        return b"".join(chunks)

    def close(self) -> None:
        self._writer.close()


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    """The status and the headers, whose names are in lower case; raises ValueError."""
    first, *lines = text.decode("latin-1").split("\r\n")[:-2]
    protocol, status, *_ = first.split(" ", 2)
    if protocol not in ("HTTP/1.1", "HTTP/1.0"):
        raise ValueError(protocol)
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    if protocol == "HTTP/1.0":
        headers["connection"] = "close"
    return int(status), headers
