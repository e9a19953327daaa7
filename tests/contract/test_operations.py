"""Long-running operations that are done when they answer.

See docs/contract.md, section 3.
"""

import re
from typing import Any

import pytest

from functions.aip.page_token import encode_page_token
from tests.support.api import Api
from tests.support.project import LOCATION

TYPE = "type.googleapis.com/google.cloud.aiplatform"
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}
METADATA = {"createTime": "2026-11-22T00:00:00Z", "updateTime": "2026-11-22T00:00:00Z"}


def last(name: str) -> str:
    """A name's last segment."""
    return name.rpartition("/")[2]


def new_session(api: Api, version: str = "v1beta1") -> Any:
    """The operation of a session's creation."""
    return api.ok("POST", f"/{version}/{api.engine}/sessions", {"userId": "u"}, sessionId="s")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_creating_a_session_answers_a_finished_operation(api: Api, version: str) -> None:
    """Name below the session, typed metadata, done, the whole session; @type follows the URL."""
    operation = new_session(api, version)
    session = api.ok("GET", f"{api.engine}/sessions/s")
    assert re.fullmatch(f"{api.engine}/sessions/s/operations/[^/:]+", operation.pop("name"))
    assert operation == {
        "metadata": {
            "@type": f"{TYPE}.{version}.CreateSessionOperationMetadata",
            "genericMetadata": METADATA,
        },
        "done": True,
        "response": {"@type": f"{TYPE}.{version}.Session", **session},
    }
    assert api.ok("GET", f"/{version}/{api.engine}/sessions/s") == session


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_deleting_a_session_answers_a_finished_operation(api: Api, version: str) -> None:
    """Delete: name at location level, DeleteOperationMetadata, done, Empty."""
    operation = api.ok("DELETE", f"/{version}/{api.create()}")
    assert re.fullmatch(f"{LOCATION}/operations/[^/:]+", operation.pop("name"))
    assert operation == {
        "metadata": {
            "@type": f"{TYPE}.{version}.DeleteOperationMetadata",
            "genericMetadata": METADATA,
        },
        "done": True,
        "response": EMPTY,
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_creating_an_engine_answers_a_finished_operation(api: Api, version: str) -> None:
    """Engine create: name `projects/…/reasoningEngines/{id}/operations/ID`, from both forms."""
    for path in (f"/{version}/{LOCATION}/reasoningEngines", f"/{version}/reasoningEngines"):
        operation = api.ok("POST", path, {"displayName": "d"})
        match = re.fullmatch(
            rf"({LOCATION}/reasoningEngines/\d+)/operations/[^/:]+", operation["name"]
        )
        assert match
        assert operation["metadata"] == {
            "@type": f"{TYPE}.{version}.CreateReasoningEngineOperationMetadata",
            "genericMetadata": METADATA,
        }
        assert operation["done"] is True
        engine = api.ok("GET", f"/{version}/{match[1]}")
        assert operation["response"] == {"@type": f"{TYPE}.{version}.ReasoningEngine", **engine}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "ui"])
def test_an_operation_answers_at_its_name_and_at_its_location(api: Api, version: str) -> None:
    """At its own name and at location level with the same last segment; `/ui/` is an alias."""
    operation = new_session(api)
    short = api.engine.removeprefix(f"{LOCATION}/")
    for path in (
        operation["name"],
        f"{LOCATION}/operations/{last(operation['name'])}",
        f"{short}/sessions/s/operations/{last(operation['name'])}",
        f"operations/{last(operation['name'])}",
    ):
        for verb, suffix in (("GET", ""), ("POST", ":wait")):
            found = api.ok(verb, f"/{version}/{path}{suffix}")
            assert found["name"] == operation["name"]
            assert found["done"] is True
            expected = "v1beta1" if version == "ui" else version
            assert found["response"]["@type"] == f"{TYPE}.{expected}.Session"
            assert found["response"]["name"] == f"{api.engine}/sessions/s"


def test_an_operation_of_an_engine_answers_at_its_name_and_at_its_location(api: Api) -> None:
    """Clients always GET the operation of a created engine once."""
    operation = api.ok("POST", f"{LOCATION}/reasoningEngines")
    short = operation["name"].removeprefix(f"{LOCATION}/")
    for path in (
        operation["name"],
        short,
        f"{LOCATION}/operations/{last(short)}",
        f"operations/{last(short)}",
    ):
        assert api.ok("GET", path) == operation


def test_a_deletes_operation_answers(api: Api) -> None:
    """A delete's operation can be polled after its session is gone."""
    operation = api.ok("DELETE", api.create("s"))
    assert api.ok("GET", operation["name"]) == operation
    assert api.ok("GET", f"/ui/{operation['name']}") == operation
    assert api.ok("POST", f"{operation['name']}:wait", timeout="5s") == operation


def test_an_operations_response_has_no_field_beyond_the_official_ones(api: Api) -> None:
    """The GAPIC poller rejects unknown fields inside an operation."""
    operation = new_session(api)
    assert operation.keys() == {"name", "metadata", "done", "response"}
    assert operation["metadata"].keys() == {"@type", "genericMetadata"}
    fields = {"@type", "name", "createTime", "updateTime", "userId", "expireTime"}
    assert operation["response"].keys() == fields


PLACES = [
    LOCATION,
    "ENGINE",
    "ENGINE/sessions/s",
    "reasoningEngines/1",
    "reasoningEngines/1/sessions/s",
    "",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("version", ["v1", "v1beta1", "ui"])
def test_an_unknown_operation_is_not_found(api: Api, version: str, place: str) -> None:
    """An unknown id is 404 for get, delete, cancel and wait."""
    parent = place.replace("ENGINE", api.engine)
    name = f"{parent}/operations/123".removeprefix("/")
    for verb, suffix in (("GET", ""), ("DELETE", ""), ("POST", ":cancel"), ("POST", ":wait")):
        answer = api.call(verb, f"/{version}/{name}{suffix}")
        assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("place", PLACES[:-1])
def test_operations_are_listed_empty(api: Api, place: str) -> None:
    """No operation is stored: an empty list below every parent, in every version."""
    parent = place.replace("ENGINE", api.engine)
    new_session(api)
    for version in ("v1", "v1beta1", "ui"):
        assert api.ok("GET", f"/{version}/{parent}/operations", pageSize=5, filter="") == {}


def test_an_operation_can_be_cancelled_and_deleted(api: Api) -> None:
    """Cancel and delete answer `{}`, and what was done stays done."""
    name = new_session(api)["name"]
    for path in (name, f"{LOCATION}/operations/{last(name)}"):
        assert api.ok("POST", f"{path}:cancel", {}) == {}
        assert api.ok("DELETE", path) == {}
    assert api.call("GET", f"{api.engine}/sessions/s").status == 200


def test_an_operation_belongs_to_its_resource(api: Api) -> None:
    """Under another session, engine or location the id is unknown: 404."""
    operation = last(new_session(api)["name"])
    api.create("t")
    for parent in (
        f"{api.engine}/sessions/t",
        f"{api.engine}0",
        f"{api.engine}0/sessions/s",
        LOCATION.replace("us-central1", "europe-west1"),
        LOCATION.replace("test-project", "p2"),
    ):
        assert api.call("GET", f"{parent}/operations/{operation}").status == 404, parent


def test_a_tampered_operation_is_not_found(api: Api) -> None:
    """An id that was never answered is unknown."""
    name = new_session(api)["name"]
    for at in range(-len(last(name)), 0, 4):
        changed = name[:at] + ("B" if name[at] != "B" else "C") + name[at:][1:]
        assert api.call("GET", changed).status == 404, changed
    page = api.ok("GET", f"{api.engine}/sessions", pageSize=1)
    assert "nextPageToken" not in page


@pytest.mark.parametrize(
    ("time", "version"), [(10**40, "v1"), (-(10**40), "v1"), (0, 'v"1'), (0, "")], ids=str
)
@pytest.mark.parametrize("kind", ["c", "d"])
def test_a_made_up_operation_is_not_found(api: Api, kind: str, time: int, version: str) -> None:
    """The checksum is no secret; what we never answered is unknown all the same."""
    api.create("s")
    cursor = [kind, api.engine.rpartition("/")[2], "s", time, version]
    operation = encode_page_token(cursor, "operation", LOCATION)
    for root in ("/v1", "/ui"):
        assert api.call("GET", f"{root}/{LOCATION}/operations/{operation}").status == 404


@pytest.mark.parametrize(
    "query", [{"pageSize": -1}, {"pageSize": "x"}, {"pageToken": "x"}], ids=str
)
def test_a_list_of_operations_is_paged_as_any_other(api: Api, query: dict[str, object]) -> None:
    """A negative pageSize and a pageToken that was never answered are 400."""
    assert api.call("GET", f"{LOCATION}/operations", **query).status == 400
