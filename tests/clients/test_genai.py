"""What vertexai.Client and agentplatform.Client share: sessions and their events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai.errors import ClientError

from tests.support.clients.genai import AGENTPLATFORM_CONNECTIONS, VERTEXAI_CONNECTIONS, Connection

START = datetime(2026, 1, 1, tzinfo=UTC)
STRUCT = {"deep": [[1, [2.5, None]], {"": {"__x__": True}}], "big": 2**60, "text": "héllo ✓"}


@pytest.fixture(params=VERTEXAI_CONNECTIONS + AGENTPLATFORM_CONNECTIONS, ids=str)
def sessions(request: pytest.FixtureRequest, connect: Callable[[Connection], Any]) -> Any:
    """The sessions of each client, called in each way."""
    client = connect(request.param)
    return client.agent_engines.sessions if request.param.is_vertexai else client.sessions


@pytest.fixture
def session(sessions: Any, engine: str) -> str:
    """The name of a session without events."""
    return sessions.create(name=engine, user_id="u").response.name


def append(sessions: Any, session: str, minute: int = 0, **config: Any) -> None:
    time = START + timedelta(minutes=minute)
    sessions.events.append(
        name=session, author="user", invocation_id="i", timestamp=time, config=config
    )


def test_create_answers_a_finished_operation(sessions: Any, engine: str) -> None:
    """The operation holds the session as get gives it."""
    config = {
        "session_id": "order-1",
        "display_name": "d",
        "session_state": STRUCT,
        "labels": {"k": "v"},
        "ttl": "3600s",
    }
    operation = sessions.create(name=engine, user_id="u", config=config)
    assert operation.done
    assert operation.name.startswith(f"{engine}/sessions/order-1/operations/")
    session = operation.response
    assert session.name == f"{engine}/sessions/order-1"
    assert (session.user_id, session.display_name, session.labels) == ("u", "d", {"k": "v"})
    assert session.session_state == STRUCT
    assert session.expire_time - session.create_time == timedelta(hours=1)
    assert sessions.get(name=session.name) == session


def test_an_operation_need_not_be_awaited(sessions: Any, engine: str) -> None:
    """Without waiting, the answer to create already holds the whole session."""
    config = {"wait_for_completion": False, "session_state": STRUCT}
    operation = sessions.create(name=engine, user_id="u", config=config)
    assert operation.response == sessions.get(name=operation.response.name)


def test_a_filter_finds_a_user_of_any_name(sessions: Any, engine: str) -> None:
    """Quotes and backslashes in a filter's string are taken as they are."""
    user = 'a"b\\c'
    sessions.create(name=engine, user_id="other")
    mine = [sessions.create(name=engine, user_id=user).response for _ in range(3)]
    quoted = '"a\\"b\\\\c"'
    config = {"filter": f"user_id={quoted}", "page_size": 2}
    assert list(sessions.list(name=engine, config=config)) == mine[::-1]


def test_events_come_back_as_sent(sessions: Any, session: str) -> None:
    """Bytes, tool calls, state and metadata survive the way there and back."""
    parts = [
        {"text": "t", "thought": True, "thought_signature": b"\xfb\xff"},
        {"inline_data": {"mime_type": "image/png", "data": b"\x00\xff\xfe\xfd"}},
        {"function_call": {"id": "1", "name": "f", "args": STRUCT}},
        {"function_response": {"id": "1", "name": "f", "response": STRUCT}},
        {"executable_code": {"language": "PYTHON", "code": "1"}},
    ]
    config = {
        "content": {"role": "model", "parts": parts},
        "actions": {"state_delta": STRUCT, "artifact_delta": {"f": 1}, "escalate": True},
        "event_metadata": {"branch": "b", "turn_complete": True, "custom_metadata": STRUCT},
        "raw_event": STRUCT,
        "error_code": "E",
    }
    append(sessions, session, **config)
    (event,) = sessions.events.list(name=session)
    sent = type(event)(name=event.name, author="user", invocation_id="i", timestamp=START, **config)
    assert event == sent
    assert sessions.get(name=session).session_state == STRUCT


def test_events_follow_filter_and_pages(sessions: Any, session: str) -> None:
    """Events come by timestamp, through as many pages as there are."""
    for minute in (2, 0, 1):
        append(sessions, session, minute)
    times = [START + timedelta(minutes=minute) for minute in range(3)]
    events = sessions.events.list(name=session, config={"page_size": 1})
    assert [event.timestamp for event in events] == times
    since = {"filter": f'timestamp>="{times[1].isoformat()}"'}
    events = sessions.events.list(name=session, config=since)
    assert [event.timestamp for event in events] == times[1:]


def test_a_deleted_session_is_not_found(sessions: Any, session: str) -> None:
    """Delete answers a finished operation, and get a ClientError of code 404."""
    assert sessions.get(name=session)
    assert sessions.delete(name=session).done
    for gone in (sessions.get, sessions.delete):
        with pytest.raises(ClientError, match=f"Session {session} not found") as error:
            gone(name=session)
        assert (error.value.code, error.value.status) == (404, "NOT_FOUND")


def test_a_bad_request_says_what_is_wrong(sessions: Any, engine: str) -> None:
    """The error carries the server's message and status."""
    request = {"name": engine, "user_id": "u", "config": {"session_id": "twice"}}
    sessions.create(**request)
    with pytest.raises(ClientError, match="already exists") as error:
        sessions.create(**request)
    assert (error.value.code, error.value.status) == (400, "INVALID_ARGUMENT")
