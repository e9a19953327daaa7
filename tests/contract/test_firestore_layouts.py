"""Firestore's sessions move from one layout to another beside servers that know only the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from functions.aip.timestamp import parse_timestamp
from functions.store.firestore.layouts import FORMER, Layout
from functions.store.firestore.migration import PATH, ROLLOUT
from functions.store.firestore.protobuf import Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.schema import BEFORE_SHARDS, STEPS
from functions.store.firestore.values import nanoseconds
from tests.support.api import SECOND, Api
from tests.support.firestore.databases import EVERYWHERE, NEWEST, Database, never
from tests.support.firestore.version_1 import ENGINES

pytestmark = pytest.mark.usefixtures("small_batches")

QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"filter": 'user_id="u"'},
    {"filter": 'labels.k="v"'},
    {"filter": 'labels.k="v" AND display_name="d"'},
)
ORDERS = ("update_time", "update_time desc", "create_time", "create_time desc")


def lists(api: Api) -> dict[str, list[str]]:
    """The ids of each list, walked in pages of two."""
    return {
        f"{path} {query} {order}": [
            session["name"].rpartition("/")[2]
            for session in api.walk(path, "sessions", pageSize="2", orderBy=order, **query)
        ]
        for path in (f"{ENGINES[0]}/sessions", EVERYWHERE)
        for query in QUERIES
        for order in ("update_time desc", "create_time")
    }


def fill(api: Api) -> list[str]:
    """Seven sessions, a second apart, of which the second one moved last."""
    names = []
    for number in range(7):
        api.now += SECOND
        fields: dict[str, Any] = {"labels": {"k": "v" if number % 2 else "w"}}
        names.append(api.create(f"s{number}", displayName="d", **fields))
    api.now += SECOND
    assert api.append(names[1]).status == 200
    return names


def facets(database: Database, session: str) -> set[str]:
    """The facets of all layouts that a session's document has."""
    (found,) = database.rpc.batch_get([session])()
    assert found is not None
    return {
        item.string_value
        for field in ("facets", "shardFacets")
        for item in found.fields[field].array_value.values
    }


@contextmanager
def version_4(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What servers write is what those of version 4 wrote."""
    commit = Rpc.commit

    def without_shards(rpc: Rpc, writes: Any) -> Any:
        for write in writes:
            fields = write.update.fields
            for name in ("shardFacets", "updated", "purgeShard"):
                fields.pop(name, None)
                if name in write.update_mask.field_paths:
                    write.update_mask.field_paths.remove(name)
            kept = [each for each in write.update_transforms if each.field_path != "updated"]
            del write.update_transforms[:]
            write.update_transforms.extend(kept)
        return commit(rpc, writes)

    with monkeypatch.context() as patch:
        patch.setattr(Rpc, "commit", without_shards)
        patch.setattr(
            "functions.store.firestore.migration.Versions.layouts_to_write", lambda *_: (FORMER,)
        )
        yield


def migrate(database: Database, layout: Layout, **settings: Any) -> None:
    """Has a server of these settings purge until all documents are of its layout."""
    with serving(database, shards=layout.shards, indexed_labels=layout.labels) as api:
        api.call("GET", ENGINES[0])
        api.ok("POST", "sessions:purgeExpired")
    (state,) = database.rpc.batch_get([PATH])()
    assert state is not None
    assert state.fields["version"].integer_value == NEWEST
    assert state.fields["shards"].integer_value == layout.shards


@contextmanager
def serving(database: Database, **settings: Any) -> Iterator[Api]:
    """A new server with these settings."""
    with replace(database, settings=replace(database.settings, **settings)).serving() as api:
        yield api


def test_sessions_of_version_4_are_listed_before_and_after_the_migration(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists are the same at each version between the two, and find later sessions, too."""
    database.become(4)
    with database.serving() as api, version_4(monkeypatch):
        fill(api)
    with database.serving() as api:
        before = lists(api)
        assert set(map(len, before.values())) == {7, 3}
        steps = 0
        while database.version != NEWEST:
            api.store.purge(api.now, lambda: True)
            assert lists(api) == before
            steps += 1
        assert steps > len(STEPS) - 3
        assert lists(api) == before
    (found,) = database.rpc.batch_get([f"{ENGINES[0]}/sessions/s0"])()
    assert not {"facets", "updateTime"} & set(found.fields)


def test_servers_of_version_4_see_what_this_one_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the migration begins: what is created, renamed and appended to, in their own fields."""
    database.become(4)
    with database.serving() as api:
        names = fill(api)
        api.now += SECOND
        api.ok("PATCH", names[3], {"displayName": "e"})
        with monkeypatch.context() as patch:
            target = "functions.store.firestore.migration.Versions.layouts_to_list"
            theirs = {}
            patch.setattr(target, lambda *_: (FORMER,))
            theirs = lists(api)
        assert theirs == lists(api)
        assert theirs[f"{EVERYWHERE} {{}} update_time desc"][:3] == ["s3", "s1", "s6"]
    (found,) = database.rpc.batch_get([names[3]])()
    assert nanoseconds(found.fields["updateTime"].timestamp_value) == api.now


def test_a_session_that_a_server_of_version_4_changes_is_found_where_it_stands(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the migration is through; it then stands by the later of its two times."""
    database.become(4)
    with database.serving() as api:
        names = fill(api)
        with version_4(monkeypatch):
            api.now += SECOND
            assert api.append(names[4]).status == 200
            api.ok("PATCH", names[5], {"labels": {"k": "w"}})
            api.create("s7")
        before = lists(api)
        assert before[f"{EVERYWHERE} {{}} update_time desc"][:3] == ["s7", "s5", "s4"]
        assert "s5" not in before[f"{EVERYWHERE} {QUERIES[2]} create_time"]
        api.store.purge(api.now, never)
        assert database.version == NEWEST
        assert lists(api) == before


def test_a_walk_by_update_time_goes_on_through_the_migration(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its later pages are read as documents were at its first page."""
    database.become(4)
    with database.serving() as api, version_4(monkeypatch):
        names = fill(api)
    with database.serving() as api:
        query = {"orderBy": "update_time", "pageSize": "3"}
        page = api.ok("GET", f"{ENGINES[0]}/sessions", **query)
        found = [session["name"] for session in page["sessions"]]
        api.store.purge(api.now, never)
        assert database.version == NEWEST
        assert api.append(names[6]).status == 200
        while token := page.get("nextPageToken"):
            page = api.ok("GET", f"{ENGINES[0]}/sessions", pageToken=token, **query)
            found += [session["name"] for session in page["sessions"]]
    assert found == [names[number] for number in (0, 2, 3, 4, 5, 6, 1)]


@pytest.mark.parametrize(
    "layout", [Layout(70), Layout(1), Layout(30, "k"), Layout(30, "-"), Layout(45, "a,k")], ids=str
)
def test_a_change_of_the_settings_moves_all_sessions(database: Database, layout: Layout) -> None:
    """Lists are the same before, meanwhile and afterwards; documents keep the new facets alone."""
    with database.serving() as api:
        names = fill(api)
        before = lists(api)
    former = facets(database, names[1])
    assert len(former) == 4
    with serving(database, shards=layout.shards, indexed_labels=layout.labels) as api:
        api.now += ROLLOUT
        assert lists(api) == before
        assert database.version == BEFORE_SHARDS
        assert api.append(names[0]).status == 200
        api.create("s7", displayName="d", labels={"k": "v"})
        before = lists(api)
        while database.version != NEWEST:
            api.store.purge(api.now, lambda: True)
            assert lists(api) == before
    after = facets(database, names[1])
    assert all(text.endswith(f"/{layout.shards}") for text in after)
    assert any(text.startswith("labels.k=v#") for text in after) == layout.has_facet("labels", "k")
    assert len(after) == 3 + layout.has_facet("labels", "k")


def test_servers_with_the_former_settings_serve_on_while_they_change(database: Database) -> None:
    """They list what the others write, and the others list what they write."""
    with database.serving() as former, serving(database, shards=45) as latter:
        fill(former)
        lists(latter)
        latter.create("s7")
        former.create("s8")
        assert lists(former) == lists(latter)
        assert len(lists(former)[f"{EVERYWHERE} {{}} create_time"]) == 9
        latter.store.purge(latter.now, never)
        assert database.version == NEWEST
        assert len(lists(latter)[f"{EVERYWHERE} {{}} create_time"]) == 9


def test_more_than_thirty_shards_are_one_list(database: Database) -> None:
    """Sessions of a hundred shards come in one order, each exactly once, in pages of any size."""
    with serving(database, shards=100) as api:
        names = []
        for number in range(40):
            api.now += 1000 * (number % 3)
            names.append(api.create(f"s{number:02}"))
        for size in ("1", "7", "100"):
            for order in ORDERS:
                path = f"{ENGINES[0]}/sessions"
                found = api.walk(path, "sessions", pageSize=size, orderBy=order)
                field = "updateTime" if "update" in order else "createTime"
                places = [(parse_timestamp(each[field]), each["name"]) for each in found]
                assert places == sorted(places, reverse="desc" in order)
                assert sorted(name for _, name in places) == sorted(names)


def test_a_database_that_forgot_its_version_lists_sessions_of_every_layout(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import brings back documents of an earlier version beside those of this one."""
    with database.serving() as api:
        fill(api)
        with version_4(monkeypatch):
            api.now += SECOND
            api.create("s7")
    database.rpc.commit([Write(delete=f"{database.rpc.root}/{PATH}")])
    database.become(4)
    with database.serving() as api:
        before = lists(api)
        assert before[f"{EVERYWHERE} {{}} update_time desc"][:2] == ["s7", "s1"]
        assert set(map(len, before.values())) == {8, 3}
        api.store.purge(api.now, never)
        assert lists(api) == before


def test_a_process_that_slept_through_a_change_learns_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While documents change, a writer asks for the version again after a minute."""
    database.become(4)
    with database.serving() as api:
        api.call("GET", ENGINES[0])
        with database.serving() as other:
            other.store.purge(other.now, never)
        assert database.version == NEWEST
        session = api.create()
        assert any("#" not in text for text in facets(database, session))
        monkeypatch.setattr("functions.store.firestore.migration._REMEMBERED", -1.0)
        session = api.create()
        assert all("#" in text for text in facets(database, session))


@pytest.mark.parametrize("stored", [5 * SECOND, -5 * SECOND], ids=["later", "earlier"])
def test_an_append_moves_update_time_forward_whatever_the_clock(
    database: Database, stored: int
) -> None:
    """By a microsecond where another server's clock is ahead; createTime is never behind it."""
    with database.serving() as api:
        session = api.create()
        created = api.ok("GET", session)
        api.now += stored
        assert api.append(session).status == 200
        moved = api.ok("GET", session)
        assert moved["updateTime"] > created["updateTime"]
        assert api.append(session).status == 200
        assert api.ok("GET", session)["updateTime"] > moved["updateTime"]
        api.now -= 10 * SECOND
        renamed = api.ok("PATCH", session, {"displayName": "x"})
        assert renamed["updateTime"] > moved["updateTime"]
        assert api.ok("GET", session) == renamed
