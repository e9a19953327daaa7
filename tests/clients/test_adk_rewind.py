"""An ADK Runner over a rewound session sees what ADK's own rewind shows it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from google.adk.agents import Agent
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import BaseSessionService, InMemorySessionService, Session
from google.adk.tools import ToolContext
from google.genai import types

from tests.clients.snippets.adk import SessionService
from tests.support.http import ok, send

pytestmark = pytest.mark.anyio


class Listener(BaseLlm):
    """A model that calls its tool first, and then says all texts of its prompt."""

    model: str = "listener"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        heard = [part for content in llm_request.contents for part in content.parts or []]
        said = [part.text for part in heard if part.text]
        part = types.Part(text=f"I heard {said}")
        if heard[-1].function_response is None:
            part = types.Part(function_call=types.FunctionCall(name="note", args={"n": len(said)}))
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


def note(n: int, tool_context: ToolContext) -> dict[str, Any]:
    """Counts in the state of the session, the user and the app, and notes the turn."""
    for key in ("count", "user:count", "app:count"):
        tool_context.state[key] = tool_context.state.get(key, 0) + 1
    tool_context.state[f"turn {tool_context.state['count']}"] = [n, {"": None}]
    return {"noted": n}


class Chat:
    """A conversation of one user with an agent over a session service."""

    def __init__(self, service: BaseSessionService, app: str) -> None:
        agent = Agent(name="agent", model=Listener(), tools=[note], output_key="answer")
        self.service, self.app = service, app
        self.runner = Runner(app_name=app, agent=agent, session_service=service)
        self.session = Session(app_name=app, user_id="u", id="s")

    async def begin(self) -> None:
        """Creates the session, without state: ADK forgets what it had at its creation."""
        self.session = await self.service.create_session(
            app_name=self.app, user_id="u", session_id="s"
        )

    async def say(self, text: str) -> str:
        """One turn; returns its invocation."""
        message = types.Content(role="user", parts=[types.Part(text=text)])
        events = [
            event
            async for event in self.runner.run_async(
                user_id="u", session_id="s", new_message=message
            )
        ]
        return events[-1].invocation_id

    async def stored(self) -> Session:
        """The session as the service has it."""
        read = await self.service.get_session(app_name=self.app, user_id="u", session_id="s")
        assert read is not None
        return read


def alike(session: Session) -> list[Event]:
    """The events without what differs from run to run: ids, times, names of invocations.

    And without a null for a key that is null already, which ADK's rewinds repeat.
    """
    numbers: dict[str, str] = {}
    gone: set[str] = set()

    def number(invocation: str | None) -> str | None:
        return invocation and numbers.setdefault(invocation, str(len(numbers)))

    calls: dict[str, str] = {}
    told = []
    for event in session.events:
        copy = event.model_copy(deep=True)
        copy.id, copy.timestamp = "", 0.0
        copy.invocation_id = number(event.invocation_id) or ""
        before = event.actions.rewind_before_invocation_id
        copy.actions.rewind_before_invocation_id = number(before)
        for part in (copy.content.parts or []) if copy.content else []:
            for call in filter(None, (part.function_call, part.function_response)):
                call.id = calls.setdefault(call.id or "", str(len(calls)))
        delta = copy.actions.state_delta
        copy.actions.state_delta = {
            key: value for key, value in delta.items() if value is not None or key not in gone
        }
        gone = (gone - delta.keys()) | {key for key, value in delta.items() if value is None}
        told.append(copy)
    return told


async def test_a_runner_sees_what_adk_s_own_rewind_shows_it(
    service: SessionService, server: str, engine_id: str
) -> None:
    """Event by event, in the state, and in what the model hears in the next turns."""
    theirs, ours = Chat(InMemorySessionService(), "app"), Chat(service, engine_id)
    path = f"/v1beta1/reasoningEngines/{engine_id}/sessions/s:rewind"
    invocations = []
    for chat in (theirs, ours):
        await chat.begin()
        invocations.append([await chat.say(text) for text in ("one", "two", "three")])
    for rewound in (2, 1):
        await theirs.runner.rewind_async(
            user_id="u", session_id="s", rewind_before_invocation_id=invocations[0][rewound]
        )
        ok(server, "POST", path, {"beforeInvocationId": invocations[1][rewound]})
        assert alike(await ours.stored()) == alike(await theirs.stored())
        assert (await ours.stored()).state == without_nulls((await theirs.stored()).state)
    for chat in (theirs, ours):
        await chat.say("four")
    expected, found = await theirs.stored(), await ours.stored()
    assert alike(found) == alike(expected)
    assert found.state == without_nulls(expected.state)
    said = found.events[-1].content.parts[0].text
    assert "four" in said
    assert "one" in said
    assert "two" not in said


async def test_a_fork_goes_on_where_its_source_was(
    service: SessionService, server: str, engine_id: str
) -> None:
    """A Runner over a fork before a turn says the same as if that turn had not been."""
    ours = Chat(service, engine_id)
    await ours.begin()
    await ours.say("one")
    second = await ours.say("two")
    sessions = f"/v1beta1/reasoningEngines/{engine_id}/sessions"
    body = {"sessionId": "fork", "beforeInvocationId": second}
    assert ok(server, "POST", f"{sessions}/s:fork", body)["done"]
    assert send(server, "DELETE", f"{sessions}/s").status == 200
    message = types.Content(role="user", parts=[types.Part(text="three")])
    turn = ours.runner.run_async(user_id="u", session_id="fork", new_message=message)
    *_, last = [event async for event in turn]
    said = last.content.parts[0].text
    assert ["one" in said, "two" in said, "three" in said] == [True, False, True]
    read = await service.get_session(app_name=engine_id, user_id="u", session_id="fork")
    assert read is not None
    assert read.state["count"] == 2
    # The state of the user and the app is that of all sessions: three turns changed it.
    assert (read.state["user:count"], read.state["app:count"]) == (3, 3)


def without_nulls(state: dict[str, Any]) -> dict[str, Any]:
    """ADK keeps null for a key that a rewind removes; here the key is gone."""
    return {key: value for key, value in state.items() if value is not None}
