"""Events and sessions of ADK, as tests of session services make and read them."""

from typing import Any

from google.adk.events import Event
from google.adk.sessions import BaseSessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai.types import Content, Part


def event(number: int = 0, **fields: Any) -> Event:
    """An event of a user, `number` seconds after a fixed time."""
    content = Content(role="user", parts=[Part(text=f"t{number}")])
    fields = {"author": "user", "invocation_id": f"i{number}", "content": content, **fields}
    return Event(timestamp=1_800_000_000.0 + number, **fields)


def key(session: Session) -> dict[str, str]:
    """The arguments by which a service finds a session."""
    return {
        "app_name": session.app_name,
        "user_id": session.user_id,
        "session_id": session.id,
    }


async def reread(
    service: BaseSessionService, session: Session, config: GetSessionConfig | None = None
) -> Session:
    """The session as the service reads it."""
    found = await service.get_session(**key(session), config=config)
    assert found is not None
    return found
