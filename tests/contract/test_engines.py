"""Reasoning engines, as far as sessions need them.

See docs/contract.md, sections 1, 3 and 4.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, Api
from tests.support.project import LOCATION


def new_engine(api: Api, location: str = LOCATION, **fields: Any) -> str:
    """Creates an engine and returns its name."""
    response = api.ok("POST", f"{location}/reasoningEngines", fields or None)["response"]
    name: str = response["name"]
    return name


def test_an_engine_is_made_from_nothing(api: Api) -> None:
    """`agent_engines.create()` posts an empty body; the id is all digits."""
    name = new_engine(api)
    assert name.startswith(f"{LOCATION}/reasoningEngines/")
    assert name.rpartition("/")[2].isdigit()
    found = api.ok("GET", name)
    assert found["name"] == name
    assert found["createTime"] == found["updateTime"] == "2026-11-22T00:00:00Z"


def test_an_engine_keeps_what_was_sent(api: Api) -> None:
    """displayName, description, labels and spec come back as sent."""
    fields: dict[str, Any] = {
        "displayName": "d",
        "description": "long",
        "labels": {"k": "v"},
        "spec": {"agentFramework": "google-adk", "deploymentSpec": {"env": [{"name": "A"}]}},
    }
    found = api.ok("GET", new_engine(api, **fields))
    assert {key: found[key] for key in fields} == fields


@pytest.mark.parametrize("mask", [None, "display_name", "displayName"])
def test_an_engine_can_be_updated(api: Api, mask: str | None) -> None:
    """Engine update sends `?updateMask=display_name`; what is not named stays."""
    name = new_engine(api, displayName="old", description="stays")
    api.now += SECOND
    query = {"updateMask": mask} if mask else {}
    operation = api.ok("PATCH", name, {"displayName": "new"}, **query)
    assert operation["done"] is True
    assert operation["response"]["@type"].endswith(".ReasoningEngine")
    found = api.ok("GET", name)
    assert (found["displayName"], found["description"]) == ("new", "stays")
    assert found["createTime"] == "2026-11-22T00:00:00Z"
    assert found["updateTime"] == "2026-11-22T00:00:01Z"


@pytest.mark.parametrize("path", ["name", "createTime", "nonsense"])
def test_an_engines_mask_is_checked(api: Api, path: str) -> None:
    """An unknown or output-only path is 400 naming it."""
    answer = api.call("PATCH", new_engine(api), {"displayName": "n"}, updateMask=path)
    assert answer.status == 400
    assert path in answer.json["error"]["message"]


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
def test_a_missing_engine_is_not_found(api: Api, verb: str) -> None:
    """404, also where sessions live under an engine that was never created."""
    api.create()
    answer = api.call(verb, api.engine, {} if verb == "PATCH" else None)
    assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


def test_engines_are_listed_page_by_page(api: Api) -> None:
    """Each engine of the location is seen once, those made by sessions only not at all."""
    location = f"projects/test-project/locations/l{api.engine.rpartition('/')[2]}"
    names = []
    for number in range(5):
        api.now += SECOND
        names.append(new_engine(api, location, displayName=f"d{number % 2}"))
    api.engine = f"{location}/reasoningEngines/1"
    api.create(sessionState={"app:a": 1})
    path = f"{location}/reasoningEngines"
    for size in (1, 2, 100):
        found = api.walk(path, "reasoningEngines", pageSize=size)
        assert sorted(engine["name"] for engine in found) == sorted(names)
    found = api.walk(path, "reasoningEngines", filter='display_name="d1"', pageSize=1)
    assert sorted(engine["name"] for engine in found) == sorted(names[1::2])
    page = api.ok("GET", path, pageSize=2)
    api.ok("DELETE", page["reasoningEngines"][0]["name"])
    rest = api.ok("GET", path, pageToken=page["nextPageToken"])
    assert len(rest["reasoningEngines"]) == 3
    assert api.call("GET", path, pageSize=-1).status == 400
    assert api.ok("GET", f"{location}x/reasoningEngines") == {}


def test_an_engine_with_sessions_is_not_deleted_without_force(api: Api) -> None:
    """400 FAILED_PRECONDITION, and the engine and its sessions stay."""
    api.engine = new_engine(api)
    session = api.create()
    for query in ({}, {"force": "false"}):
        answer = api.call("DELETE", api.engine, **query)
        assert (answer.status, answer.json["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert api.call("DELETE", api.engine, {"force": False}).status == 400
    assert api.call("GET", session).status == 200
    assert api.call("GET", api.engine).status == 200


@pytest.mark.parametrize("how", ["body", "query"])
def test_force_deletes_an_engine_with_all_below_it(api: Api, how: str) -> None:
    """`{"force": true}` as the body of a DELETE, or `?force=true`."""
    api.engine = new_engine(api)
    session = api.create("s", sessionState={"app:a": 1, "user:b": 2})
    assert api.append(session).status == 200
    body, query = ({"force": True}, {}) if how == "body" else (None, {"force": "true"})
    operation = api.ok("DELETE", api.engine, body, **query)
    assert operation["done"] is True
    assert operation["name"].startswith(f"{LOCATION}/operations/")
    assert operation["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    for path in (api.engine, session, f"{session}/events"):
        assert api.call("GET", path).status == 404
    assert api.ok("GET", f"{api.engine}/sessions") == {}
    assert api.state(api.create("s")) is None
    assert api.ok("GET", f"{session}/events") == {}


def test_an_engine_without_sessions_needs_no_force(api: Api) -> None:
    """Deleted and expired sessions do not count."""
    api.settings = replace(api.settings, min_ttl=0)
    api.engine = new_engine(api)
    api.ok("DELETE", api.create())
    api.create(ttl="1s")
    api.now += SECOND
    api.ok("DELETE", api.engine)
    assert api.call("GET", api.engine).status == 404


def test_by_default_an_engine_need_not_exist(api: Api) -> None:
    """Sessions live under engines that nobody created."""
    assert api.call("GET", api.engine).status == 404
    assert api.call("GET", api.create()).status == 200
    assert api.ok("GET", f"{api.engine}0/sessions") == {}


@pytest.mark.parametrize("before", ["nothing", "a session", "app state"])
def test_where_engines_are_required_a_missing_one_is_not_found(api: Api, before: str) -> None:
    """`REQUIRE_ENGINE=true`: 404 `The ReasoningEngine does not exist.` as it is."""
    if before != "nothing":
        api.create(sessionState={"app:a": 1} if before == "app state" else {})
    api.settings = replace(api.settings, require_engine=True)
    for verb, body in (("POST", {"userId": "u"}), ("GET", None)):
        answer = api.call(verb, f"{api.engine}/sessions", body)
        assert (answer.status, answer.json["error"]) == (
            404,
            {"code": 404, "message": "The ReasoningEngine does not exist.", "status": "NOT_FOUND"},
        )


def test_where_engines_are_required_a_created_one_serves(api: Api) -> None:
    """`REQUIRE_ENGINE=true`: sessions live under engines that were created."""
    api.settings = replace(api.settings, require_engine=True)
    api.engine = new_engine(api)
    session = api.create()
    assert api.append(session).status == 200
    assert len(api.ok("GET", f"{api.engine}/sessions")["sessions"]) == 1
    api.ok("DELETE", api.engine, {"force": True})
    assert api.call("POST", f"{api.engine}/sessions", {"userId": "u"}).status == 404
