"""Sessions of an earlier version on Firestore get their counts, and their users documents."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from functions.store.firestore import Layout
from functions.store.firestore.counting_former import count_former
from functions.store.firestore.documents import user_path
from functions.store.firestore.migration import ROLLOUT, MigrationUnderWay, Versions
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.queries import documents_by_name
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.schema import WITH_HISTORY, WITH_SHARDS_ALONE
from functions.store.firestore.values import creation, document, nanoseconds, timestamp, update
from tests.support.api import START, Api
from tests.support.firestore.databases import NEWEST, Database, never
from tests.support.firestore.version_1 import ENGINES, SESSIONS, load
from tests.support.project import LOCATION

COUNTS = ("eventCount", "usage", "lastEventTime")
FORMER = 5
"""Events that each session of the database of version 1 has."""

USAGE = '"rawEvent":{"usageMetadata":{"promptTokenCount":7,"total_token_count":9}}}'

pytestmark = pytest.mark.usefixtures("small_batches")


class Killed(BaseException):
    """Nothing of the server goes on."""


@pytest.fixture
def old(database: Database) -> Database:
    """A database of version 1; one event of its first session says what it took of tokens."""
    load(database.rpc)
    path = f"{database.rpc.root}/{SESSIONS[0]}/events/said"
    database.rpc.commit([creation(path, {"key": "0" * 42, "text": f'"author":"a",{USAGE}'})])
    return database


def facts(api: Api, session: str) -> dict[str, Any]:
    """What a session counts."""
    found = api.ok("GET", session, view="FULL")
    return {name: found[name] for name in COUNTS if name in found}


def append(api: Api, session: str, tokens: int) -> None:
    answer = api.append(
        session, "2026-06-01T00:00:00Z", rawEvent={"usageMetadata": {"promptTokenCount": tokens}}
    )
    assert answer.status == 200, answer.text


@contextmanager
def before_counting(meddle: Callable[[], object]) -> Iterator[None]:
    """Before the first commit that ends the counting of a session, somebody else does something."""
    commit, meddlers = Rpc.commit, [meddle]

    def commit_after_others(rpc: Rpc, writes: Any) -> Any:
        if meddlers and "counted" in writes[0].update_mask.field_paths:
            meddlers.pop()()
        return commit(rpc, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", commit_after_others)
        yield
    assert not meddlers


def test_counts_are_left_out_until_they_are_complete(old: Database) -> None:
    """The etag is there at once; events that come before the migration count with the others."""
    with old.serving() as api:
        append(api, SESSIONS[0], 1)
        found = api.ok("GET", SESSIONS[0], view="FULL")
        assert found["etag"]
        assert facts(api, SESSIONS[0]) == {}
        listed = api.ok("GET", f"{ENGINES[0]}/sessions", view="FULL")["sessions"]
        assert not [session for session in listed if set(COUNTS) & set(session)]
        new = api.create("new")
        assert facts(api, new) == {"eventCount": 0}
    old.migrate()
    with old.serving() as api:
        assert facts(api, SESSIONS[0]) == {
            "eventCount": FORMER + 2,
            "usage": {"promptTokenCount": 8, "totalTokenCount": 9},
            "lastEventTime": "2026-06-01T00:00:00Z",
        }
        assert facts(api, SESSIONS[1]) == {
            "eventCount": FORMER,
            "lastEventTime": "2026-01-01T00:00:02Z",
        }
        assert facts(api, new) == {"eventCount": 0}


def test_a_session_that_is_written_meanwhile_counts_each_event_once(old: Database) -> None:
    """Between the reading of its events and the commit, others append; none counts twice."""
    with old.serving() as api:
        with before_counting(lambda: append(api, SESSIONS[3], 3)):
            old.migrate()
        for session in SESSIONS:
            expected = FORMER + (session in (SESSIONS[0], SESSIONS[3]))
            assert facts(api, session)["eventCount"] == expected
        assert facts(api, SESSIONS[3])["usage"] == {"promptTokenCount": 3}


def test_two_servers_that_count_at_a_time_count_each_event_once(old: Database) -> None:
    """One comes to the end of the migration between what the other reads and what it writes."""
    with old.serving() as other, before_counting(lambda: other.store.purge(other.now, never)):
        old.migrate()
    with old.serving() as api:
        counts = [facts(api, session)["eventCount"] for session in SESSIONS]
    assert counts == [FORMER + 1, FORMER, FORMER, FORMER]


@pytest.mark.parametrize("is_applied", [False, True], ids=["unapplied", "applied"])
def test_a_server_that_is_killed_at_any_commit_leaves_no_event_counted_twice(
    old: Database, monkeypatch: pytest.MonkeyPatch, is_applied: bool
) -> None:
    """One server a commit; the next one goes on."""
    monkeypatch.setattr("functions.store.firestore.migration._THREADS", 1)
    old.become(WITH_SHARDS_ALONE)
    commit = Rpc.commit
    for number in itertools.count():
        seen = itertools.count()

        def commit_or_die(
            rpc: Rpc, writes: Any, seen: Any = seen, last: int = number % 3 + 1
        ) -> Any:
            is_last = next(seen) == last
            if is_last and not is_applied:
                raise Killed
            answer = commit(rpc, writes)
            if is_last:
                raise Killed
            return answer

        with monkeypatch.context() as patch, old.serving() as api:
            patch.setattr(Rpc, "commit", commit_or_die)
            try:
                api.ok("POST", "sessions:purgeExpired")
            except Killed:
                continue
        break
    assert number > 2
    assert old.version == NEWEST
    with old.serving() as api:
        counts = [facts(api, session)["eventCount"] for session in SESSIONS]
    assert counts == [FORMER + 1, FORMER, FORMER, FORMER]


def test_events_of_another_life_do_not_count(old: Database) -> None:
    """A session that was deleted and created again under its name keeps its own counts."""
    with old.serving() as api:

        def replace_session() -> None:
            api.ok("DELETE", SESSIONS[1])
            api.engine = ENGINES[0]
            api.create(SESSIONS[1].rpartition("/")[2])
            append(api, SESSIONS[1], 2)

        with before_counting(replace_session):
            old.migrate()
        assert facts(api, SESSIONS[1]) == {
            "eventCount": 1,
            "usage": {"promptTokenCount": 2},
            "lastEventTime": "2026-06-01T00:00:00Z",
        }


def test_a_busy_session_is_counted_between_two_of_its_appends(old: Database) -> None:
    """The step reads the events of former versions once, however often it must try to commit."""
    with old.serving() as api:
        (found,) = old.rpc.batch_get([SESSIONS[2]])()
        for _ in range(2):
            append(api, SESSIONS[2], 1)
        reads = []
        run_query = Rpc.run_query

        def counting(rpc: Rpc, parent: str, *args: Any, **options: Any) -> Any:
            reads.append(parent)
            return run_query(rpc, parent, *args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Rpc, "run_query", counting)
            count_former(old.rpc, found)
        assert reads == [SESSIONS[2]]
        assert facts(api, SESSIONS[2])["eventCount"] == FORMER + 2


def test_each_user_has_a_document_that_says_since_when(old: Database) -> None:
    """That of the first session; for a user who has state alone, since the state is there."""
    path = f"{old.rpc.root}/{ENGINES[0]}/users/without"
    old.rpc.commit([Write(update=document(path, {"userId": "alone"}))])
    old.migrate()
    users = {
        (engine, found.fields["userId"].string_value): found
        for engine in ENGINES
        for found in users_of(old.rpc, engine)
    }
    assert set(users) == {*((engine, "u") for engine in ENGINES), (ENGINES[0], "alone")}
    sessions = dict(zip(SESSIONS, old.rpc.batch_get(SESSIONS)(), strict=True))
    for engine in ENGINES:
        since = [
            nanoseconds(found.fields["createTime"].timestamp_value)
            for name, found in sessions.items()
            if found is not None and name.startswith(f"{engine}/")
        ]
        created = users[engine, "u"].fields["createTime"].timestamp_value
        assert nanoseconds(created) == min(since)
    alone = users[ENGINES[0], "alone"]
    assert alone.fields["createTime"].timestamp_value == alone.create_time


def users_of(rpc: Rpc, engine: str) -> list[Document]:
    """The documents of an engine's users."""
    query = documents_by_name("users", ("userId", "createTime"), 0, "", everywhere=False)
    return [found for found, _ in rpc.run_query(engine, query) if found is not None]


def test_what_needs_the_counts_waits_for_the_migration(old: Database) -> None:
    """Until it is through, the methods that build on it answer that the migration is under way."""
    versions = Versions(layout_of(old))
    with pytest.raises(MigrationUnderWay):
        versions.require(old.rpc, WITH_HISTORY)
    old.migrate()
    versions.require(old.rpc, WITH_HISTORY)


def layout_of(database: Database) -> Layout:
    """The layout of a database's settings."""
    return Layout(database.settings.shards, database.settings.indexed_labels)


def test_a_change_of_the_layout_keeps_the_counts(database: Database) -> None:
    """While sessions move to other shards, what needs their counts goes on."""
    with database.serving() as api:
        session = api.create("s")
        append(api, session, 1)
    other = replace(database.settings, shards=7)
    versions = Versions(replace(layout_of(database), shards=7))
    versions.open(database.rpc)
    assert database.version is not None
    assert database.version < WITH_SHARDS_ALONE
    versions.require(database.rpc, WITH_HISTORY)
    with Database(other, database.rpc).serving() as api:
        assert facts(api, session)["eventCount"] == 1
        api.now = max(api.now, START) + 2 * ROLLOUT
        api.ok("POST", "sessions:purgeExpired")
        assert database.version == NEWEST
        assert facts(api, session)["eventCount"] == 1
        assert api.ok("GET", f"{LOCATION}/reasoningEngines/1/sessions")["sessions"]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_user_is_there_since_the_first_of_sessions_that_are_counted_at_once(
    old: Database, is_there: bool
) -> None:
    """The step of another session writes its earlier time between the read and the commit."""
    path = user_path(ENGINES[0], "u")
    name = f"{old.rpc.root}/{path}"
    # A document of version 1 has the user's state alone.
    old.rpc.commit(
        [Write(update=document(name, {"state": {}})) if is_there else Write(delete=name)]
    )
    earlier = {"userId": "u", "createTime": timestamp(1_000)}
    write = update(name, earlier, earlier) if is_there else creation(name, earlier)
    (session,) = old.rpc.batch_get(SESSIONS[:1])()
    with before_counting(lambda: old.rpc.commit([write])):
        count_former(old.rpc, session)
    (user,) = old.rpc.batch_get([path])()
    assert user is not None
    assert nanoseconds(user.fields["createTime"].timestamp_value) == 1_000
