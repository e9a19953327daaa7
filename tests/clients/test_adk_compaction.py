"""ADK over a compacted session: a smaller prompt, and the same answers about what was kept."""

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from google.adk.agents import Agent
from google.adk.events import Event
from google.adk.events.event_actions import EventCompaction
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.genai import types

from tests.clients.snippets.adk import SessionService
from tests.support.clients.adk import session_service
from tests.support.http import ok
from tests.support.servers import serving
from tests.support.summarizer import Summarizer, summarizing

pytestmark = pytest.mark.anyio

EDITING = {"eventEditing": {"mode": "AUTO"}}
SUMMARY = {"summarization": {"mode": "AUTO"}}
WORDS = ("apple", "pear", "plum", "fig", "lime", "kiwi", "date")
"""What the user says, one a turn; the last five turns are kept as they are."""


class Echo(BaseLlm):
    """A model without a network: thinks, looks each word up, and repeats its prompt at "recall"."""

    model: str = "echo"
    prompts: list[str] = []

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        prompt = [content.model_dump_json(exclude_none=True) for content in llm_request.contents]
        self.prompts.append("\n".join(prompt))
        last = (llm_request.contents[-1].parts or [])[-1]
        if last.function_response is not None:
            yield response(types.Part(text="done"))
        elif last.text == "recall":
            yield response(types.Part(text=self.prompts[-1]))
        else:
            call = types.FunctionCall(name="look_up", args={"word": last.text})
            yield response(
                types.Part(text=f"the user wants {last.text}", thought=True),
                types.Part(function_call=call, thought_signature=b"signed"),
            )


def response(*parts: types.Part) -> LlmResponse:
    return LlmResponse(content=types.Content(role="model", parts=list(parts)))


def look_up(word: str) -> dict[str, Any]:
    """Looks a word up in a long book."""
    return {"word": word, "pages": [f"{word} on page {page}" for page in range(600)]}


@pytest.fixture(scope="module")
def summarizer() -> Iterator[Summarizer]:
    with summarizing() as server:
        server.answer = {"content": {"parts": [{"text": "The user asked for apple and pear."}]}}
        yield server


@pytest.fixture(scope="module")
def server(store_environment: dict[str, str], summarizer: Summarizer) -> Iterator[str]:
    """A server that asks for a summary of more than 1,000 bytes."""
    settings = {"SUMMARIZER_URL": summarizer.url, "SUMMARIZER_TARGET_BYTES": "1000"}
    with serving("sessions_api", {**store_environment, **settings}) as url:
        yield url


async def say(model: Echo, service: SessionService, session: Session, text: str) -> list[Event]:
    agent = Agent(name="agent", model=model, tools=[look_up])
    runner = Runner(app_name=session.app_name, agent=agent, session_service=service)
    message = types.Content(role="user", parts=[types.Part(text=text)])
    turn = runner.run_async(user_id="u", session_id=session.id, new_message=message)
    return [event async for event in turn]


async def conversation(service: SessionService, engine_id: str) -> tuple[Session, str]:
    """A session in which each word was looked up, and its path."""
    session = await service.create_session(app_name=engine_id, user_id="u")
    for word in WORDS:
        await say(Echo(), service, session, word)
    return session, f"/v1beta1/reasoningEngines/{engine_id}/sessions/{session.id}"


async def recall(service: SessionService, session: Session) -> str:
    """The whole prompt of the next turn, as the model answers it."""
    *_, last = await say(Echo(), service, session, "recall")
    return "".join(part.text or "" for part in parts([last]))


async def read(service: SessionService, session: Session) -> list[Event]:
    found = await service.get_session(app_name=session.app_name, user_id="u", session_id=session.id)
    assert found is not None
    return found.events


def parts(events: list[Event]) -> list[types.Part]:
    return [part for event in events if event.content for part in event.content.parts or []]


async def test_event_editing_makes_the_prompt_smaller_and_keeps_what_was_said(
    service: SessionService, server: str, engine_id: str
) -> None:
    """All words, calls with their signatures, and the last five turns are still in it."""
    session, path = await conversation(service, engine_id)
    before = await read(service, session)
    ok(server, "POST", f"{path}:compact", {"compaction": EDITING})
    after = await read(service, session)
    assert [event.id for event in after] == [event.id for event in before]
    # Each turn has four events: the word, the call, the response, and the answer.
    assert after[8:] == before[8:]
    calls = [part for part in parts(after) if part.function_call]
    assert [(call.function_call, call.thought_signature) for call in calls] == [
        (part.function_call, b"signed") for part in parts(before) if part.function_call
    ]
    assert sum(bool(part.thought) for part in parts(after)) == 5
    prompt = await recall(service, session)
    for word in WORDS:
        assert f'"text":"{word}"' in prompt
        assert (f"{word} on page 599" in prompt) == (word not in WORDS[:2])
    assert prompt.count('"compacted":true') == 2


async def test_a_summary_replaces_older_turns_in_the_prompt(
    service: SessionService, server: str, engine_id: str, summarizer: Summarizer
) -> None:
    """ADK puts it in the place of the events that it stands for, and answers about the others."""
    session, path = await conversation(service, engine_id)
    before = await read(service, session)
    ok(server, "POST", f"{path}:compact", {"compaction": {**EDITING, **SUMMARY}})
    *others, summary = await read(service, session)
    assert [event.id for event in others] == [event.id for event in before]
    assert summary.actions.compaction == EventCompaction(
        start_timestamp=before[0].timestamp,
        end_timestamp=before[7].timestamp,
        compacted_content=types.Content(
            role="model", parts=[types.Part(text="The user asked for apple and pear.")]
        ),
    )
    prompt = await recall(service, session)
    assert "The user asked for apple and pear." in prompt
    for word in WORDS:
        assert (f'"text":"{word}"' in prompt) == (word not in WORDS[:2])
        assert (f"{word} on page 599" in prompt) == (word not in WORDS[:2])
    assert [event["invocationId"] for event in summarizer.asked[-1]["events"]] == [
        event.invocation_id for event in before[:8]
    ]


async def test_adk_reads_and_writes_a_compaction_without_loss(
    service: SessionService, server: str, engine_id: str
) -> None:
    """What its model of an event holds is what the server stores."""
    session, path = await conversation(service, engine_id)
    ok(server, "POST", f"{path}:compact", {"compaction": SUMMARY})
    listed = ok(server, "GET", f"{path}/events?pageSize=1000")["sessionEvents"][-1]
    summary = (await read(service, session))[-1]
    written = json.loads(summary.model_dump_json(by_alias=True, exclude_none=True))
    raw = listed["rawEvent"]
    assert {name: written[name] for name in raw if name != "actions"} == {
        name: value for name, value in raw.items() if name != "actions"
    }
    assert written["actions"]["compaction"] == raw["actions"]["compaction"]
    async with session_service(server) as another:
        copy = await another.create_session(app_name=engine_id, user_id="u")
        await another.append_event(copy, summary)
        assert (await read(another, copy))[-1] == summary
