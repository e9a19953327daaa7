"""google-api-python-client, built from the official discovery documents it ships."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.clients.snippets import discovery
from tests.support.project import PROJECT, REGION

PARENT = f"projects/{PROJECT}/locations/{REGION}"
EVENT = {
    "author": "user",
    "invocationId": "i",
    "timestamp": "2026-01-01T00:00:00.000000001Z",
    "content": {
        "role": "user",
        "parts": [{"text": "héllo"}, {"inlineData": {"mimeType": "image/png", "data": "//4A"}}],
    },
    "actions": {"stateDelta": {"k": [[1], None, 2**60]}},
    "eventMetadata": {"customMetadata": {"": {}}},
    "rawEvent": {"id": "1"},
}


connect = cache(discovery.connect)
"""Reading the document takes longer than most tests."""


@pytest.fixture(params=["v1", "v1beta1"])
def engines(request: pytest.FixtureRequest, server: str) -> Iterator[Any]:
    """The collection of engines, by full names."""
    with connect(server, request.param) as service:
        yield service.projects().locations().reasoningEngines()


@pytest.fixture
def short_engines(server: str) -> Iterator[Any]:
    """The collection of engines, by short names, which only v1beta1 gives sessions."""
    with connect(server) as service:
        yield service.reasoningEngines()


def walk(collection: Any, field: str, **query: Any) -> list[Any]:
    """Every item of a list, page by page."""
    items, request = [], collection.list(**query)
    while request is not None:
        page = request.execute()
        items += page.get(field, [])
        request = collection.list_next(request, page)
    return items


def test_a_session_lives_from_create_to_delete(engines: Any, engine: str) -> None:
    """Every method of sessions answers what the document says it answers."""
    sessions = engines.sessions()
    body = {"userId": "u", "sessionState": {"a": 1}}
    created = sessions.create(parent=engine, sessionId="s", body=body).execute()["response"]
    del created["@type"]
    name = created["name"]
    assert sessions.get(name=name).execute() == created
    changed = {"displayName": "new", "labels": {"k": "v"}}
    updated = sessions.patch(name=name, updateMask="displayName,labels", body=changed).execute()
    assert updated == {**created, **changed, "updateTime": updated["updateTime"]}
    assert sessions.appendEvent(name=name, body=EVENT).execute() == {}
    (event,) = sessions.events().list(parent=name).execute()["sessionEvents"]
    assert event == {**EVENT, "name": event["name"]}
    state = sessions.get(name=name).execute()["sessionState"]
    assert state == {"a": 1, **EVENT["actions"]["stateDelta"]}
    assert sessions.delete(name=name).execute()["done"]
    with pytest.raises(HttpError, match=f"Session {name} not found") as error:
        sessions.get(name=name).execute()
    assert error.value.status_code == 404


def test_lists_follow_filter_order_and_pages(engines: Any, engine: str) -> None:
    """list_next finds the token of the next page, and stops after the last one."""
    sessions = engines.sessions()
    for number in range(3):
        body = {"userId": "u"}
        sessions.create(parent=engine, sessionId=f"s{number}", body=body).execute()
        event = {**EVENT, "timestamp": f"2026-01-01T00:00:0{3 - number}Z"}
        sessions.appendEvent(name=f"{engine}/sessions/s0", body=event).execute()
    query = {"parent": engine, "pageSize": 2, "orderBy": "create_time", "filter": 'user_id="u"'}
    names = [session["name"] for session in walk(sessions, "sessions", **query)]
    assert names == [f"{engine}/sessions/s{number}" for number in range(3)]
    query = {"parent": names[0], "pageSize": 2, "filter": 'timestamp>="2026-01-01T00:00:02Z"'}
    events = walk(sessions.events(), "sessionEvents", **query)
    assert [event["timestamp"][-3:] for event in events] == ["02Z", "03Z"]


def test_a_long_filter_is_read_from_the_body(engines: Any, engine: str) -> None:
    """Past 2,048 characters the client sends its GET as a POST with a method override."""
    users = [f"{number:040}" for number in range(60)]
    sessions = engines.sessions()
    for user in ("nobody", users[-1]):
        sessions.create(parent=engine, body={"userId": user}).execute()
    long_filter = " OR ".join(f'user_id="{user}"' for user in users)
    request = sessions.list(parent=engine, filter=long_filter)
    assert len(request.uri) > 2048
    assert [session["userId"] for session in request.execute()["sessions"]] == [users[-1]]


def test_an_engine_lives_from_create_to_delete(engines: Any, engine_id: str) -> None:
    """Every method of engines answers what the document says it answers."""
    body = {"displayName": engine_id, "description": "d"}
    created = engines.create(parent=PARENT, body=body).execute()["response"]
    del created["@type"]
    assert engines.get(name=created["name"]).execute() == created
    named = {"parent": PARENT, "filter": f'display_name="{engine_id}"'}
    assert walk(engines, "reasoningEngines", **named) == [created]
    change = {"name": created["name"], "updateMask": "displayName", "body": {"displayName": "new"}}
    assert engines.patch(**change).execute()["response"]["description"] == "d"
    session = engines.sessions().create(parent=created["name"], body={"userId": "u"}).execute()
    with pytest.raises(HttpError, match="still has sessions"):
        engines.delete(name=created["name"]).execute()
    assert engines.sessions().get(name=session["response"]["name"]).execute()
    assert engines.delete(name=created["name"], force=True).execute()["done"]
    with pytest.raises(HttpError, match="not found"):
        engines.get(name=created["name"]).execute()


def test_an_operation_answers_at_its_name(engines: Any, engine: str) -> None:
    """Get and wait give the operation that create gave; cancel and delete do no harm."""
    created = engines.sessions().create(parent=engine, body={"userId": "u"}).execute()
    operations = engines.sessions().operations()
    name = created["name"]
    assert operations.get(name=name).execute() == created
    assert operations.wait(name=name, timeout="1s").execute() == created
    assert operations.cancel(name=name).execute() == {}
    assert operations.delete(name=name).execute() == {}
    assert operations.list(name=created["response"]["name"]).execute() == {}
    with pytest.raises(HttpError, match="Operation"):
        operations.get(name=f"{name}x").execute()


def test_short_names_mean_the_configured_project(
    short_engines: Any, short_engine: str, engine: str
) -> None:
    """Answers to short names carry full ones."""
    sessions = short_engines.sessions()
    created = sessions.create(parent=short_engine, body={"userId": "u"}, sessionId="s").execute()
    assert created["response"]["name"] == f"{engine}/sessions/s"
    name = f"{short_engine}/sessions/s"
    assert sessions.appendEvent(name=name, body=EVENT).execute() == {}
    (event,) = sessions.events().list(parent=name).execute()["sessionEvents"]
    assert event["name"].startswith(f"{engine}/sessions/s/events/")
    assert len(walk(sessions, "sessions", parent=short_engine)) == 1
    assert sessions.delete(name=name).execute()["done"]


def test_an_engine_of_a_short_name_is_of_the_configured_project(short_engines: Any) -> None:
    """The collection without a parent is that of the configured project and location."""
    created = short_engines.create(body={}).execute()["response"]["name"]
    assert created.startswith(f"{PARENT}/reasoningEngines/")
    short_name = created.removeprefix(f"{PARENT}/")
    assert short_engines.get(name=short_name).execute()["name"] == created
    assert created in [engine["name"] for engine in walk(short_engines, "reasoningEngines")]
    assert short_engines.delete(name=short_name).execute()["done"]
