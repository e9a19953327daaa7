"""ADK's session service, closed at the end of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.clients.snippets.adk import SessionService


@asynccontextmanager
async def session_service(base_url: str) -> AsyncIterator[SessionService]:
    """Closes what ADK leaves open: collected as garbage, it would break another test's loop."""
    service = SessionService(base_url)
    try:
        yield service
    finally:
        await service._get_api_client().aclose()
