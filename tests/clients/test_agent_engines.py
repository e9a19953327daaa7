"""vertexai.init and vertexai.agent_engines, as on Google's page."""

import pytest
import vertexai
from google.api_core.exceptions import BadRequest, NotFound
from vertexai import agent_engines

from tests.clients.snippets import agent_engines as snippet
from tests.clients.snippets import gapic


@pytest.fixture(autouse=True)
def _connected(server: str) -> None:
    snippet.connect(server)


def test_an_engine_is_created_without_code(server: str) -> None:
    """The page's one line answers an engine that sessions can live under."""
    agent_engine = agent_engines.create()
    assert agent_engines.get(agent_engine.resource_name).to_dict() == agent_engine.to_dict()
    session = {"user_id": "u"}
    created = gapic.connect(server).create_session(
        parent=agent_engine.resource_name, session=session
    )
    assert created.result().name.startswith(f"{agent_engine.resource_name}/sessions/")


def test_engines_are_listed_by_filter(engine_id: str) -> None:
    """Only the engines of that display name are listed."""
    created = [agent_engines.create(display_name=engine_id).resource_name for _ in range(2)]
    agent_engines.create(display_name="other")
    listed = agent_engines.list(filter=f'display_name="{engine_id}"')
    assert sorted(engine.resource_name for engine in listed) == sorted(created)


def test_an_engine_is_updated() -> None:
    """The fields given are replaced, the others stay."""
    # The client refuses to update without a bucket, even where it uploads nothing.
    vertexai.init(staging_bucket="gs://unused")
    name = agent_engines.create(display_name="old", description="d").resource_name
    agent_engines.update(name, display_name="new")
    engine = agent_engines.get(name)
    assert (engine.display_name, engine.gca_resource.description) == ("new", "d")


def test_an_engine_with_sessions_goes_only_by_force(server: str) -> None:
    """Without force the delete is refused and the engine stays."""
    name = agent_engines.create().resource_name
    gapic.connect(server).create_session(parent=name, session={"user_id": "u"}).result()
    with pytest.raises(BadRequest, match="still has sessions"):
        agent_engines.delete(name)
    assert agent_engines.get(name)
    agent_engines.delete(name, force=True)
    with pytest.raises(NotFound):
        agent_engines.get(name)
