"""Etags of sessions, beside the calls of ADK's code, which neither sends nor reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx
from google.adk.sessions import Session
from pydantic import PrivateAttr


class RevisedSession(Session):
    """A session with the etag that the server had for it when it was read or appended to."""

    _etag: str = PrivateAttr(default="")

    @classmethod
    def of(cls, session: Session, etag: str) -> "RevisedSession":
        """The session; `etag` stands in quotes, as in the header."""
        revised = cls(**dict(session))
        revised.etag = etag
        return revised

    @property
    def etag(self) -> str:
        """The etag in quotes."""
        return self._etag

    @etag.setter
    def etag(self, etag: str) -> None:
        self._etag = etag


@dataclass
class _Exchange:
    """The etag that a call sends, and once it is through, the etag of its answer."""

    etag: str


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def exchanging(etag: str) -> Iterator[_Exchange]:
    """Has the calls of the block send the etag, unless it is empty."""
    exchange = _Exchange(etag)
    token = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(token)


async def send_etag(request: httpx.Request) -> None:
    """Adds the header `If-Match` to a request; a hook of httpx."""
    if (exchange := _exchange.get()) and exchange.etag:
        request.headers["If-Match"] = exchange.etag


async def keep_etag(response: httpx.Response) -> None:
    """Keeps the header `ETag` of an answer; a hook of httpx."""
    if exchange := _exchange.get():
        exchange.etag = response.headers.get("ETag", exchange.etag)
