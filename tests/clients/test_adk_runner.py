"""An ADK Runner over several turns, its conversation kept by the server."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from google.adk.agents import Agent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.adk.tools import ToolContext
from google.genai import types

from tests.clients.snippets.adk import SessionService
from tests.support.clients.adk import session_service

pytestmark = pytest.mark.anyio


class Parrot(BaseLlm):
    """A model without a network: asks its tool about every message, then repeats all it heard."""

    model: str = "parrot"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        heard = [part for content in llm_request.contents for part in content.parts or []]
        said = [part.text for part in heard if part.text and not part.text.startswith("Heard ")]
        if heard[-1].function_response is None:
            call = types.FunctionCall(name="look_up", args={"word": said[-1]})
            yield response(types.Part(function_call=call))
            return
        answer = types.Part(text=f"Heard {', '.join(said)}")
        if stream:
            yield response(answer, partial=True)
        yield response(answer)


class Painter(BaseLlm):
    """A model without a network: turns the last image round."""

    model: str = "painter"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        yield response(picture(image_of(llm_request.contents[-1])[::-1]))


def picture(data: bytes) -> types.Part:
    return types.Part(inline_data=types.Blob(data=data, mime_type="image/png"))


def image_of(content: types.Content) -> bytes:
    data: bytes = content.parts[0].inline_data.data
    return data


def response(part: types.Part, **fields: Any) -> LlmResponse:
    return LlmResponse(content=types.Content(role="model", parts=[part]), **fields)


def look_up(word: str, tool_context: ToolContext) -> dict[str, Any]:
    """Looks a word up, and counts: for the app, for the user, for this turn."""
    state = tool_context.state
    for key in ("app:count", "user:count", "temp:count"):
        state[key] = state.get(key, 0) + 1
    return {"word": word, "letters": [list(word)], "turn": state["temp:count"]}


def runner(service: SessionService, engine_id: str) -> Runner:
    agent = Agent(name="agent", model=Parrot(), tools=[look_up], output_key="answer")
    return Runner(app_name=engine_id, agent=agent, session_service=service)


async def say(runner: Runner, session: Session, text: str, **options: Any) -> list[Event]:
    """The events of one turn, their times in the API's microseconds."""
    message = types.Content(role="user", parts=[types.Part(text=text)])
    turn = runner.run_async(
        user_id=session.user_id, session_id=session.id, new_message=message, **options
    )
    return [in_microseconds(event) async for event in turn]


def in_microseconds(event: Event) -> Event:
    timestamp = datetime.fromtimestamp(event.timestamp, UTC).timestamp()
    return event.model_copy(update={"timestamp": timestamp})


async def stored(service: SessionService, session: Session) -> Session:
    read = await service.get_session(
        app_name=session.app_name, user_id=session.user_id, session_id=session.id
    )
    assert read is not None
    return read


async def test_a_second_runner_continues_the_conversation(
    service: SessionService, server: str, engine_id: str
) -> None:
    """All turns are stored as they were seen, and another process picks up where one left."""
    session = await service.create_session(app_name=engine_id, user_id="u")
    first = runner(service, engine_id)
    seen = await say(first, session, "one") + await say(first, session, "two")
    tool = ["call", "response"]
    assert [kind(event) for event in seen] == [*tool, "Heard one", *tool, "Heard one, two"]

    async with session_service(server) as another:
        read = await stored(another, session)
        assert [event for event in read.events if event.author != "user"] == seen
        assert [kind(event) for event in read.events if event.author == "user"] == ["one", "two"]
        assert read.state == {"answer": "Heard one, two", "app:count": 2, "user:count": 2}

        last = (await say(runner(another, engine_id), session, "three"))[-1]
        assert kind(last) == "Heard one, two, three"
    assert len((await stored(service, session)).events) == 12


async def test_two_users_share_the_app_s_state_only(
    service: SessionService, engine_id: str
) -> None:
    """A tool's app: keys reach every user, its user: keys every session of one user."""
    parrot = runner(service, engine_id)
    session, other, same = [
        await service.create_session(app_name=engine_id, user_id=user) for user in "uvu"
    ]
    await say(parrot, session, "hello")
    await say(parrot, other, "hello")
    await say(parrot, same, "hello")
    assert (await stored(service, other)).state == {
        "answer": "Heard hello",
        "app:count": 3,
        "user:count": 1,
    }
    for mine in (session, same):
        state = (await stored(service, mine)).state
        assert state == {"answer": "Heard hello", "app:count": 3, "user:count": 2}


async def test_a_runner_creates_the_session_it_misses(
    service: SessionService, engine_id: str
) -> None:
    """A chat may start without a create: the session gets the id that the caller chose."""
    agent = Agent(name="agent", model=Parrot(), tools=[look_up])
    eager = Runner(
        app_name=engine_id, agent=agent, session_service=service, auto_create_session=True
    )
    session = Session(app_name=engine_id, user_id="u", id="chosen")
    await say(eager, session, "one")
    assert len((await stored(service, session)).events) == 4


async def test_a_streamed_turn_is_stored_without_its_pieces(
    service: SessionService, engine_id: str
) -> None:
    """Partial events are for the eye; only whole ones come back."""
    session = await service.create_session(app_name=engine_id, user_id="u")
    config = RunConfig(streaming_mode=StreamingMode.SSE)
    seen = await say(runner(service, engine_id), session, "one", run_config=config)
    assert any(event.partial for event in seen)
    read = await stored(service, session)
    assert read.events[1:] == [event for event in seen if not event.partial]


async def test_images_of_three_megabytes_come_back(service: SessionService, engine_id: str) -> None:
    """ADK sends each image twice; Firestore's documents hold a quarter of one of the two."""
    agent = Agent(name="agent", model=Painter())
    painter = Runner(app_name=engine_id, agent=agent, session_service=service)
    session = await service.create_session(app_name=engine_id, user_id="u")
    image = Random(3).randbytes(3_000_000)
    message = types.Content(role="user", parts=[picture(image)])
    turn = painter.run_async(user_id="u", session_id=session.id, new_message=message)
    seen = [in_microseconds(event) async for event in turn]
    read = await stored(service, session)
    assert [image_of(event.content) for event in read.events] == [image, image[::-1]]
    assert read.events[1:] == seen


def kind(event: Event) -> str | None:
    if event.get_function_calls():
        return "call"
    return "response" if event.get_function_responses() else event.content.parts[0].text
