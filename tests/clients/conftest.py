"""What the tests of every client share: an engine of the test's own, and the ways to connect."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from google.cloud import aiplatform_v1, aiplatform_v1beta1

from tests.clients.snippets import gapic, gapic_grpc
from tests.clients.snippets.adk import SessionService
from tests.support.clients.adk import session_service
from tests.support.clients.genai import Connection
from tests.support.project import PROJECT, REGION
from tests.support.servers import free_port, serving

with warnings.catch_warnings():
    # The types of both clients use what pydantic deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    from agentplatform import types  # noqa: F401
    from vertexai import agent_engines  # noqa: F401


@pytest.fixture
def engine_id() -> str:
    """The id of an engine that nothing else uses; ADK takes digits only."""
    return str(uuid4().int)[:18]


@pytest.fixture
def short_engine(engine_id: str) -> str:
    """The engine's name without project and location."""
    return f"reasoningEngines/{engine_id}"


@pytest.fixture
def engine(short_engine: str) -> str:
    """The engine's full name."""
    return f"projects/{PROJECT}/locations/{REGION}/{short_engine}"


@pytest.fixture(params=[aiplatform_v1, aiplatform_v1beta1], ids=["v1", "v1beta1"])
def api(request: pytest.FixtureRequest) -> ModuleType:
    """Each version of GAPIC."""
    return request.param


@pytest.fixture(scope="module")
def addresses(store_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Where a server answers each transport of GAPIC."""
    grpc = f"127.0.0.1:{free_port()}"
    variables = {**store_environment, "MIN_TTL": "0s", "GRPC_ADDRESS": grpc}
    with serving("sessions_api", variables) as url:
        yield {"rest": url, "grpc": grpc}


@pytest.fixture(params=["rest", "grpc"])
def connect_gapic(request: pytest.FixtureRequest, addresses: dict[str, str]) -> Callable[..., Any]:
    """Makes a client of a class of GAPIC, over each transport."""
    connect = {"rest": gapic.connect, "grpc": gapic_grpc.connect}[request.param]
    return partial(connect, addresses[request.param])


@pytest.fixture
def client(api: ModuleType, connect_gapic: Callable[..., Any]) -> Any:
    """GAPIC's client of sessions, in that version."""
    return connect_gapic(api.SessionServiceClient)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """Runs what is async in tests that are not."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def connect(server: str, runner: asyncio.Runner) -> Iterator[Callable[[Connection], Any]]:
    """The client of each way; making one takes longer than most tests."""
    with ExitStack() as stack:
        yield cache(lambda way: stack.enter_context(way.connect(server, runner)))


@pytest.fixture(scope="module")
async def service(anyio_backend: str, server: str) -> AsyncIterator[SessionService]:
    """ADK's session service, its event loop kept from test to test."""
    async with session_service(server) as service:
        yield service
