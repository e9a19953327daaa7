"""The ways to call a client of the genai family: blocking or not, by token or by API key."""

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from tests.clients.snippets import agentplatform_client, vertexai_client


class Way(NamedTuple):
    """One way to call one client."""

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

    def connect(self, base_url: str, runner: asyncio.Runner) -> Any:
        """The client, its async methods run by `runner`."""
        snippet = self.snippet
        client = (snippet.connect_express if self.express else snippet.connect)(base_url)
        return client if self.waits else Blocking(client.aio, runner)


WAYS = [
    Way(snippet, express, waits)
    for snippet in (vertexai_client, agentplatform_client)
    for express in (False, True)
    for waits in (True, False)
]


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
