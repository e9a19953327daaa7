"""Page tokens: what stays is seen exactly once."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions.aip.ordering import OrderBy
from functions.aip.page_token import encode_page_token
from functions.calls.request import page_scope
from tests.support.api import SECOND, Api
from tests.support.paging import ORDERS, tick


def pages(api: Api, path: str, field: str, **query: Any) -> Iterator[list[str]]:
    """The last segments of the names of each page's items; the caller may write in between."""
    token = ""
    while True:
        page = api.ok("GET", path, **query, **({"pageToken": token} if token else {}))
        yield [item["name"].rpartition("/")[2] for item in page.get(field, [])]
        token = page.get("nextPageToken", "")
        if not token:
            return


@pytest.mark.parametrize("text", ["", 'user_id="u"'])
@pytest.mark.parametrize("order", ORDERS)
def test_a_walk_of_sessions_sees_all_that_stay_once_whatever_happens(
    api: Api, order: str, text: str
) -> None:
    """Tokens survive deletes, appends, updates and creations between pages."""
    created = [f"s{number:02}" for number in range(20)]
    for session in created:
        tick(api)
        api.create(session)
    query = {"orderBy": order} if order else {}
    if text:
        query["filter"] = text
    base = f"{api.engine}/sessions"
    unseen, seen, gone = set(created), [], set()
    for number, page in enumerate(pages(api, base, "sessions", pageSize=3, **query)):
        seen += page
        unseen -= set(page)
        waiting = sorted(unseen)
        tick(api)
        if waiting:
            assert api.append(f"{base}/{waiting[0]}").status == 200
            api.ok("PATCH", f"{base}/{waiting[-1]}", {"displayName": "moved"})
        if len(waiting) > 4:
            api.ok("DELETE", f"{base}/{waiting[2]}")
            gone.add(waiting[2])
            unseen.discard(waiting[2])
        tick(api)
        assert api.append(f"{base}/{page[0]}").status == 200
        api.ok("DELETE", f"{base}/{page[-1]}")
        tick(api)
        api.create(f"new{number}")
        assert number < 20, "the walk does not end"
    old = [session for session in seen if session in created]
    assert sorted(old) == sorted(set(created) - gone)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("order", ORDERS)
def test_a_walk_sees_sessions_of_one_instant_once(api: Api, order: str) -> None:
    """Ties are broken by something that stays."""
    for number in range(10):
        api.create(f"s{number}")
    query = {"orderBy": order} if order else {}
    names = [
        name
        for page in pages(api, f"{api.engine}/sessions", "sessions", pageSize=3, **query)
        for name in page
    ]
    assert sorted(names) == [f"s{number}" for number in range(10)]


def test_two_walks_at_a_time_do_not_disturb_each_other(api: Api) -> None:
    """Each walk sees every session once, though another began between its pages."""
    for number in range(9):
        tick(api)
        api.create(f"s{number}")
    base = f"{api.engine}/sessions"
    first, second = (pages(api, base, "sessions", pageSize=2) for _ in range(2))
    seen: tuple[list[str], list[str]] = ([], [])
    seen[0].extend(next(first))
    for number in (0, 8, 4):
        tick(api)
        api.append(f"{base}/s{number}")
        seen[1].extend(next(second))
        seen[0].extend(next(first))
    for walk, names in zip((first, second), seen, strict=True):
        for page in walk:
            names.extend(page)
        assert sorted(names) == [f"s{number}" for number in range(9)]


@pytest.mark.parametrize("step", [-3_600, -8, 8, 3_600])
@pytest.mark.parametrize("order", ["update_time", "update_time desc"])
def test_a_walk_sees_each_session_once_whatever_the_clocks_of_servers_show(
    api: Api, order: str, step: int
) -> None:
    """Sessions move while they are walked through, on a server whose clock goes wrong by seconds.

    So does an append whose body took that long to come, where `now` is the request's start.
    """
    names = [f"s{number}" for number in range(12)]
    for name in names:
        tick(api)
        api.create(name)
    walk = pages(api, f"{api.engine}/sessions", "sessions", pageSize=3, orderBy=order)
    seen = next(walk)
    waiting = [name for name in names if name not in seen]
    tick(api)
    api.now += step * SECOND
    for name in (seen[0], waiting[0], waiting[4], waiting[-1]):
        assert api.append(f"{api.engine}/sessions/{name}").status == 200
    tick(api)
    for page in walk:
        seen += page
    assert seen == (names[::-1] if "desc" in order else names)


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
@pytest.mark.parametrize("age", [10**9, -7_200])
def test_a_walk_that_firestore_has_forgotten_says_so(api: Api, age: int) -> None:
    """400 that tells to start again; the emulator remembers for longer than an hour."""
    api.create("s")
    moment = time.time_ns() // 1000 * 1000 - age * SECOND
    scope = page_scope(api.engine, "", OrderBy("update_time", True))
    token = encode_page_token([moment, moment, "t"], *scope)
    answer = api.call("GET", f"{api.engine}/sessions", pageToken=token)
    assert answer.status == 400
    assert "Start again without a token" in answer.json["error"]["message"]


@pytest.mark.parametrize("order", ["timestamp", "timestamp desc"])
def test_a_walk_of_events_sees_all_once_while_others_are_appended(api: Api, order: str) -> None:
    """Events that were there when the walk began are each seen exactly once."""
    session = api.create()
    for number in range(20):
        api.append(session, f"2026-01-01T00:00:{number // 4:02}Z", rawEvent={"n": number})
    old = [event["name"] for event in api.walk(f"{session}/events", "sessionEvents")]
    seen: list[str] = []
    for page in pages(api, f"{session}/events", "sessionEvents", pageSize=3, orderBy=order):
        seen += page
        assert len(seen) < 200
        if len(seen) < 60:
            for at in ("2025-01-01T00:00:00Z", "2026-01-01T00:00:02Z", "2027-01-01T00:00:00Z"):
                api.append(session, at)
    counts = [seen.count(name.rpartition("/")[2]) for name in old]
    assert counts == [1] * 20
    assert len(seen) == len(set(seen))


def test_the_page_size_may_change_between_pages(api: Api) -> None:
    """A token is bound to filter, order and parent, not to the page size."""
    for number in range(6):
        api.now += SECOND
        api.create(f"s{number}")
    path = f"{api.engine}/sessions"
    token = api.ok("GET", path, pageSize=1, orderBy="create_time")["nextPageToken"]
    page = api.ok("GET", path, pageSize=100, orderBy="create_time", pageToken=token)
    assert len(page["sessions"]) == 5


def test_a_walk_whose_session_is_deleted_ends_with_not_found(api: Api) -> None:
    """The events of a deleted session cannot be walked on."""
    session = api.create()
    for _ in range(3):
        api.append(session)
    page = api.ok("GET", f"{session}/events", pageSize=1)
    api.ok("DELETE", session)
    answer = api.call("GET", f"{session}/events", pageSize=1, pageToken=page["nextPageToken"])
    assert answer.status == 404
