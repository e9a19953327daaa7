"""Clients of the genai family: blocking or not, with a token or with an API key."""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from tests.clients.snippets import agentplatform_client, vertexai_client


class Connection(NamedTuple):
    """One client, with one kind of credential, blocking (`waits`) or not."""

    snippet: ModuleType
    express: bool
    waits: bool

    def __str__(self) -> str:
        name = "vertexai" if self.is_vertexai else "agentplatform"
        return f"{name}-{'key' if self.express else 'token'}-{'sync' if self.waits else 'aio'}"

    @property
    def is_vertexai(self) -> bool:
        """Whether sessions hang below agent_engines."""
        return self.snippet is vertexai_client

    @contextmanager
    def connect(self, base_url: str, runner: asyncio.Runner) -> Iterator[Any]:
        """The client, its async methods run by `runner`."""
        connect = self.snippet.connect_express if self.express else self.snippet.connect
        with warnings.catch_warnings():
            # vertexai.Client calls itself deprecated.
            warnings.simplefilter("ignore", FutureWarning)
            client = connect(base_url)
        if self.waits:
            yield client
        else:
            yield Blocking(client.aio, runner)
            runner.run(client.aio.aclose())


def _connections(snippet: ModuleType) -> list[Connection]:
    return [
        Connection(snippet, express, waits) for express in (False, True) for waits in (True, False)
    ]


VERTEXAI_CONNECTIONS = _connections(vertexai_client)
AGENTPLATFORM_CONNECTIONS = _connections(agentplatform_client)


class Blocking:
    """An async client, or a part of one, called as if it were blocking."""

    def __init__(self, part: Any, runner: asyncio.Runner) -> None:
        self._part = part
        self._runner = runner

    def __getattr__(self, name: str) -> "Blocking":
        return Blocking(getattr(self._part, name), self._runner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._runner.run(_whole(self._part, *args, **kwargs))


async def _whole(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    answer = await method(*args, **kwargs)
    return [item async for item in answer] if hasattr(answer, "__aiter__") else answer
