"""Lists over all engines of a location; see google.aip.dev/159."""

import itertools
import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.api import SECOND, START, Api
from tests.support.paging import ORDERS, tick

ENGINES = ("0", "10", "9", "A", "_", "a", "a-", "a-b", "a_b", "b")
"""Ids that sort otherwise by whole names: `a-b/…` before `a/…`."""


@pytest.fixture
def location(api: Api) -> str:
    """A location with nothing in it."""
    return f"{api.engine.partition('/reasoningEngines/')[0]}-{secrets.token_hex(8)}"


@pytest.fixture
def user() -> str:
    """Somebody of this test alone: a filter on Firestore finds users wherever they are."""
    return secrets.token_hex(8)


def create(api: Api, location: str, engine: str, session: str, **fields: Any) -> str:
    api.engine = f"{location}/reasoningEngines/{engine}"
    return api.create(session, **fields)


def listed(api: Api, location: str, **query: Any) -> list[str]:
    """The names of all sessions of the location, page by page."""
    return [name for page in pages(api, location, **query) for name in page]


def pages(api: Api, location: str, **query: Any) -> Iterator[list[str]]:
    """The names of each page's sessions; the caller may write in between."""
    token = {}
    while True:
        page = api.ok("GET", f"{location}/reasoningEngines/-/sessions", **query, **token)
        yield [session["name"] for session in page.get("sessions", [])]
        if "nextPageToken" not in page:
            return
        token = {"pageToken": page["nextPageToken"]}


def segments(name: str) -> list[str]:
    return name.split("/")


def test_a_location_lists_the_sessions_of_all_its_engines(api: Api, location: str) -> None:
    """Under their own names, the last updated first; other locations and projects have theirs."""
    names = []
    for engine in ("1", "2", "3"):
        for session in ("s", "t"):
            api.now += SECOND
            names.append(create(api, location, engine, session))
    create(api, f"{location}x", "1", "s")
    create(api, location.replace("projects/test-project/", "projects/other/"), "1", "s")
    assert listed(api, location) == names[::-1]
    sessions = api.ok("GET", f"{location}/reasoningEngines/-/sessions")["sessions"]
    assert sessions == [api.ok("GET", name) for name in names[::-1]]


def test_a_location_without_sessions_lists_none(api: Api, location: str) -> None:
    """An empty list is `{}`."""
    assert api.ok("GET", f"{location}/reasoningEngines/-/sessions") == {}


def test_the_short_form_means_the_configured_location(api: Api, location: str) -> None:
    """Express names resolve to the configured project and location; answers have full names."""
    name = create(api, location, "1", "s")
    configured = {"google_cloud_location": location.rpartition("/")[2]}
    api.settings = replace(api.settings, **configured)
    (session,) = api.ok("GET", "reasoningEngines/-/sessions")["sessions"]
    assert session["name"] == name


@pytest.mark.parametrize("text", ["", 'user_id="USER"'])
@pytest.mark.parametrize("order", ORDERS)
def test_ties_go_by_engine_then_by_session(
    api: Api, location: str, user: str, order: str, text: str
) -> None:
    """Segment by segment, in the order's direction, so that every store lists alike."""
    names = [
        create(api, location, engine, session, user=user)
        for engine in ENGINES
        for session in ("s", "-s", "S")
    ]
    names.sort(key=segments, reverse=order in ("", "update_time desc", "create_time desc"))
    query = {"orderBy": order} if order else {}
    query |= {"filter": text.replace("USER", user)} if text else {}
    assert listed(api, location, **query) == names
    assert listed(api, location, pageSize=4, **query) == names


@pytest.mark.parametrize("seed", range(2))
def test_a_list_is_what_a_plain_sort_makes_of_it(
    api: Api, location: str, user: str, seed: int
) -> None:
    """Many engines in two locations, few instants, users and lives: a model knows each list."""
    api.settings = replace(api.settings, min_ttl=0)
    dice = random.Random(seed)
    model: list[dict[str, Any]] = []
    elsewhere = f"{location}x"
    for number in range(20):
        api.now = START + dice.randrange(4) * SECOND
        place = dice.choice((location, location, location, elsewhere))
        whose, label = user + dice.choice("uvw"), user + dice.choice("xy")
        is_brief = dice.random() < 0.2
        name = create(
            api,
            place,
            dice.choice(ENGINES),
            f"s{number}",
            user=whose,
            labels={"k": label},
            ttl="60s" if is_brief else "86400s",
        )
        session = {"name": name, "user": whose, "label": label, "brief": is_brief}
        session["create_time"] = session["update_time"] = api.now
        if dice.random() < 0.3:
            api.now = START + (4 + dice.randrange(4)) * SECOND
            assert api.append(name).status == 200
            session["update_time"] = api.now
        model.append(session)
    api.now = START + 61 * SECOND + 4 * SECOND
    filters = {
        "": lambda session: True,
        f'user_id="{user}u"': lambda session: session["user"] == f"{user}u",
        f'labels.k="{user}x" AND NOT user_id="{user}v"': lambda session: (
            session["label"] == f"{user}x" and session["user"] != f"{user}v"
        ),
        f'user_id != "{user}w"': lambda session: session["user"] != f"{user}w",
    }
    for order, (text, matches) in itertools.product(ORDERS[1:], filters.items()):
        field, _, direction = order.partition(" ")
        found = [
            session
            for session in model
            if session["name"].startswith(f"{location}/") and not session["brief"]
        ]
        found.sort(key=lambda each: (each[field], segments(each["name"])), reverse=bool(direction))
        expected = [session["name"] for session in found if matches(session)]
        size = dice.randrange(2, 8)
        query = {"filter": text} if text else {}
        assert listed(api, location, orderBy=order, pageSize=size, **query) == expected, order


@pytest.mark.parametrize("text", ["", 'user_id="USER"'])
@pytest.mark.parametrize("order", ORDERS)
def test_a_walk_across_engines_sees_all_that_stay_once_whatever_happens(
    api: Api, location: str, user: str, order: str, text: str
) -> None:
    """Tokens survive deletes, appends, updates and creations between pages, in every engine."""
    created = []
    for number in range(15):
        tick(api)
        created.append(create(api, location, ENGINES[number % 5], f"s{number}", user=user))
        if number % 5 == 0:
            create(api, f"{location}x", "a", f"s{number}", user=user)
    query = {"orderBy": order} if order else {}
    query |= {"filter": text.replace("USER", user)} if text else {}
    unseen, seen, gone = set(created), [], set()
    for number, page in enumerate(pages(api, location, pageSize=3, **query)):
        seen += page
        unseen -= set(page)
        waiting = sorted(unseen)
        tick(api)
        if waiting:
            assert api.append(waiting[0]).status == 200
            api.ok("PATCH", waiting[-1], {"displayName": "moved"})
        if len(waiting) > 4:
            api.ok("DELETE", waiting[2])
            gone.add(waiting[2])
            unseen.discard(waiting[2])
        tick(api)
        assert api.append(page[0]).status == 200
        api.ok("DELETE", page[-1])
        tick(api)
        create(api, location, ENGINES[number % 7], f"new{number}", user=user)
        assert number < 20, "the walk does not end"
    old = [name for name in seen if name in created]
    assert sorted(old) == sorted(set(created) - gone)
    assert all(name.startswith(f"{location}/") for name in seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("order", ["update_time", "update_time desc"])
def test_a_walk_keeps_the_order_of_its_first_page(api: Api, location: str, order: str) -> None:
    """Sessions that moved since then come where they stood, among those of other engines."""
    names = []
    for number in range(9):
        tick(api)
        names.append(create(api, location, ENGINES[number * 4 % 9], "s"))
    expected = names[::-1] if "desc" in order else names
    walk = pages(api, location, orderBy=order, pageSize=2)
    seen = next(walk)
    for name in (expected[7], expected[4], expected[0], expected[2]):
        tick(api)
        assert api.append(name).status == 200
    for page in walk:
        seen += page
    assert seen == expected


def test_each_session_has_its_own_engines_and_users_state(api: Api, location: str) -> None:
    """app: and user: keys of one engine show in no other's sessions."""
    states = {}
    for engine, user in itertools.product("12", "uv"):
        api.now += SECOND
        state = {"own": f"{engine}{user}", "app:a": engine, "user:b": f"{engine}{user}"}
        name = create(api, location, engine, f"s{user}", user=user, sessionState=state)
        states[name] = state
    bare = create(api, location, "3", "s")
    sessions = api.ok("GET", f"{location}/reasoningEngines/-/sessions")["sessions"]
    assert {session["name"]: session.get("sessionState") for session in sessions} == {
        **states,
        bare: None,
    }


def test_expired_and_deleted_sessions_are_left_out(api: Api, location: str, user: str) -> None:
    """An expired session is gone, purged or not; a deleted engine takes its sessions along."""
    api.settings = replace(api.settings, min_ttl=0)
    kept = create(api, location, "1", "kept", user=user)
    create(api, location, "1", "brief", user=user, ttl="1s")
    api.ok("DELETE", create(api, location, "2", "deleted", user=user))
    parent = f"{location}/reasoningEngines"
    engine = api.ok("POST", parent, {"displayName": "e"})["response"]["name"]
    create(api, location, engine.rpartition("/")[2], "s", user=user)
    api.ok("DELETE", engine, force="true")
    api.now += SECOND
    assert listed(api, location) == [kept]
    assert listed(api, location, filter=f'user_id="{user}"') == [kept]


def test_a_token_serves_one_engine_or_all_of_them(api: Api, location: str) -> None:
    """Refused with 400 when the parent changed."""
    for session in "abc":
        create(api, location, "1", session)
    paths = [f"{location}/reasoningEngines/{engine}/sessions" for engine in ("1", "-")]
    tokens = [api.ok("GET", path, pageSize=1)["nextPageToken"] for path in paths]
    for path, token in zip(paths, tokens, strict=True):
        assert len(api.ok("GET", path, pageToken=token)["sessions"]) == 2
    assert api.call("GET", paths[0], pageToken=tokens[1]).status == 400
    assert api.call("GET", paths[1], pageToken=tokens[0]).status == 400
    assert (
        api.call("GET", f"{location}x/reasoningEngines/-/sessions", pageToken=tokens[1]).status
        == 400
    )


def test_all_engines_need_not_exist_where_engines_are_required(api: Api, location: str) -> None:
    """REQUIRE_ENGINE asks for an engine that is named; `-` names none."""
    name = create(api, location, "1", "s")
    api.settings = replace(api.settings, require_engine=True)
    assert listed(api, location) == [name]
    assert api.call("GET", f"{location}/reasoningEngines/1/sessions").status == 404


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/sessions"),
        ("GET", "/sessions/s"),
        ("PATCH", "/sessions/s"),
        ("DELETE", "/sessions/s"),
        ("POST", "/sessions/s:appendEvent"),
        ("POST", "/sessions/s:appendEvent?allowMissing=true&userId=u"),
        ("POST", "/sessions/-:appendEvent?allowMissing=true&userId=u"),
        ("GET", "/sessions/s/events"),
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
    ],
)
def test_only_lists_of_sessions_go_across_engines(
    api: Api, location: str, verb: str, path: str
) -> None:
    """For every other method `-` is no engine's name: 400."""
    create(api, location, "1", "s")
    body = {"userId": "u"} if path == "/sessions" else {}
    answer = api.call(verb, f"{location}/reasoningEngines/-{path}", body)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "resource name" in answer.json["error"]["message"]
