"""A page token serves its own list only.

See docs/contract.md, section 6.
"""

import base64

import pytest

from functions.aip.page_token import encode_page_token
from tests.support.api import Api
from tests.support.project import LOCATION


@pytest.fixture
def token(api: Api) -> str:
    """The token of a list of sessions by create_time of user u."""
    for session in "abcd":
        api.create(session)
        api.append(f"{api.engine}/sessions/{session}")
        api.append(f"{api.engine}/sessions/{session}")
    page = api.ok(
        "GET", f"{api.engine}/sessions", filter="user_id=u", orderBy="create_time", pageSize=2
    )
    result: str = page["nextPageToken"]
    return result


@pytest.mark.parametrize(
    "change",
    [
        {"filter": "user_id=v"},
        {"filter": ""},
        {"orderBy": "create_time desc"},
        {"orderBy": "update_time"},
        {"orderBy": ""},
    ],
    ids=str,
)
def test_a_token_is_refused_with_another_filter_or_order(
    api: Api, token: str, change: dict[str, str]
) -> None:
    """Refused with 400 when the filter or order changed."""
    query = {"filter": "user_id=u", "orderBy": "create_time", "pageToken": token}
    assert api.call("GET", f"{api.engine}/sessions", **query).status == 200
    answer = api.call("GET", f"{api.engine}/sessions", **{**query, **change})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "pageToken" in answer.json["error"]["message"]


def test_a_token_is_refused_under_another_parent(api: Api, token: str) -> None:
    """Refused with 400 when the parent changed: another engine, or the events of a session."""
    query = {"filter": "user_id=u", "orderBy": "create_time", "pageToken": token}
    assert api.call("GET", f"{api.engine}0/sessions", **query).status == 400
    sessions = [f"{api.engine}/sessions/{session}" for session in "ab"]
    page = api.ok("GET", f"{sessions[0]}/events", pageSize=1)
    assert api.call("GET", f"{sessions[1]}/events", pageToken=page["nextPageToken"]).status == 400
    assert api.call("GET", f"{api.engine}/sessions", pageToken=page["nextPageToken"]).status == 400
    assert api.call("GET", f"{sessions[0]}/events", pageToken=token).status == 400


def test_a_tampered_token_is_refused(api: Api, token: str) -> None:
    """Refused with 400 when tampered with, at whatever character."""
    query = {"filter": "user_id=u", "orderBy": "create_time"}
    other = {character: "B" if character != "B" else "C" for character in set(token)}
    tampered = [token[:at] + other[token[at]] + token[at + 1 :] for at in range(0, len(token), 3)]
    tampered += [token[:-1], token[1:], token + "A", token + "=", token + token, f" {token}"]
    tampered += ["x", "null", "0", "é", "%00", base64.urlsafe_b64encode(b"[1,2,3]").decode()]
    for text in tampered:
        answer = api.call("GET", f"{api.engine}/sessions", pageToken=text, **query)
        assert answer.status == 400, text


def test_a_token_is_opaque(api: Api, token: str) -> None:
    """A token needs no escaping in a URL."""
    assert token.replace("-", "").replace("_", "").isalnum()


FOREIGN: list[list[str | int]] = [
    [],
    [1],
    ["x", "y"],
    [1, 2],
    [2**63, "x"],
    ["x", 2**63],
    ["1", "2", "3"],
    [1, "x", 3, 4],
    [2**63, 2**63, 2**63, "x"],
]
"""Cursors that no store makes for any of the lists."""


@pytest.mark.parametrize("cursor", FOREIGN, ids=str)
def test_a_token_that_another_store_made_is_refused(api: Api, cursor: list[str | int]) -> None:
    """Its checksum is right, since the checksum is no secret, and its cursor means nothing here."""
    session = api.create()
    api.append(session)
    for path, parent, order in (
        (f"{api.engine}/sessions", api.engine, ("update_time", "desc")),
        (f"{LOCATION}/reasoningEngines/-/sessions", None, ("update_time", "desc")),
        (f"{session}/events", session, ("timestamp", "asc")),
        (f"{session}/runs", session, ("start_time", "asc")),
        (f"{LOCATION}/reasoningEngines", LOCATION, ("create_time", "asc")),
    ):
        scope = (parent or f"{LOCATION}/reasoningEngines/-", "", *order)
        answer = api.call("GET", path, pageToken=encode_page_token(cursor, *scope))
        assert (answer.status, "pageToken" in answer.text) == (400, True), (path, answer.text)
