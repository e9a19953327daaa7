"""ADK's VertexAiSessionService."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.adk.events import Event, EventActions
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from tests.clients.snippets import gapic
from tests.clients.snippets.adk import SessionService
from tests.support.adk_sessions import reread
from tests.support.clients.adk import session_service

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 1, 12, 0, 0, 123457, tzinfo=UTC).timestamp()
STRUCT = {"deep": [[1, [2.5, None]], {"": {"__x__": True}}], "big": 2**60, "text": "héllo ✓"}


@pytest.fixture
async def session(service: SessionService, engine_id: str) -> Session:
    """A session of user u without state."""
    return await service.create_session(app_name=engine_id, user_id="u")


def event(number: int = 0, **actions: Any) -> Event:
    return Event(
        invocation_id="i",
        author="user",
        timestamp=START + number,
        actions=EventActions(**actions),
    )


async def test_create_takes_state_id_and_ttl(
    service: SessionService, engine_id: str, engine: str, server: str
) -> None:
    """The session answers as get then gives it, and lives as long as asked."""
    created = await service.create_session(
        app_name=engine_id, user_id="u", state=STRUCT, session_id="order-1", ttl="7200s"
    )
    assert (created.id, created.state) == ("order-1", STRUCT)
    key = {"app_name": engine_id, "user_id": "u", "session_id": "order-1"}
    assert await service.get_session(**key) == created
    stored = gapic.connect(server).get_session(name=f"{engine}/sessions/order-1")
    assert stored.expire_time - stored.create_time == timedelta(hours=2)


async def test_an_unknown_session_is_none(service: SessionService, engine_id: str) -> None:
    """Get answers None, and delete has nothing to do."""
    key = {"app_name": engine_id, "user_id": "u", "session_id": "none"}
    assert await service.get_session(**key) is None
    await service.delete_session(**key)


async def test_a_session_is_for_its_user_only(
    service: SessionService, engine_id: str, session: Session
) -> None:
    """Another user can neither read nor delete it."""
    key = {"app_name": engine_id, "session_id": session.id}
    for refused in (service.get_session, service.delete_session):
        with pytest.raises(ValueError, match="does not belong to user other"):
            await refused(**key, user_id="other")
    await service.delete_session(**key, user_id="u")
    assert await service.get_session(**key, user_id="u") is None


async def test_sessions_are_listed_by_user_or_all(service: SessionService, engine_id: str) -> None:
    """A user's name may hold quotes; without a user, everybody's sessions are listed."""
    users = ['a"b\\c', "other", 'a"b\\c']
    made = [await service.create_session(app_name=engine_id, user_id=user) for user in users]
    everybody = await service.list_sessions(app_name=engine_id)
    assert [listed.id for listed in everybody.sessions] == [each.id for each in made]
    mine = await service.list_sessions(app_name=engine_id, user_id=users[0])
    assert [listed.id for listed in mine.sessions] == [made[0].id, made[2].id]


async def test_an_event_reads_back_equal(
    service: SessionService, engine_id: str, session: Session
) -> None:
    """Whatever ADK keeps in an event is there when the conversation is resumed."""
    parts = [
        types.Part(text="t", thought=True, thought_signature=b"\xfb\xff\x00"),
        types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\x00\xff\xfe\xfd")),
        types.Part(function_call=types.FunctionCall(id="1", name="f", args=STRUCT)),
        types.Part(function_response=types.FunctionResponse(id="1", name="f", response=STRUCT)),
        types.Part(executable_code=types.ExecutableCode(language="PYTHON", code="1")),
    ]
    sent = event(
        state_delta=STRUCT, artifact_delta={"f": 1}, transfer_to_agent="other", escalate=True
    ).model_copy(
        update={
            "content": types.Content(role="model", parts=parts),
            "branch": "a.b",
            "turn_complete": True,
            "long_running_tool_ids": {"1"},
            "custom_metadata": STRUCT,
            "error_code": "E",
            "error_message": "m",
            "grounding_metadata": types.GroundingMetadata(web_search_queries=["q"]),
            "usage_metadata": types.GenerateContentResponseUsageMetadata(total_token_count=3),
        }
    )
    await service.append_event(session, sent)
    read = await reread(service, session)
    assert read.events == [sent]
    assert read.state == STRUCT


async def test_config_limits_the_events(
    service: SessionService, engine_id: str, session: Session
) -> None:
    """after_timestamp is inclusive, num_recent_events counts from the end."""
    for number in range(4):
        await service.append_event(session, event(number))
    for config, expected in (
        (GetSessionConfig(), [0, 1, 2, 3]),
        (GetSessionConfig(after_timestamp=START + 2), [2, 3]),
        (GetSessionConfig(num_recent_events=3), [1, 2, 3]),
        (GetSessionConfig(num_recent_events=0), []),
        (GetSessionConfig(num_recent_events=1, after_timestamp=START + 2), [3]),
    ):
        read = await reread(service, session, config)
        assert [round(each.timestamp - START) for each in read.events] == expected


async def test_a_long_conversation_is_read_whole(service: SessionService, session: Session) -> None:
    """More events than fit a page, appended at once, come back in the order of their times."""
    events = [event(number) for number in range(101)]
    await asyncio.gather(*(service.append_event(session, each) for each in reversed(events)))
    assert (await reread(service, session)).events == events


async def test_state_has_scopes(service: SessionService, engine_id: str) -> None:
    """Users share app state, a user's sessions share user state, temporary state is not kept."""
    for user in ("u", "u", "v"):
        await service.create_session(app_name=engine_id, user_id=user)
    first, *_ = (await service.list_sessions(app_name=engine_id)).sessions
    delta = {"app:a": [1], "user:u": {"k": None}, "temp:t": 1, "own": 1.5, "null": None}
    await service.append_event(first, event(state_delta=delta))
    assert first.state["temp:t"] == 1
    everybody = await service.list_sessions(app_name=engine_id)
    states = {listed.id: listed.state for listed in everybody.sessions}
    assert states.pop(first.id) == {"app:a": [1], "user:u": {"k": None}, "own": 1.5, "null": None}
    assert sorted(states.values(), key=len) == [
        {"app:a": [1]},
        {"app:a": [1], "user:u": {"k": None}},
    ]


async def test_an_event_sent_twice_lands_once(
    service: SessionService, engine_id: str, session: Session
) -> None:
    """A user's retry after a lost answer adds no second event and undoes no newer state."""
    sent = event(state_delta={"k": 1})
    await service.append_event(session, sent)
    await service.append_event(session, event(1, state_delta={"k": 2}))
    await service.append_event(session, sent)
    read = await reread(service, session)
    assert (len(read.events), read.state) == (2, {"k": 2})


async def test_full_names_are_taken_for_ids(
    service: SessionService, engine: str, session: Session
) -> None:
    """The engine's name works as an app's, and the session's name as its id."""
    name = f"{engine}/sessions/{session.id}"
    read = await service.get_session(app_name=engine, user_id="u", session_id=name)
    assert read is not None
    assert read.id == session.id


@pytest.mark.parametrize("enterprise", ["true", "false"])
async def test_google_variables_lead_nowhere_else(
    server: str, engine_id: str, monkeypatch: pytest.MonkeyPatch, enterprise: str
) -> None:
    """The service stays at its server in an environment that is set up for Google's."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "elsewhere")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west1")
    monkeypatch.setenv("GOOGLE_API_KEY", "key")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", enterprise)
    async with session_service(server) as service:
        created = await service.create_session(app_name=engine_id, user_id="u")
        assert await reread(service, created) == created
