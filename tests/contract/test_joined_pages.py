"""A page that the store joins from stored text has the bytes of one made item by item."""

import itertools
from typing import Any

import pytest

from tests.contract.callers import caller
from tests.contract.conftest import SECOND, Api

SESSIONS: list[dict[str, Any]] = [
    {},
    {"sessionState": {}},
    {"sessionState": {"a": ",", "b": None}},
    {"displayName": 'says "hi"\n\u0000\u2028', "labels": {"b": "1", "a": ""}},
    {"expireTime": "2030-01-01T00:00:00.000000001Z"},
    {"ttl": "315576000s", "sessionState": {"é": {"": [1, 9007199254740993]}}},
]
SHARED: list[dict[str, Any]] = [{}, {"app:x": 1}, {"user:y": ","}, {"app:x": {}, "user:y": []}]
LOOKS_AT_EACH = 'NOT display_name = "nobody\'s"'
"""A filter that every session passes, one by one."""


def pages(api: Api, path: str, **query: Any) -> list[str]:
    """The text of every page of a list, but for its token."""
    texts, token = [], ""
    while True:
        answer = api.call("GET", path, **query, **({"pageToken": token} if token else {}))
        assert answer.status == 200, answer.text
        token = answer.json.get("nextPageToken", "")
        texts.append(answer.text.partition(',"nextPageToken"')[0].removesuffix("}"))
        if not token:
            return texts


@pytest.mark.parametrize("shared", SHARED, ids=str)
@pytest.mark.parametrize("page_size", [1, 4, 6, 7, 100])
def test_sessions_are_answered_alike_whether_joined_or_looked_at(
    api: Api, page_size: int, shared: dict[str, Any]
) -> None:
    """With state of its own, of its user and of its engine, with some or without."""
    for number, fields in enumerate(SESSIONS):
        api.now += SECOND + number
        api.create(f"s{number}", **fields)
    api.append(f"{api.engine}/sessions/s2", actions={"stateDelta": shared})
    api.ok("PATCH", f"{api.engine}/sessions/s1", {"displayName": "changed"})
    api.create("of-another", user="v")
    path = f"{api.engine}/sessions"
    for order in ("create_time", "create_time desc", "update_time desc", "update_time"):
        query = {"orderBy": order, "pageSize": page_size}
        joined = pages(api, path, **query)
        assert joined == pages(api, path, **query, filter=LOOKS_AT_EACH)
        of_user = pages(api, path, **query, filter='user_id = "u"')
        assert of_user == pages(api, path, **query, filter='user_id = "u" AND NOT user_id = "v"')


@pytest.mark.parametrize("page_size", [13, 100, 101, 102, 201, 202, 203, 204, 1000])
def test_events_are_answered_alike_whether_joined_or_looked_at(api: Api, page_size: int) -> None:
    """In either direction, with equal timestamps among others."""
    session = api.create("s")
    times = itertools.cycle(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000001Z"])
    for number in range(203):
        time = next(times)
        api.append(session, time, content={"parts": [{"text": f'{number}\n","'}]})
    for order in ("timestamp", "timestamp desc"):
        query = {"orderBy": order, "pageSize": page_size}
        joined = pages(api, f"{session}/events", **query)
        assert joined == pages(api, f"{session}/events", **query, filter='NOT author = "nobody"')


def test_a_page_ends_by_its_bytes_whether_joined_or_looked_at(api: Api) -> None:
    """Large items come to pages of eight megabytes at most."""
    session = api.create("s")
    for number in range(11):
        large = {"parts": [{"text": f"{number}" + "x" * 900_000}]}
        assert api.append(session, content=large).status == 200
    joined = pages(api, f"{session}/events")
    assert len(joined) > 1
    assert joined == pages(api, f"{session}/events", filter='NOT author = "nobody"')


def test_a_session_that_expires_leaves_joined_pages_at_once(api: Api) -> None:
    """And one that was deleted."""
    api.create("stays")
    api.create("goes", ttl="86400s")
    api.create("deleted")
    api.ok("DELETE", f"{api.engine}/sessions/deleted")
    api.now += 86_400 * SECOND
    (page,) = pages(api, f"{api.engine}/sessions")
    assert page.count('"name"') == 1


def test_the_role_user_sees_its_own_sessions_in_joined_pages(api: Api) -> None:
    """Whatever the filter says."""
    api.create("mine", user="user-1")
    api.create("theirs", user="user-2")
    someone = caller(api, "user-1")
    path = f"{api.engine}/sessions"
    assert [page.count("mine") for page in pages(someone, path)] == [1]
    for text in ("", 'user_id = "user-2"', 'user_id = "user-1"'):
        assert "theirs" not in "".join(pages(someone, path, filter=text))
