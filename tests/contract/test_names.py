"""Resource names: express forms, aliases, and which ids are allowed.

See docs/contract.md, sections 1 and 4.
"""

import json
from dataclasses import replace

import pytest

from functions.config.settings import Settings
from tests.support.api import Api
from tests.support.project import LOCATION

GOOD = [
    "s",
    "7",
    "S",
    "a-b",
    "a_b",
    "-a",
    "a-",
    "_",
    "__",
    "___",
    "__a",
    "a__",
    "--",
    "x" * 128,
    "sessions",
    "operations",
]
BAD = ["-", "____", "__a__", "a b", "a.b", "é", "x" * 129, "a/b", "a:b", "*", "a\n", "."]


@pytest.mark.parametrize("session_id", GOOD)
def test_a_session_id_is_letters_digits_hyphens_and_underscores(api: Api, session_id: str) -> None:
    """1 to 128 of `[A-Za-z0-9_-]`: such a session can be used and deleted by its name."""
    session = api.create(session_id)
    assert session == f"{api.engine}/sessions/{session_id}"
    assert api.append(session).status == 200
    assert len(api.ok("GET", f"{session}/events")["sessionEvents"]) == 1
    api.ok("PATCH", session, {"displayName": "x"})
    api.ok("DELETE", session)


@pytest.mark.parametrize("session_id", BAD)
def test_no_other_session_id_can_be_chosen(api: Api, session_id: str) -> None:
    """`-` alone, `__…__` and everything else: 400 with a field violation."""
    answer = api.call("POST", f"{api.engine}/sessions", {"userId": "u"}, sessionId=session_id)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json["error"]["details"][0]["fieldViolations"][0]["field"] == "session_id"


def test_names_are_told_apart_by_case(api: Api) -> None:
    """`s` and `S` are two sessions."""
    api.create("s", displayName="small")
    api.create("S", displayName="large")
    assert api.ok("GET", f"{api.engine}/sessions/s")["displayName"] == "small"


@pytest.mark.parametrize("number", [True, False])
def test_express_names_stand_for_the_configured_project_and_location(
    api: Api, number: bool
) -> None:
    """Express names resolve to the configured project and location; answers have full names."""
    if number:
        api.settings = replace(api.settings, project_number="1234")
    short = api.engine.removeprefix(f"{LOCATION}/")
    operation = api.ok("POST", f"{short}/sessions", {"userId": "u"}, sessionId="s")
    session = f"{api.engine}/sessions/s"
    assert operation["response"]["name"] == session
    assert operation["name"].startswith(f"{session}/operations/")
    body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    api.ok("POST", f"{short}/sessions/s:appendEvent", body)
    api.ok("POST", f"{short}/sessions/s", body)
    for event in api.ok("GET", f"{short}/sessions/s/events")["sessionEvents"]:
        assert event["name"].startswith(f"{session}/events/")
    assert api.ok("GET", f"{short}/sessions")["sessions"][0]["name"] == session
    assert api.ok("PATCH", f"{short}/sessions/s", {"displayName": "x"})["name"] == session
    assert api.ok("GET", f"{short}/sessions/s") == api.ok("GET", session)
    assert api.ok("DELETE", f"{short}/sessions/s")["name"].startswith(f"{LOCATION}/operations/")
    assert api.call("GET", session).status == 404


def test_the_configured_location_stands_for_short_names(api: Api) -> None:
    """GOOGLE_CLOUD_LOCATION is what short names mean."""
    api.settings = replace(api.settings, google_cloud_location="europe-west1")
    short = api.engine.removeprefix(f"{LOCATION}/")
    name = api.ok("POST", f"{short}/sessions", {"userId": "u"})["response"]["name"]
    assert name.startswith(f"projects/test-project/locations/europe-west1/{short}/sessions/")


def test_express_engines_exist_in_both_versions(api: Api) -> None:
    """`E` engines and operations in both."""
    for version in ("v1", "v1beta1"):
        operation = api.ok("POST", f"/{version}/reasoningEngines", {"displayName": "d"})
        name = operation["response"]["name"]
        short = name.removeprefix(f"{LOCATION}/")
        assert api.ok("GET", f"/{version}/{short}")["name"] == name
        api.ok("PATCH", f"/{version}/{short}", {"displayName": "e"}, updateMask="displayName")
        found = api.walk(f"/{version}/reasoningEngines", "reasoningEngines")
        assert name in [engine["name"] for engine in found]
        api.ok("DELETE", f"/{version}/{short}")
        assert api.call("GET", f"/{version}/{name}").status == 404


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "reasoningEngines/1/sessions"),
        ("GET", "reasoningEngines/1/sessions"),
        ("GET", "reasoningEngines/1/sessions/s"),
        ("PATCH", "reasoningEngines/1/sessions/s"),
        ("DELETE", "reasoningEngines/1/sessions/s"),
        ("POST", "reasoningEngines/1/sessions/s:appendEvent"),
        ("GET", "reasoningEngines/1/sessions/s/events"),
    ],
)
def test_express_sessions_exist_in_v1beta1_only(api: Api, verb: str, path: str) -> None:
    """`E` session methods exist in v1beta1 only; `/ui/` serves operations only."""
    for version in ("v1", "ui"):
        answer = api.call(verb, f"/{version}/{path}", {})
        assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


def test_a_projects_number_is_an_alias_of_its_id(api: Api) -> None:
    """When both are configured, the number stands for the id in every name."""
    api.settings = replace(api.settings, project_number="1234")
    alias = api.engine.replace("test-project", "1234")
    operation = api.ok("POST", f"{alias}/sessions", {"userId": "u"}, sessionId="s")
    assert operation["response"]["name"] == f"{api.engine}/sessions/s"
    assert api.ok("GET", f"{alias}/sessions/s") == api.ok("GET", f"{api.engine}/sessions/s")
    assert api.ok("GET", operation["name"].replace("test-project", "1234")) == operation
    api.create("t")
    page = api.ok("GET", f"{alias}/sessions", pageSize=1)
    rest = api.ok("GET", f"{api.engine}/sessions", pageSize=1, pageToken=page["nextPageToken"])
    assert len(rest["sessions"]) == 1
    missing = api.call("GET", f"{alias}/sessions/none").json["error"]["message"]
    assert missing == f"Session {api.engine}/sessions/none not found."
    api.ok("DELETE", f"{alias}/sessions/s")
    assert api.call("GET", f"{api.engine}/sessions/s").status == 404


def test_another_projects_number_is_a_project_of_its_own(api: Api) -> None:
    """Only the configured number is an alias, and only where both are configured."""
    alias = api.engine.replace("test-project", "1234")
    assert api.ok("POST", f"{alias}/sessions", {"userId": "u"})["response"]["name"].startswith(
        alias
    )
    api.settings = Settings(project_number="1234")
    assert api.ok("POST", f"{alias}/sessions", {"userId": "u"})["response"]["name"].startswith(
        alias
    )


def test_projects_are_kept_apart(api: Api) -> None:
    """One store serves any project that the paths name."""
    other = api.engine.replace("test-project", "other.project")
    api.create("s")
    assert api.call("GET", f"{other}/sessions/s").status == 404
    assert api.ok("GET", f"{other}/sessions") == {}


@pytest.mark.parametrize(
    "parent", ["nonsense", "projects/p", "projects/p/locations", "locations/l"]
)
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_parent_that_is_no_location_is_refused(api: Api, verb: str, parent: str) -> None:
    """Malformed resource name: nothing is listed or made in the configured location instead."""
    answer = api.call(verb, "/v1/reasoningEngines", parent=parent)
    assert answer.status == 400
    assert "Invalid Location resource name." in answer.text


def test_a_project_may_be_of_a_domain(api: Api) -> None:
    """`example.com:p` is a project in names, settings, page tokens and policies."""
    api.settings = replace(api.settings, google_cloud_project="example.com:p")
    short = api.engine.removeprefix(f"{LOCATION}/")
    location = LOCATION.replace("test-project", "example.com:p")
    api.engine = f"{location}/{short}"
    names = []
    for session in "abc":
        api.now += 10**9
        names.append(api.create(session))
    assert api.ok("GET", f"{short}/sessions/a") == api.ok("GET", names[0])
    assert api.append(names[0]).status == 200
    assert len(api.ok("GET", f"{names[0]}/events")["sessionEvents"]) == 1
    assert api.ok("GET", f"{names[0]}/runs/i")["name"] == f"{names[0]}/runs/i"
    operation = api.ok("DELETE", names[0])["name"]
    assert operation.startswith(f"{location}/operations/")
    assert api.ok("POST", f"{operation}:wait")["done"]
    parent = f"{location}/reasoningEngines"
    engine = api.ok("POST", parent, {"displayName": "e"})["response"]["name"]
    assert engine.startswith(parent)
    assert engine in [each["name"] for each in api.walk(parent, "reasoningEngines", pageSize=1)]
    for order in ("create_time", "update_time desc"):
        for path in (f"{api.engine}/sessions", f"{location}/reasoningEngines/-/sessions"):
            found = api.walk(path, "sessions", pageSize=1, orderBy=order, filter="user_id=u")
            assert {session["name"] for session in found} >= {*names[1:]}
    rules = [{"principal": "*", "role": "viewer", "engines": [api.engine, engine]}]
    settings = {"k_service": "s", "policy": json.dumps(rules), "auth": "none"}
    viewer = replace(api, settings=replace(api.settings, **settings))
    found = viewer.walk(f"{location}/reasoningEngines/-/sessions", "sessions", pageSize=1)
    assert [session["name"] for session in found] == names[:0:-1]


@pytest.mark.parametrize(
    "project", [":p", "example.com:", "a:b:c", ":", "example.com:-", "example.com:p_", "x_y:p"]
)
def test_a_project_has_one_colon_at_most_and_something_on_both_sides(
    api: Api, project: str
) -> None:
    """Others are no projects: 400 in the words for a malformed name."""
    path = api.engine.replace("test-project", project)
    answer = api.call("GET", f"{path}/sessions")
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    with pytest.raises(ValueError, match="GOOGLE_CLOUD_PROJECT"):
        Settings(google_cloud_project=project)


@pytest.mark.parametrize(
    "path",
    [
        "projects/p/locations/l:x/reasoningEngines/1/sessions",
        "projects/p/locations/l/reasoningEngines/a:b/sessions",
        "projects/p/locations/l/reasoningEngines/1/sessions/s:x/events",
        "projects/p/locations/l/reasoningEngines/1/sessions/s:appendEvent/events",
        "projects:x/p/locations/l/reasoningEngines/1/sessions",
        "reasoningEngines:x/1/sessions",
    ],
)
def test_no_other_id_has_a_colon(api: Api, path: str) -> None:
    """Behind the last slash it begins the verb; before, only a project's id may have one: 404."""
    assert api.call("GET", path).status == 404
