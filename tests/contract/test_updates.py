"""PATCH of a session: masks, replaced fields, and what cannot be changed.

See docs/contract.md, section 4.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api
from tests.support.project import LOCATION

DAY = 86_400 * SECOND


def make(api: Api) -> str:
    """A session with something in every field."""
    return api.create(
        displayName="old", labels={"a": "1"}, sessionState={"x": 1, "y": {"z": 2}}, ttl="100000s"
    )


def test_without_a_mask_the_populated_fields_change(api: Api) -> None:
    """Without a mask, the populated fields."""
    session = make(api)
    before = api.ok("GET", session)
    api.now += SECOND
    answer = api.ok("PATCH", session, {"displayName": "new"})
    assert answer == {**before, "displayName": "new", "updateTime": "2026-11-22T00:00:01Z"}
    assert api.ok("GET", session) == answer


@pytest.mark.parametrize(
    "mask",
    [
        "displayName,labels",
        "display_name,labels",
        "displayName, labels",
        "labels,display_name,labels",
    ],
)
def test_a_mask_chooses_the_fields_in_either_spelling(api: Api, mask: str) -> None:
    """updateMask: camelCase or snake_case, comma-separated; what it does not name stays."""
    session = make(api)
    body = {"displayName": "new", "labels": {"b": "2"}, "sessionState": {}}
    answer = api.ok("PATCH", session, body, updateMask=mask)
    assert answer["displayName"] == "new"
    assert answer["labels"] == {"b": "2"}
    assert answer["sessionState"] == {"x": 1, "y": {"z": 2}}


def test_a_masked_field_that_the_body_leaves_out_is_cleared(api: Api) -> None:
    """A path of the mask without a value in the body empties its field."""
    session = make(api)
    answer = api.ok("PATCH", session, {}, updateMask="displayName,labels,sessionState")
    assert not answer.keys() & {"displayName", "labels"}
    assert not answer.get("sessionState")


def test_session_state_and_labels_are_replaced_whole(api: Api) -> None:
    """Both sessionState and labels are replaced whole, not merged."""
    session = make(api)
    answer = api.ok("PATCH", session, {"sessionState": {"n": 1}, "labels": {"c": ""}})
    assert (answer["sessionState"], answer["labels"]) == ({"n": 1}, {"c": ""})


@pytest.mark.parametrize(
    ("mask", "state", "expected"),
    [
        ("sessionState.x", {"x": 9, "y": 9}, {"x": 9, "y": {"z": 2}}),
        ("session_state.x", {"x": None}, {"x": None, "y": {"z": 2}}),
        ("sessionState.new", {"new": [1]}, {"x": 1, "y": {"z": 2}, "new": [1]}),
        ("sessionState.y", {"y": {"q": 1}}, {"x": 1, "y": {"q": 1}}),
        ("sessionState.x", {}, {"y": {"z": 2}}),
        ("sessionState.x,sessionState.y", {}, {}),
        ("sessionState.app:k", {"app:k": 1}, {"x": 1, "y": {"z": 2}, "app:k": 1}),
        ("sessionState.``", {"": 1, "x": 9}, {"": 1, "x": 1, "y": {"z": 2}}),
        ("sessionState.``", {"x": 9}, {"x": 1, "y": {"z": 2}}),
        ("sessionState.``,sessionState.x", {"": 1}, {"": 1, "y": {"z": 2}}),
    ],
)
def test_a_path_below_session_state_replaces_that_key(
    api: Api, mask: str, state: dict[str, Any], expected: dict[str, Any]
) -> None:
    """`sessionState.key` as a path replaces that key and no other."""
    session = make(api)
    answer = api.ok("PATCH", session, {"sessionState": state}, updateMask=mask)
    assert answer["sessionState"] == expected
    assert api.state(session) == expected


def test_the_empty_key_of_state_goes_as_it_came(api: Api) -> None:
    """Between backticks a path names any key, the empty one, too."""
    session = make(api)
    api.ok("PATCH", session, {"sessionState": {"": 1}}, updateMask="sessionState.``")
    api.ok("PATCH", session, {}, updateMask="session_state.``")
    assert api.state(session) == {"x": 1, "y": {"z": 2}}


@pytest.mark.parametrize(
    ("mask", "labels", "expected"),
    [
        ("labels.a", {"a": "9", "b": "9"}, {"a": "9"}),
        ("labels.b", {"a": "9", "b": "2"}, {"a": "1", "b": "2"}),
        ("labels.a", {}, None),
        ("labels.b", {}, {"a": "1"}),
        ("labels.a,labels.b", {"b": "2"}, {"b": "2"}),
        ("labels.`a`", {"a": ""}, {"a": ""}),
        ("labels.``", {}, {"a": "1"}),
        ("labels.a,labels", {"b": "2"}, {"b": "2"}),
        ("labels.A", {}, {"a": "1"}),
    ],
)
def test_a_path_below_labels_replaces_or_removes_that_label(
    api: Api, mask: str, labels: dict[str, str], expected: dict[str, str] | None
) -> None:
    """`labels.key` as a path sets that label to the body's, or removes it; of engines, too."""
    session = make(api)
    answer = api.ok("PATCH", session, {"labels": labels}, updateMask=mask)
    assert answer.get("labels") == expected
    assert api.ok("GET", session) == answer
    parent = f"{LOCATION}/reasoningEngines"
    engine = api.ok("POST", parent, {"labels": {"a": "1"}, "displayName": "e"})["response"]["name"]
    changed = api.ok("PATCH", engine, {"labels": labels}, updateMask=mask)["response"]
    assert (changed.get("labels"), changed["displayName"]) == (expected, "e")
    assert api.ok("GET", engine) == {key: changed[key] for key in changed if key != "@type"}


def test_a_label_that_a_path_adds_can_be_found(api: Api) -> None:
    """Filters know the labels as they are after the update."""
    session = make(api)
    api.ok("PATCH", session, {"labels": {"b": "2"}}, updateMask="labels.b")
    for text, count in (("labels.a=1", 1), ("labels.b=2", 1), ("labels.b=3", 0)):
        found = api.ok("GET", f"{api.engine}/sessions", filter=text)
        assert len(found.get("sessions", [])) == count


@pytest.mark.parametrize(
    ("mask", "labels"),
    [
        ("labels.A", {"A": "1"}),
        ("labels.``", {"": "1"}),
        ("labels.b", {"b": "x" * 65}),
        (",".join(f"labels.k{n}" for n in range(64)), {f"k{n}": "" for n in range(64)}),
    ],
    ids=["capital", "empty", "long", "too many"],
)
def test_a_label_that_a_path_adds_keeps_to_the_rules(
    api: Api, mask: str, labels: dict[str, str]
) -> None:
    """At most 64 labels in all, of lowercase letters: else 400, and nothing changes."""
    session = make(api)
    before = api.ok("GET", session)
    answer = api.call("PATCH", session, {"labels": labels}, updateMask=mask)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "labels" in answer.json["error"]["message"]
    assert api.ok("GET", session) == before


@pytest.mark.parametrize(
    "path", ["name", "createTime", "update_time", "nonsense", "events", "displayName.x"]
)
def test_a_path_that_cannot_be_changed_is_refused_by_name(api: Api, path: str) -> None:
    """Unknown or output-only path: 400 naming it, and nothing changes."""
    session = make(api)
    before = api.ok("GET", session)
    body = {"displayName": "new", "createTime": "2001-01-01T00:00:00Z"}
    answer = api.call("PATCH", session, body, updateMask=f"displayName,{path}")
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert path in answer.json["error"]["message"]
    assert api.ok("GET", session) == before


@pytest.mark.parametrize("mask", [None, "displayName", "userId,displayName", "user_id"])
def test_the_same_user_is_tolerated_in_an_update(api: Api, mask: str | None) -> None:
    """`userId` in the body: the same value is tolerated."""
    session = make(api)
    query = {"updateMask": mask} if mask else {}
    assert api.ok("PATCH", session, {"userId": "u"}, **query)["userId"] == "u"


def test_another_user_is_refused_in_an_update(api: Api) -> None:
    """`userId` is immutable: another value is 400 and changes nothing."""
    session = make(api)
    answer = api.call("PATCH", session, {"userId": "v", "displayName": "new"})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert api.ok("GET", session)["displayName"] == "old"


@pytest.mark.parametrize("user", [None, ""])
def test_an_unset_user_is_no_change_of_user(api: Api, user: str | None) -> None:
    """In proto3 JSON null and the empty string are an unset field, not another value."""
    session = make(api)
    body = {"userId": user, "displayName": "new"}
    assert api.ok("PATCH", session, body)["displayName"] == "new"


def test_null_fields_are_not_populated(api: Api) -> None:
    """A null is unset in proto3 JSON: without a mask it changes nothing."""
    session = make(api)
    before = api.ok("GET", session)
    body = dict.fromkeys(("displayName", "labels", "sessionState", "ttl", "expireTime", "name"))
    after = api.ok("PATCH", session, body)
    assert {**after, "updateTime": before["updateTime"]} == before


def test_setting_a_ttl_replaces_the_expire_time(api: Api) -> None:
    """Setting ttl or expireTime replaces the other; ttl counts from now."""
    session = make(api)
    api.now += SECOND
    assert api.ok("PATCH", session, {"ttl": "172800s"})["expireTime"] == "2026-11-24T00:00:01Z"
    answer = api.ok("PATCH", session, {"expireTime": "2030-01-01T00:00:00.000000001Z"})
    assert answer["expireTime"] == "2030-01-01T00:00:00.000000001Z"
    answer = api.ok("PATCH", session, {"ttl": "86400s", "displayName": "x"}, updateMask="ttl")
    assert (answer["expireTime"], answer["displayName"]) == ("2026-11-23T00:00:01Z", "old")


def test_the_least_life_counts_from_the_creation(api: Api) -> None:
    """Minimum 24 h from creation: an older session may be given one more hour, either way."""
    session = api.create()
    api.now += 3 * DAY
    answer = api.ok("PATCH", session, {"expireTime": "2026-11-25T01:00:00Z"})
    assert answer["expireTime"] == "2026-11-25T01:00:00Z"
    assert api.ok("PATCH", session, {"ttl": "7200s"})["expireTime"] == "2026-11-25T02:00:00Z"


@pytest.mark.parametrize(
    "body",
    [
        {"ttl": "90000s", "expireTime": "2030-01-01T00:00:00Z"},
        {"expireTime": "2026-11-21T23:59:59Z"},
        {"expireTime": "2026-11-22T00:00:01Z"},
        {"ttl": "1s"},
        {"ttl": "-90000s"},
    ],
    ids=str,
)
def test_a_life_that_create_refuses_is_refused_by_update_too(
    api: Api, body: dict[str, str]
) -> None:
    """Both at once, a past expireTime, or less than MIN_TTL: 400, and nothing changes."""
    session = make(api)
    before = api.ok("GET", session)
    assert api.call("PATCH", session, body).status == 400
    assert api.ok("GET", session) == before


def test_an_update_seeds_shared_state(api: Api) -> None:
    """app: and user: keys of patch's sessionState reach the other sessions; temp: reaches none."""
    session, other = make(api), api.create()
    state = {"app:a": 1, "user:b": 2, "temp:c": 3, "d": 4}
    answer = api.ok("PATCH", session, {"sessionState": state})
    assert answer["sessionState"] == {"app:a": 1, "user:b": 2, "d": 4}
    assert api.state(other) == {"app:a": 1, "user:b": 2}


def test_a_missing_session_cannot_be_updated(api: Api) -> None:
    """Patch does not create: 404."""
    answer = api.call("PATCH", f"{api.engine}/sessions/none", {"displayName": "x"})
    assert answer.status == 404
    assert answer.json["error"]["message"] == f"Session {api.engine}/sessions/none not found."


def test_a_session_id_parameter_is_accepted_with_an_update(api: Api) -> None:
    """The client of vertexai sends sessionId with an update, too; the path decides."""
    session = make(api)
    answer = api.ok("PATCH", session, {"displayName": "n"}, updateMask="displayName", sessionId="q")
    assert (answer["name"], answer["displayName"]) == (session, "n")


def test_a_star_excuses_no_other_path(api: Api) -> None:
    """Unknown or output-only path: 400 naming it, on either side of a star."""
    session = make(api)
    for mask in ("*,nonsense", "nonsense,*", "*,name"):
        answer = api.call("PATCH", session, {}, updateMask=mask)
        assert answer.status == 400, mask
