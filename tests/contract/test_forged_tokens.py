"""Tokens that callers make up, with their checksums: refused, whatever is in them."""

from typing import Any

import pytest

from functions.aip.ordering import OrderBy
from functions.aip.page_token import encode_page_token
from functions.calls.request import page_scope
from tests.support.api import Api
from tests.support.errors import check
from tests.support.project import LOCATION
from tests.support.roles import caller

CURSORS: list[list[Any]] = [
    ["x"],
    [0],
    ["", ""],
    [1, 2, 3, 4, 5],
    [0, 0, "x", "y"],
    [2**70, 2**70, 2**70, "s"],
    [0, 2**70, "s"],
    [2**70, "s"],
    ["0", 2**70],
    [0, "\ud800"],
    ["\ud800"],
]
LISTS = [
    ("{engine}/sessions", "update_time", True),
    ("{engine}/sessions", "create_time", False),
    ("{location}/reasoningEngines/-/sessions", "update_time", True),
    ("{engine}/sessions/s/events", "timestamp", False),
    ("{engine}/sessions/s/runs", "start_time", False),
    ("{location}/reasoningEngines", "create_time", False),
]


@pytest.mark.parametrize("cursor", CURSORS, ids=str)
@pytest.mark.parametrize(("path", "field", "descending"), LISTS, ids=str)
def test_a_page_token_of_another_make_is_refused(
    api: Api, path: str, field: str, descending: bool, cursor: list[Any]
) -> None:
    """Or goes on somewhere, where it has the form of one of ours."""
    api.append(api.create("s"))
    path = path.format(engine=api.engine, location=LOCATION)
    parent = path.rpartition("/")[0] if path != f"{LOCATION}/reasoningEngines" else LOCATION
    token = encode_page_token(cursor, *page_scope(parent, "", OrderBy(field, descending)))
    order = f"{field} desc" if descending else field
    query = (
        {}
        if field == "start_time" or path == f"{LOCATION}/reasoningEngines"
        else {"orderBy": order}
    )
    answer = api.call("GET", path, pageToken=token, **query)
    assert answer.status in (200, 400), answer.text
    if answer.status == 400:
        check(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("session", ["", "/", "a//b", "__x__", "a/b/c", "..", "\0", "é" * 2000])
@pytest.mark.parametrize("engine", ["1", "-"])
def test_a_page_token_behind_a_name_that_cannot_be_is_refused(
    api: Api, engine: str, session: str
) -> None:
    api.create("s")
    parent = f"{LOCATION}/reasoningEngines/{engine}" if engine == "-" else api.engine
    for cursor in ([0, 0, session], [0, 0, 0, session], [0, 0, parent, session]):
        for field in ("create_time", "update_time"):
            scope = page_scope(parent, "", OrderBy(field, True))
            token = encode_page_token(cursor, *scope)
            query = {"orderBy": f"{field} desc", "pageToken": token}
            answer = api.call("GET", f"{parent}/sessions", **query)
            assert answer.status in (200, 400), answer.text
    scope = page_scope(LOCATION, "", OrderBy("create_time", False))
    token = encode_page_token([0, session], *scope)
    answer = api.call("GET", f"{LOCATION}/reasoningEngines", pageToken=token)
    assert answer.status in (200, 400), answer.text


@pytest.mark.parametrize("cursor", CURSORS, ids=str)
def test_a_position_of_another_make_is_refused_by_streams(api: Api, cursor: list[Any]) -> None:
    session = api.create("s")
    is_of_a_store = list(map(type, cursor)) in ([int], [int, int])
    if not is_of_a_store:
        token = encode_page_token(cursor, "watch", session)
        check(api.call("GET", f"{session}/events:watch", pageToken=token), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "cursor",
    [
        ["d", "1", "", 2**80, "v1"],
        ["c", "1", "s", -(2**80), "v1"],
        ["c", "1/x", "s", 0, "v1"],
        ["c", "1", "s/x", 0, "v1"],
        ["e", "\ud800", "", 0, "v1"],
        ["c", "", "s", 0, "v1"],
        ["d", "1", "", 0, 'v1"'],
        ["x", "1", "", 0, "v1"],
        ["d", "1", "", "0" * 5000, "v1"],
        [],
    ],
    ids=lambda cursor: str(cursor)[:30],
)
def test_an_operation_that_could_not_be_is_not_found(api: Api, cursor: list[Any]) -> None:
    """Though its id has the checksum of one that was."""
    name = f"{LOCATION}/operations/{encode_page_token(cursor, 'operation', LOCATION)}"
    check(api.call("GET", name), 404, "NOT_FOUND")


def test_a_forged_token_is_refused_to_those_who_see_some_engines(api: Api) -> None:
    """Their list of engines is not the store's."""
    viewer = caller(api, "viewer")
    scope = page_scope(LOCATION, "", OrderBy("create_time", False))
    for cursor in CURSORS:
        token = encode_page_token(cursor, *scope)
        answer = viewer.call("GET", f"{LOCATION}/reasoningEngines", pageToken=token)
        assert answer.status in (200, 400), answer.text


@pytest.mark.parametrize(
    "inner",
    [
        "[" * 5000,
        '{"a":' * 1000,
        "[[1,2,3]]",
        "[{}]",
        "[null, 0, 0]",
        "9" * 5000,
        "NaN",
        "[0,0,1e400]",
        f"[{2**70},0,0,{2**70}]",
        '[0,0,0,"\\ud800"]',
        '["","",""]',
        "[]]",
        "",
        7,
    ],
    ids=lambda inner: str(inner)[:20],
)
def test_a_forged_token_of_a_merged_list_is_refused(api: Api, inner: str | int) -> None:
    """The cursor of a list over some engines holds one for each engine, as JSON."""
    viewer = caller(api, "viewer")
    api.create("s")
    path = f"{LOCATION}/reasoningEngines/-"
    for field in ("create_time", "update_time"):
        order = f"{field} desc"
        for cursor in ([api.engine, inner], [api.engine, "[]", api.engine, inner], [inner]):
            token = encode_page_token(cursor, *page_scope(path, "", OrderBy(field, True)))
            answer = viewer.call("GET", f"{path}/sessions", orderBy=order, pageToken=token)
            check(answer, 400, "INVALID_ARGUMENT")
