"""By choice, ADK's service appends to a session as it was read, or says that it is stale."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from google.adk.errors import StaleSessionError
from google.adk.sessions import Session
from google.genai.errors import ServerError

from agent_engine_sessions.adk import SessionService
from agent_engine_sessions.testing import Sessions
from tests.support.adk_sessions import event, key, reread
from tests.support.pages import code_blocks
from tests.support.project import ROOT
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

APP = "my_agent"
PAGE = (ROOT / "docs/use-it-from-adk.md").read_text()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    settings = {"SESSIONS_STORE": "sqlite:///:memory:", "MIN_TTL": "0s", "EMULATOR": "true"}
    with serving("sessions_api", settings) as url:
        yield url


@pytest.fixture
async def checking(url: str, request: pytest.FixtureRequest) -> AsyncIterator[SessionService]:
    """A service that checks revisions, over a project of the test's own."""
    project = f"p{abs(hash(request.node.nodeid))}"
    service = SessionService(f"{url}?project={project}&check_revision=true")
    yield service
    await service.close()


@pytest.fixture
def project(checking: SessionService, url: str) -> Sessions:
    """The controls of the project of `checking`."""
    return Sessions(url, checking._base_url.split("/")[-3])


READ: dict[str, Any] = {
    "created": lambda service, session: service.create_session(app_name=APP, user_id="v"),
    "read": lambda service, session: service.get_session(**key(session)),
    "listed": lambda service, session: listed_of(service),
}


async def listed_of(service: SessionService) -> Session:
    (session,) = (await service.list_sessions(app_name=APP)).sessions
    return session


@pytest.mark.parametrize("way", READ)
async def test_an_append_to_a_session_that_others_changed_is_stale(
    checking: SessionService, way: str
) -> None:
    """However the session was read; after it is read again, the append goes through."""
    first = await checking.create_session(app_name=APP, user_id="u")
    mine = await READ[way](checking, first)
    await checking.append_event(mine, event(1))
    await checking.append_event(mine, event(2))
    await checking.append_event(await reread(checking, mine), event(3))
    for _ in range(2):
        with pytest.raises(StaleSessionError):
            await checking.append_event(mine, event(4))
    assert mine.events[-1] == event(2, id=mine.events[-1].id)
    mine = await reread(checking, mine)
    await checking.append_event(mine, event(4))
    assert len((await reread(checking, mine)).events) == 4


async def test_a_retry_of_ones_own_append_is_not_stale(
    checking: SessionService, project: Sessions
) -> None:
    """Its answer was lost, so the session has changed by this very append."""
    session = await checking.create_session(app_name=APP, user_id="u")
    sent = event()
    project.fail("append_event", after_commit=True)
    with pytest.raises(ServerError):
        await checking.append_event(session, sent)
    await checking.append_event(session, sent)
    await checking.append_event(session, event(1))
    assert session.events[0] == sent
    assert len((await reread(checking, session)).events) == 2


async def test_appends_of_one_process_go_on_from_each_other(checking: SessionService) -> None:
    session = await checking.create_session(app_name=APP, user_id="u")
    await asyncio.gather(*(checking.append_event(session, event(number)) for number in range(5)))
    assert len((await reread(checking, session)).events) == 5


async def test_revisions_are_checked_by_choice(url: str, checking: SessionService) -> None:
    """By the URI or the argument; without either, both appends stand."""
    uri = f"{url}?project={checking._base_url.split('/')[-3]}"
    by_argument, unchecked = SessionService(uri, check_revision=True), SessionService(uri)
    for service, is_stale in ((by_argument, True), (unchecked, False)):
        mine = await service.create_session(app_name=APP, user_id="u")
        await service.append_event(await reread(service, mine), event())
        if is_stale:
            with pytest.raises(StaleSessionError):
                await service.append_event(mine, event(1))
        else:
            await service.append_event(mine, event(1))
        await service.close()


async def test_the_code_of_the_page_runs(url: str) -> None:
    """After an append to a changed session, the code reads the session again."""
    (code,) = [block for block in code_blocks(PAGE, "python") if "StaleSessionError" in block]
    names: dict[str, Any] = {}
    exec(compile(code.replace("127.0.0.1:8080", url.partition("//")[2]), "page", "exec"), names)
    service: SessionService = names["service"]
    session = await service.create_session(app_name=APP, user_id="ada")
    other = await reread(service, session)
    appended = await names["append"](session, event(1))
    assert appended is not None
    assert await names["append"](other, event(2)) is None
    found = await reread(service, session)
    assert [each.id for each in found.events] == [appended.id]
    await service.close()
