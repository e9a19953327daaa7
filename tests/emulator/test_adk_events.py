"""Our session service stores the same events as ADK's own service of the API."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.adk.events import Event, EventActions
from google.adk.events.event_actions import EventCompaction
from google.adk.sessions import BaseSessionService
from google.genai.types import Content, FunctionCall, Part

from agent_engine_sessions.adk import SessionService
from tests.support.adk_events import EVENTS
from tests.support.clients.adk import session_service
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

NUMBERS = {"float": 1.0, "exact": 0.1, "integer": 2**60, "none": None, "deep": [[{"k": [1.5]}]]}
TOLD = {
    **EVENTS,
    "numbers": Event(
        author="agent",
        invocation_id="i",
        content=Content(parts=[Part(function_call=FunctionCall(name="f", args=NUMBERS))]),
        actions=EventActions(state_delta=NUMBERS),
        custom_metadata=NUMBERS,
    ),
    "compaction": Event(
        author="user",
        invocation_id="i",
        actions=EventActions(
            compaction=EventCompaction(
                start_timestamp=1.5,
                end_timestamp=2.5,
                compacted_content=Content(role="model", parts=[Part(text="summary")]),
            )
        ),
    ),
    "part-metadata": Event(
        author="user",
        invocation_id="i",
        content=Content(role="user", parts=[Part(text="t", part_metadata={"m": 1})]),
    ),
    "text": Event(
        author="é✓",
        invocation_id="i",
        content=Content(role="user", parts=[Part(text="你好 \U0001f600 \x7f\u2028")]),
    ),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


@pytest.fixture
async def ours(url: str) -> AsyncIterator[SessionService]:
    service = SessionService(url)
    yield service
    await service.close()


async def stored(service: BaseSessionService, url: str, event: Event, app: str) -> Any:
    """The event that the server stored, without its name."""
    session = await service.create_session(app_name=app, user_id="u")
    await service.append_event(session, event.model_copy(deep=True))
    path = f"v1beta1/reasoningEngines/{app}/sessions/{session.id}/events"
    (found,) = httpx.get(f"{url}/{path}").json()["sessionEvents"]
    del found["name"]
    # A set, which ADK's own service sends in any order.
    found["eventMetadata"].get("longRunningToolIds", []).sort()
    return found


@pytest.mark.parametrize("name", TOLD)
async def test_an_event_is_stored_as_adks_own_service_stores_it(
    ours: SessionService, url: str, name: str
) -> None:
    app, event = str(uuid4().int)[:18], TOLD[name].model_copy()
    # ADK's own service sends no event without an invocation.
    event.invocation_id = event.invocation_id or "-"
    async with session_service(url) as adks:
        assert await stored(ours, url, event, app) == await stored(adks, url, event, app)


@pytest.mark.parametrize("name", TOLD)
async def test_a_kept_event_equals_the_one_of_the_server(
    ours: SessionService, url: str, name: str
) -> None:
    session = await ours.create_session(app_name="numbers", user_id="u")
    await ours.append_event(session, TOLD[name].model_copy(deep=True))
    key = {"app_name": "numbers", "user_id": "u", "session_id": session.id}
    kept = await ours.get_session(**key)
    other = SessionService(url)
    read = await other.get_session(**key)
    await other.close()
    assert kept == read
