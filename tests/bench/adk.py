"""ADK's session services, each called in the process of the bench, one call after the other."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from google.adk.events.event import Event
from google.adk.sessions import BaseSessionService
from google.genai.types import Content, Part

from agent_engine_sessions.adk import SessionService
from tests.bench.peers import APP, TEXT, USER
from tests.support.clients.adk import session_service

TURNS = 10
"""Turns of the conversation by which a turn is measured."""

Result = TypeVar("Result")


class AdkSessions:
    """A session service and the session that its calls are about."""

    def __init__(self, service: BaseSessionService, runner: asyncio.Runner, app: str) -> None:
        self._service = service
        self._runner = runner
        self.app = app
        self.session: Any = None

    def create(self, user: str = USER) -> None:
        """Makes the session that the other calls are about."""
        self.session = self._run(
            self._service.create_session(
                app_name=self.app,
                user_id=user,
                session_id=uuid.uuid4().hex,
                state={"plan": "free"},
            )
        )

    def append(self) -> None:
        self._run(self._service.append_event(self.session, _event("agent")))

    def get(self) -> Any:
        """The session with all its events."""
        return self._run(self._get())

    def list(self, user: str) -> Any:
        """All sessions of a user, without their events."""
        found = self._run(self._service.list_sessions(app_name=self.app, user_id=user))
        return found.sessions

    def delete(self) -> None:
        self._run(
            self._service.delete_session(
                app_name=self.app, user_id=self.session.user_id, session_id=self.session.id
            )
        )

    def turn(self, seconds: float) -> float:
        """Milliseconds of a turn, on the average of a new conversation; the median of some.

        A turn is what ADK's Runner does: it gets the session, then appends the message of the user
        and that of the agent.
        """
        times = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            self.create()
            start = time.perf_counter()
            self._run(self._talk())
            times.append(time.perf_counter() - start)
        return 1000 * sorted(times)[len(times) // 2] / TURNS

    async def _talk(self) -> None:
        for _ in range(TURNS):
            session = await self._get()
            for author in ("user", "agent"):
                await self._service.append_event(session, _event(author))

    async def _get(self) -> Any:
        return await self._service.get_session(
            app_name=self.app, user_id=self.session.user_id, session_id=self.session.id
        )

    def _run(self, call: Awaitable[Result]) -> Result:
        async def wait() -> Result:
            return await call

        return self._runner.run(wait())


def _event(author: str) -> Event:
    role = "user" if author == "user" else "model"
    content = Content(role=role, parts=[Part(text=TEXT)])
    return Event(invocation_id="i", author=author, content=content)


@contextmanager
def called(
    service: AbstractAsyncContextManager[BaseSessionService], app: str = APP
) -> Iterator[AdkSessions]:
    """A service on an event loop of its own."""
    with asyncio.Runner() as runner:
        opened = runner.run(_opened(service))
        yield AdkSessions(opened, runner, app)
        runner.run(_closed(service))


async def _opened(service: AbstractAsyncContextManager[BaseSessionService]) -> BaseSessionService:
    return await service.__aenter__()


async def _closed(service: AbstractAsyncContextManager[BaseSessionService]) -> None:
    await service.__aexit__(None, None, None)


@asynccontextmanager
async def ours(server: str) -> AsyncIterator[BaseSessionService]:
    """This project's service for ADK, over HTTP."""
    service = SessionService(server)
    yield service
    await service.close()


def vertex(server: str) -> AbstractAsyncContextManager[BaseSessionService]:
    """ADK's VertexAiSessionService over HTTP, unchanged but for the URL."""
    return session_service(server)


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[BaseSessionService]:
    from google.adk.sessions.sqlite_session_service import SqliteSessionService

    yield SqliteSessionService(str(directory / "adk-direct.db"))


@asynccontextmanager
async def database(url: str) -> AsyncIterator[BaseSessionService]:
    """ADK's DatabaseSessionService; `url` is SQLAlchemy's."""
    from google.adk.sessions import DatabaseSessionService

    service = DatabaseSessionService(url)
    yield service
    await service.close()


@asynccontextmanager
async def redis(url: str) -> AsyncIterator[BaseSessionService]:
    from google.adk.integrations.redis import RedisSessionService
    from redis.asyncio import from_url

    async with from_url(url, decode_responses=True) as client:
        yield RedisSessionService(redis_client=client)


@asynccontextmanager
async def firestore(emulator: str) -> AsyncIterator[BaseSessionService]:
    from google.adk.integrations.firestore.firestore_session_service import FirestoreSessionService
    from google.cloud.firestore import AsyncClient

    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator
    try:
        client = AsyncClient(project="bench-adk")
    finally:
        del os.environ["FIRESTORE_EMULATOR_HOST"]
    yield FirestoreSessionService(client)
