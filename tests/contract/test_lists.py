"""What lists answer, in which order, and how large a page may be.

See docs/contract.md, section 6.
"""

from typing import Any

import pytest

from tests.support.api import SECOND, Api

PAGE_BYTES = 8 * 2**20


def ids(items: list[dict[str, Any]]) -> str:
    """The last segments of the names, joined."""
    return "".join(item["name"].rpartition("/")[2] for item in items)


def three(api: Api) -> None:
    """Sessions a, b, c, created in this order and updated in the order c, a, b."""
    for session in "abc":
        api.create(session)
        api.now += SECOND
    for session in "ab":
        assert api.append(f"{api.engine}/sessions/{session}").status == 200
        api.now += SECOND


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "bac"),
        ("update_time desc", "bac"),
        ("updateTime desc", "bac"),
        ("update_time", "cab"),
        ("updateTime", "cab"),
        ("create_time", "abc"),
        ("createTime", "abc"),
        ("create_time desc", "cba"),
        ("createTime  desc", "cba"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_sessions_have_an_order(api: Api, order: str, expected: str, size: int) -> None:
    """`update_time desc` by default; orderBy `create_time` or `update_time`, optional ` desc`."""
    three(api)
    query = {"orderBy": order} if order else {}
    walked = api.walk(f"{api.engine}/sessions", "sessions", pageSize=size, **query)
    assert ids(walked) == expected


@pytest.mark.parametrize("order", ["name", "create_time up", "create_time,update_time", "labels"])
def test_an_order_that_sessions_do_not_have_is_refused(api: Api, order: str) -> None:
    """Any other orderBy is 400."""
    assert api.call("GET", f"{api.engine}/sessions", orderBy=order).status == 400


@pytest.mark.parametrize("order", ["author", "create_time", "timestamp up"])
def test_an_order_that_events_do_not_have_is_refused(api: Api, order: str) -> None:
    """Events know `timestamp`, ascending or descending, only."""
    assert api.call("GET", f"{api.create()}/events", orderBy=order).status == 400


def test_an_empty_list_is_an_empty_object(api: Api) -> None:
    """An empty list is `{}`, with or without a filter."""
    assert api.call("GET", f"{api.engine}/sessions").text == "{}"
    session = api.create()
    assert api.call("GET", f"{session}/events").text == "{}"
    assert api.call("GET", f"{api.engine}/sessions", filter='user_id="nobody"').text == "{}"


def test_the_last_page_has_no_token(api: Api) -> None:
    """There is no `nextPageToken` key on the last page, be it full or not."""
    session = api.create()
    for _ in range(4):
        api.append(session)
    first = api.ok("GET", f"{session}/events", pageSize=2)
    last = api.ok("GET", f"{session}/events", pageSize=2, pageToken=first["nextPageToken"])
    assert len(last["sessionEvents"]) == 2
    assert "nextPageToken" not in last
    assert "nextPageToken" not in api.ok("GET", f"{session}/events", pageSize=4)


@pytest.mark.parametrize("query", [{}, {"pageSize": 0}, {"pageSize": 100}, {"pageSize": 5000}])
def test_a_page_of_sessions_holds_a_hundred(api: Api, query: dict[str, int]) -> None:
    """Default 100; sessions above 100 are capped at 100."""
    for _ in range(101):
        api.create()
    page = api.ok("GET", f"{api.engine}/sessions", **query)
    assert len(page["sessions"]) == 100
    rest = api.ok("GET", f"{api.engine}/sessions", pageToken=page["nextPageToken"], **query)
    assert len(rest["sessions"]) == 1


def test_a_page_of_events_holds_a_hundred_unless_asked_for_up_to_a_thousand(api: Api) -> None:
    """Default 100; events above 1000 are capped at 1000."""
    session = api.create()
    for _ in range(1001):
        api.append(session)
    for query, expected in (({}, 100), ({"pageSize": 0}, 100), ({"pageSize": 2000}, 1000)):
        page = api.ok("GET", f"{session}/events", **query)
        assert len(page["sessionEvents"]) == expected
        assert page["nextPageToken"]


@pytest.mark.parametrize("size", [-1, "x", "1.5", "1e2"])
@pytest.mark.parametrize("field", ["pageSize", "page_size"])
def test_a_page_size_is_a_number_of_items(api: Api, field: str, size: object) -> None:
    """A negative page size is 400, and so is what is no integer."""
    session = api.create()
    for path in (f"{api.engine}/sessions", f"{session}/events"):
        answer = api.call("GET", path, **{field: size})
        assert answer.status == 400
        assert "pageSize" in answer.json["error"]["message"]


def check_pages(api: Api, path: str, field: str, expected: int, **query: Any) -> None:
    """Walks a list and holds every page to the limit; no page but the last may be half empty."""
    token, found = "", 0
    while True:
        answer = api.call("GET", path, **query, **({"pageToken": token} if token else {}))
        assert answer.status == 200, answer.text[:300]
        assert len(answer.text.encode()) <= PAGE_BYTES
        found += len(answer.json[field])
        token = answer.json.get("nextPageToken", "")
        if not token:
            break
        assert len(answer.text.encode()) > PAGE_BYTES / 2
    assert found == expected


def test_a_page_of_large_events_ends_before_8_mib(api: Api) -> None:
    """A page also ends early, with a token, where its body would pass 8 MiB."""
    session = api.create()
    for _ in range(20):
        part = {"text": "x" * 500_000}
        assert api.append(session, content={"parts": [part]}).status == 200
    check_pages(api, f"{session}/events", "sessionEvents", 20)


def test_the_names_of_events_count_towards_the_8_mib(api: Api) -> None:
    """The body must not pass 8 MiB: 16 events of half a MiB, and what surrounds them, do."""
    session = api.create()
    for _ in range(16):
        event: dict[str, Any] = {"content": {"parts": [{"text": "x" * (2**19 - 170)}]}}
        assert api.append(session, **event).status == 200
    check_pages(api, f"{session}/events", "sessionEvents", 16)


def test_a_page_of_large_sessions_ends_before_8_mib(api: Api) -> None:
    """A page of sessions ends early, too, and text beyond ASCII counts in bytes."""
    for _ in range(20):
        api.create(sessionState={"k": "é" * 250_000})
    check_pages(api, f"{api.engine}/sessions", "sessions", 20)


def test_shared_state_counts_towards_the_8_mib(api: Api) -> None:
    """Shared state is in every session of the page, and so in the size of its body."""
    api.create(sessionState={"app:a": "x" * 400_000, "user:b": "y" * 400_000})
    for _ in range(19):
        api.create()
    check_pages(api, f"{api.engine}/sessions", "sessions", 20)
