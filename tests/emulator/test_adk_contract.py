"""The rules that ADK's contract tests hold its session services to, held over ours as well.

ADK's own services run beside ours, so that a rule here is one of ADK's. What ours does otherwise
stands in `DIFFERENCES` with its reason, and the page for users of ADK says so.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.adk.sessions import BaseSessionService, InMemorySessionService, Session
from google.adk.sessions.sqlite_session_service import SqliteSessionService

from agent_engine_sessions.adk import SessionService
from tests.support.adk_events import EVENTS
from tests.support.adk_sessions import reread
from tests.support.project import ROOT
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

APP, USER = "my_app", "ada"

DIFFERENCES = {
    "test_users_may_choose_the_same_id": "An id is taken once in an app, not once for each user.",
}
"""A test that ours fails → the sentence of docs/use-it-from-adk.md that says so."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("sessions_api", {"SESSIONS_STORE": "sqlite:///:memory:"}) as url:
        yield url


@pytest.fixture(params=["adk_in_memory", "adk_sqlite", "ours"])
async def service(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path: Path
) -> AsyncIterator[BaseSessionService]:
    """A service without sessions."""
    if request.param == "adk_in_memory":
        yield InMemorySessionService()
    elif request.param == "adk_sqlite":
        yield SqliteSessionService(str(tmp_path / "sessions.db"))
    else:
        if reason := DIFFERENCES.get(request.node.originalname):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))
        project = f"p{abs(hash(request.node.nodeid))}"
        ours = SessionService(f"{request.getfixturevalue('url')}?project={project}")
        yield ours
        await ours.close()


async def create(service: BaseSessionService, **fields: Any) -> Session:
    return await service.create_session(**{"app_name": APP, "user_id": USER, **fields})


async def read(service: BaseSessionService, session_id: str, user: str = USER) -> Session | None:
    return await service.get_session(app_name=APP, user_id=user, session_id=session_id)


async def change(service: BaseSessionService, session: Session, delta: dict[str, Any]) -> Event:
    event = Event(author="user", invocation_id="i", actions=EventActions(state_delta=delta))
    return await service.append_event(session, event)


@pytest.mark.parametrize("sentence", DIFFERENCES.values())
def test_the_page_tells_what_differs(sentence: str) -> None:
    page = " ".join((ROOT / "docs/use-it-from-adk.md").read_text().split())
    assert sentence in page


async def test_a_new_session_is_not_of_the_future(service: BaseSessionService) -> None:
    session = await create(service)
    assert session.id
    assert session.last_update_time <= time.time()


async def test_lists_begin_with_the_session_that_was_used_longest_ago(
    service: BaseSessionService,
) -> None:
    for session_id in "abc":
        first = await create(service, session_id=session_id)
    first = await read(service, "a")
    assert first is not None
    await asyncio.sleep(0.002)  # ADK's services go by the machine's clock.
    await service.append_event(first, Event(author="user", invocation_id="i"))
    listed = await service.list_sessions(app_name=APP, user_id=USER)
    assert [each.id for each in listed.sessions] == ["b", "c", "a"]


async def test_a_list_may_be_of_all_users(service: BaseSessionService) -> None:
    for user, session_id in (("ada", "a"), ("ada", "b"), ("bob", "c")):
        await create(service, user_id=user, session_id=session_id, state={"of": session_id})
    for user, ids in (("ada", "ab"), ("bob", "c"), (None, "abc")):
        listed = await service.list_sessions(app_name=APP, user_id=user)
        assert sorted((each.id, each.state["of"]) for each in listed.sessions) == [
            (each, each) for each in ids
        ]


@pytest.mark.parametrize(("scope", "seen"), [("app:", 3), ("user:", 2), ("", 1)])
@pytest.mark.parametrize("at_creation", [True, False])
async def test_each_scope_of_state_is_seen_where_it_belongs(
    service: BaseSessionService, scope: str, seen: int, at_creation: bool
) -> None:
    """By its session; by the user's; by everybody's; those created before and after."""
    key = f"{scope}k"
    sessions = [await create(service, user_id=user) for user in ("bob", "ada")]
    mine = await create(service, state={key: 1} if at_creation else None)
    if not at_creation:
        await change(service, mine, {key: 1})
    later = [await create(service, user_id=user) for user in ("bob", "ada")]
    for others in (sessions, later):
        found = [(await reread(service, each)).state for each in [*others, mine]]
        assert [each.get(key) for each in found] == [None] * (3 - seen) + [1] * seen


@pytest.mark.parametrize("scope", ["app:", "user:", ""])
@pytest.mark.parametrize("value", [{"name": "bob"}, None, False, [], 0, ""])
async def test_a_delta_replaces_a_value_whole(
    service: BaseSessionService, scope: str, value: Any
) -> None:
    """It merges into none, None is a value, and other keys keep their types."""
    before = {"name": "ada", "role": "admin"}
    session = await create(service, state={f"{scope}k": before, "flag": False})
    await change(service, session, {f"{scope}k": value, "new": True})
    expected = {f"{scope}k": value, "flag": False, "new": True}
    assert session.state == expected
    found = (await reread(service, session)).state
    assert found == expected
    assert found["flag"] is False


async def test_temporary_state_lasts_as_long_as_the_session_object(
    service: BaseSessionService,
) -> None:
    """The next event's author reads it there; neither the event nor the store keeps it."""
    session = await create(service)
    event = await change(service, session, {"temp:out": "text", "kept": 1})
    assert session.state == {"temp:out": "text", "kept": 1}
    assert event.actions.state_delta == {"kept": 1}
    found = await reread(service, session)
    assert found.state == {"kept": 1}
    assert found.events[0].actions.state_delta == {"kept": 1}


async def test_a_users_state_is_read_without_a_session(service: BaseSessionService) -> None:
    """The last values, without their prefix, of that user in that app alone."""
    assert await service.get_user_state(app_name=APP, user_id=USER) == {}
    session = await create(service)
    await change(service, session, {"user:n": 1, "user:profile": {"name": "Ada"}, "own": 1})
    await change(service, session, {"user:n": 2})
    found = await service.get_user_state(app_name=APP, user_id=USER)
    assert found == {"n": 2, "profile": {"name": "Ada"}}
    for other in ({"app_name": "other", "user_id": USER}, {"app_name": APP, "user_id": "bob"}):
        assert await service.get_user_state(**other) == {}


async def test_users_may_choose_the_same_id(service: BaseSessionService) -> None:
    session = await create(service, session_id="s")
    await service.append_event(session, Event(author="user", invocation_id="i"))
    other = await create(service, user_id="bob", session_id="s")
    assert (await reread(service, other)).events == []


async def test_white_space_around_an_id_is_no_part_of_it(service: BaseSessionService) -> None:
    """An id of nothing else is no id."""
    session = await create(service, session_id=" s\t", state={"kept": True})
    assert session.id == "s"
    with pytest.raises(AlreadyExistsError):
        await create(service, session_id="\ns ", state={"kept": False})
    found = await read(service, "  s  ")
    assert found is not None
    assert found.state == {"kept": True}
    assert (await create(service, session_id="  ")).id.strip()
    await service.delete_session(app_name=APP, user_id=USER, session_id=" s ")
    assert await read(service, "s") is None


async def test_one_of_two_that_create_an_id_at_once_gets_it(service: BaseSessionService) -> None:
    """The other is told that it exists."""
    for number in range(5):
        made = await asyncio.gather(
            *(create(service, session_id=f"s{number}") for _ in range(2)), return_exceptions=True
        )
        kinds = sorted(type(each).__name__ for each in made)
        assert kinds == ["AlreadyExistsError", "Session"]


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_is_read_as_it_was_appended(service: BaseSessionService, name: str) -> None:
    session = await create(service)
    event = await service.append_event(session, EVENTS[name].model_copy(deep=True))
    found = await reread(service, session)
    assert found.events == session.events == [event]


@pytest.mark.parametrize(
    "event_id",
    ["event_a", "2", "a b/c?d#e%2F", "é✓ 你好", 'quote"\\', "-", ".", "__x__", "x" * 2000, "a\nb"],
)
async def test_an_event_may_have_any_id(service: BaseSessionService, event_id: str) -> None:
    session = await create(service)
    await service.append_event(session, Event(id=event_id, author="user", invocation_id="i"))
    found = await reread(service, session)
    assert [each.id for each in found.events] == [event_id]


async def test_events_of_a_repeated_local_hour_keep_their_instants(
    service: BaseSessionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks of New York showed these times twice on 2024-11-03."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        session = await create(service)
        times = [1_730_613_600.0, 1_730_615_400.0]
        for each in times:
            event = Event(author="user", invocation_id="i", timestamp=each)
            await service.append_event(session, event)
        found = await reread(service, session)
        assert [each.timestamp for each in found.events] == times
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_session_is_as_new_as_its_last_event(service: BaseSessionService) -> None:
    session = await create(service)
    at = session.last_update_time + 10
    event = Event(author="user", invocation_id="i", timestamp=at)
    await service.append_event(session, event)
    assert session.last_update_time == pytest.approx(at, abs=1e-6)
    found = await reread(service, session)
    assert found.last_update_time == pytest.approx(at, abs=1e-6)


async def test_a_session_that_was_never_created_takes_no_event(
    service: BaseSessionService,
) -> None:
    made_up = Session(app_name=APP, user_id=USER, id="never-created")
    with pytest.raises(SessionNotFoundError):
        await service.append_event(made_up, Event(author="user", invocation_id="i"))


async def test_a_session_may_be_copied_and_written_by_both(service: BaseSessionService) -> None:
    """Events of one session come back in the order of their times."""
    session = await create(service)
    for number in range(3):
        event = Event(author="user", invocation_id=f"{number}", timestamp=2_000_000_000.0 + number)
        await service.append_event(await reread(service, session), event)
    found = await reread(service, session)
    assert [each.invocation_id for each in found.events] == ["0", "1", "2"]
