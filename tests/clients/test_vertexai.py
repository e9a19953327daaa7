"""vertexai.Client: what only it has; test_genai.py holds what it shares with agentplatform."""

from collections.abc import Callable
from typing import Any

import pytest
from google.genai.errors import ClientError

from tests.support.clients.genai import VERTEXAI_CONNECTIONS, Connection


@pytest.fixture(params=[way for way in VERTEXAI_CONNECTIONS if way.waits], ids=str)
def engines(request: pytest.FixtureRequest, connect: Callable[[Connection], Any]) -> Any:
    return connect(request.param).agent_engines


def test_an_engine_lives_from_create_to_delete(engines: Any, engine_id: str) -> None:
    """An engine without code is created, found, renamed and deleted, each in one step."""
    created = engines.create(config={"display_name": engine_id, "description": "d"}).api_resource
    assert engines.get(name=created.name).api_resource == created
    named = {"filter": f'display_name="{engine_id}"'}
    assert [engine.api_resource for engine in engines.list(config=named)] == [created]
    renamed = engines.update(name=created.name, config={"display_name": "new"}).api_resource
    assert (renamed.display_name, renamed.description) == ("new", "d")
    assert engines.delete(name=created.name).done
    with pytest.raises(ClientError) as error:
        engines.get(name=created.name)
    assert error.value.code == 404


def test_force_reaches_the_server_in_the_body(engines: Any) -> None:
    """An engine with sessions is deleted only with force, which this client sends in a body."""
    name = engines.create().api_resource.name
    session = engines.sessions.create(name=name, user_id="u").response.name
    with pytest.raises(ClientError, match="still has sessions") as error:
        engines.delete(name=name)
    assert error.value.status == "FAILED_PRECONDITION"
    assert engines.sessions.get(name=session)
    engines.delete(name=name, force=True)
    with pytest.raises(ClientError, match="not found"):
        engines.sessions.get(name=session)
