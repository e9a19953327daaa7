"""agentplatform.Client: what only it has; test_genai.py holds what it shares with vertexai."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.genai.errors import ClientError

from tests.support.clients.genai import AGENTPLATFORM_CONNECTIONS, Connection

NEW = {
    "display_name": "new",
    "labels": {"k": "new"},
    "session_state": {"new": [[1], None]},
    "expire_time": datetime(2100, 1, 1, tzinfo=UTC),
}


@pytest.fixture(params=AGENTPLATFORM_CONNECTIONS, ids=str)
def sessions(request: pytest.FixtureRequest, connect: Callable[[Connection], Any]) -> Any:
    return connect(request.param).sessions


@pytest.fixture(params=[way for way in AGENTPLATFORM_CONNECTIONS if way.waits], ids=str)
def runtimes(request: pytest.FixtureRequest, connect: Callable[[Connection], Any]) -> Any:
    return connect(request.param).runtimes


@pytest.fixture
def session(sessions: Any, engine: str) -> Any:
    config = {"display_name": "old", "labels": {"k": "old"}, "session_state": {"old": 1}}
    return sessions.create(name=engine, user_id="u", config=config).response


def test_update_changes_what_is_sent(sessions: Any, session: Any) -> None:
    """Without a mask, the fields of the body are replaced; the answer is the whole session."""
    updated = sessions.update(name=session.name, config=NEW)
    assert {field: getattr(updated, field) for field in NEW} == NEW
    assert updated.user_id == "u"
    assert updated.update_time > session.update_time
    assert sessions.get(name=session.name) == updated


@pytest.mark.parametrize("field", NEW)
def test_update_changes_what_the_mask_names(sessions: Any, session: Any, field: str) -> None:
    """The other fields stay as they were, whatever the body holds."""
    config = {**NEW, "update_mask": field, "user_id": "u", "session_id": "ignored"}
    updated = sessions.update(name=session.name, config=config)
    old = {name: getattr(session, name) for name in NEW}
    assert {name: getattr(updated, name) for name in NEW} == {**old, field: NEW[field]}


def test_a_session_keeps_its_user(sessions: Any, session: Any) -> None:
    """Another user id is refused, and nothing changes."""
    with pytest.raises(ClientError) as error:
        sessions.update(name=session.name, config={"user_id": "other", "display_name": "new"})
    assert error.value.code == 400
    assert sessions.get(name=session.name) == session


def test_a_runtime_lives_from_create_to_delete(runtimes: Any, engine_id: str) -> None:
    """A runtime without code is an engine: created, found, renamed and deleted."""
    created = runtimes.create(config={"display_name": engine_id}).api_resource
    assert runtimes.get(name=created.name).api_resource == created
    named = {"filter": f'display_name="{engine_id}"'}
    assert [runtime.api_resource for runtime in runtimes.list(config=named)] == [created]
    assert runtimes.update(name=created.name, config={"display_name": "new"}).api_resource
    assert runtimes.get(name=created.name).api_resource.display_name == "new"
    assert runtimes.delete(name=created.name, force=True).done
    with pytest.raises(ClientError) as error:
        runtimes.get(name=created.name)
    assert error.value.code == 404
