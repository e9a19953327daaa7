"""google.cloud.aiplatform_v1 and _v1beta1 over REST and gRPC: engines and operations."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.longrunning import operations_pb2

from tests.support.project import PROJECT, REGION

PARENT = f"projects/{PROJECT}/locations/{REGION}"


@pytest.fixture
def engines(api: ModuleType, connect_gapic: Callable[..., Any]) -> Any:
    """GAPIC's client of engines."""
    return connect_gapic(api.ReasoningEngineServiceClient)


def create(engines: Any, display_name: str) -> Any:
    fields = {"display_name": display_name, "description": "d"}
    return engines.create_reasoning_engine(parent=PARENT, reasoning_engine=fields).result()


def test_an_engine_lives_from_create_to_delete(engines: Any, engine_id: str) -> None:
    """Each change answers a finished operation with the engine as get then gives it."""
    engine = create(engines, engine_id)
    assert engines.get_reasoning_engine(name=engine.name) == engine
    named = f'display_name="{engine_id}"'
    assert list(engines.list_reasoning_engines({"parent": PARENT, "filter": named})) == [engine]
    changed = engines.update_reasoning_engine(
        reasoning_engine={"name": engine.name, "display_name": "new", "description": "other"},
        update_mask={"paths": ["display_name"]},
    ).result()
    assert (changed.display_name, changed.description) == ("new", "d")
    engines.delete_reasoning_engine(name=engine.name).result()
    with pytest.raises(NotFound):
        engines.get_reasoning_engine(name=engine.name)


def test_engines_are_listed_page_by_page(engines: Any, engine_id: str) -> None:
    """Each engine comes once."""
    names = [create(engines, engine_id).name for _ in range(3)]
    request = {"parent": PARENT, "filter": f'display_name="{engine_id}"', "page_size": 2}
    pages = list(engines.list_reasoning_engines(request).pages)
    assert [len(page.reasoning_engines) for page in pages] == [2, 1]
    listed = [engine.name for page in pages for engine in page.reasoning_engines]
    assert sorted(listed) == sorted(names)


def test_an_engine_with_sessions_goes_only_by_force(
    engines: Any, client: Any, engine_id: str
) -> None:
    """Without force the delete is refused and the session stays; with it, both go."""
    engine = create(engines, engine_id).name
    session = client.create_session(parent=engine, session={"user_id": "u"}).result().name
    with pytest.raises(BadRequest, match="still has sessions"):
        engines.delete_reasoning_engine(name=engine)
    assert client.get_session(name=session)
    engines.delete_reasoning_engine({"name": engine, "force": True}).result()
    with pytest.raises(NotFound):
        client.get_session(name=session)
    with pytest.raises(NotFound):
        engines.get_reasoning_engine(name=engine)


def own_name(name: str) -> str:
    return name


def location_name(name: str) -> str:
    return f"{PARENT}/operations/{name.rpartition('/')[2]}"


@pytest.mark.parametrize("known_as", [own_name, location_name])
def test_an_operation_answers_under_its_resource_and_its_location(
    client: Any, engine: str, known_as: Callable[[str], str]
) -> None:
    """Get and wait give the operation that create gave; cancel and delete do no harm."""
    created = client.create_session(parent=engine, session={"user_id": "u"})
    name = known_as(created.operation.name)
    assert client.get_operation({"name": name}) == created.operation
    waited = client.wait_operation({"name": name})
    if isinstance(waited, bytes):  # GAPIC's gRPC transport leaves this one answer as it came.
        waited = operations_pb2.Operation.FromString(waited)
    assert waited == created.operation
    client.cancel_operation({"name": name})
    client.delete_operation({"name": name})
    assert client.get_session(name=created.result().name) == created.result()


def test_the_poller_finds_a_delete_at_its_location(client: Any, engine: str) -> None:
    """Over REST, GAPIC polls location-level operations under /ui/, as no other client does."""
    session = client.create_session(parent=engine, session={"user_id": "u"}).result()
    deleted = client.delete_session(name=session.name).operation
    assert deleted.name.startswith(f"{PARENT}/operations/")
    assert client.transport.operations_client.get_operation(deleted.name) == deleted


def test_nothing_is_ever_under_way(client: Any, engine: str) -> None:
    """Lists of operations are empty, and an operation that never was is NotFound."""
    for name in (PARENT, engine):
        assert client.list_operations({"name": name}) == operations_pb2.ListOperationsResponse()
        with pytest.raises(NotFound, match="Operation"):
            client.get_operation({"name": f"{name}/operations/none"})
