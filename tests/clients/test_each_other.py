"""What one client writes, every other one reads."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from google.cloud import aiplatform_v1, aiplatform_v1beta1

from tests.support.clients.adapters import Adk, Curl, Discovery, Gapic, Genai
from tests.support.clients.adk import session_service
from tests.support.clients.conversation import Conversation, Said
from tests.support.clients.genai import (
    AGENTPLATFORM_CONNECTIONS,
    VERTEXAI_CONNECTIONS,
    Blocking,
    Connection,
)

USER = 'a"user\\of any name'
STRUCT = {"deep": [[1, [2.5, None]], {"": {"__x__": True}}], "nothing": None, "text": "héllo ✓"}
PARTS = [
    {"text": "héllo ✓"},
    {"inlineData": {"mimeType": "image/png", "data": "AP_-_Q=="}},
    {"functionCall": {"name": "f", "args": STRUCT}},
    {"functionResponse": {"name": "f", "response": STRUCT}},
    {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
]
EVENTS = [
    {
        "author": author,
        "invocationId": "i-1",
        "timestamp": f"2026-01-01T00:00:00.00000{number}+00:00",
        "content": {"role": role, "parts": PARTS},
        "actions": {"stateDelta": {f"key-{number}": STRUCT, "user:k": number, "app:k": [number]}},
        "eventMetadata": {"branch": "a.b", "customMetadata": STRUCT},
        "errorCode": "E",
    }
    for number, (author, role) in enumerate([("user", "user"), ("agent", "model")])
]
CONVERSATION = Conversation(USER, STRUCT, [Said.from_json(event) for event in EVENTS])
STATE_AFTER = {**STRUCT, "key-0": STRUCT, "key-1": STRUCT, "user:k": 1, "app:k": [1]}
CLIENTS = ["gapic-v1", "gapic-v1beta1", "vertexai", "agentplatform", "discovery", "adk", "curl"]


@pytest.fixture(scope="module")
def adk(server: str, runner: asyncio.Runner) -> Iterator[Adk]:
    stack = AsyncExitStack()
    service = runner.run(stack.enter_async_context(session_service(server)))
    yield Adk(Blocking(service, runner), USER)
    runner.run(stack.aclose())


@pytest.fixture(scope="module")
def clients(server: str, connect: Callable[[Connection], Any], adk: Adk) -> dict[str, Any]:
    return {
        "gapic-v1": Gapic(aiplatform_v1, server),
        "gapic-v1beta1": Gapic(aiplatform_v1beta1, server),
        "vertexai": Genai(connect(VERTEXAI_CONNECTIONS[0]).agent_engines.sessions),
        "agentplatform": Genai(connect(AGENTPLATFORM_CONNECTIONS[0]).sessions),
        "discovery": Discovery(server),
        "adk": adk,
        "curl": Curl(server),
    }


@pytest.mark.parametrize("writer", CLIENTS)
@pytest.mark.parametrize("reader", CLIENTS)
def test_a_conversation_reads_back_as_written(
    clients: dict[str, Any], engine: str, writer: str, reader: str
) -> None:
    """User, state and events are equal, whichever client wrote them and whichever reads them."""
    name = clients[writer].write(engine, CONVERSATION)
    assert clients[reader].read(name) == CONVERSATION._replace(state=STATE_AFTER)


@pytest.mark.parametrize("reader", CLIENTS)
def test_fields_beyond_the_published_schema_stop_no_reader(
    clients: dict[str, Any], server: str, engine: str, reader: str
) -> None:
    """ADK's clients for JavaScript and Java send them; every client reads the rest."""
    name = clients["curl"].write(engine, CONVERSATION._replace(events=[]))
    for said in CONVERSATION.events:
        event = said.to_json()
        event["actions"] |= {
            "requestedToolConfirmations": {},
            "agentState": STRUCT,
            "endOfAgent": True,
            "transferToAgent": "other",
        }
        event["eventMetadata"] |= {"usageMetadata": {"totalTokenCount": 3}}
        url = f"{server}/v1beta1/{name}:appendEvent"
        httpx.post(url, json=event, timeout=60).raise_for_status()
    assert clients[reader].read(name) == CONVERSATION._replace(state=STATE_AFTER)
