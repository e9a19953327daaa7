"""Firestore's documents of earlier versions are brought up to date beside living servers."""

import itertools
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Self

import pytest

from functions.config.settings import Settings
from functions.messages.session_event import SessionEvent
from functions.rules.event_rules import new_event
from functions.rules.names import SessionName
from functions.store.firestore.documents import arrival_of
from functions.store.firestore.erasure import erase
from functions.store.firestore.migration import PATH, ROLLOUT
from functions.store.firestore.protobuf import Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.schema import NOTHING, STEPS, Step
from functions.store.firestore.values import creation, nanoseconds, update
from functions.store.opening import open_store
from functions.store.versions import NewerVersion
from tests.support.api import Api
from tests.support.budget import counted
from tests.support.firestore.databases import (
    EVERYWHERE,
    NEWEST,
    Database,
    never,
    new_store_url,
)
from tests.support.firestore.version_1 import ENGINES, SESSIONS, answers, dump, live, load, send
from tests.support.project import LOCATION
from tests.support.stores import PATIENCE
from tests.support.streams import next_events, reading

OVER = ("over", "deleted")
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
CALLS = (
    ("POST", f"{ENGINES[0]}/sessions", {"userId": "u"}),
    ("GET", SESSIONS[0], None),
    ("GET", f"{ENGINES[0]}/sessions", None),
    ("GET", EVERYWHERE, None),
    ("PATCH", SESSIONS[0], {"displayName": "x"}),
    ("DELETE", SESSIONS[0], None),
    ("DELETE", f"{LOCATION}/sessions/b", None),
    ("POST", f"{SESSIONS[0]}:appendEvent", EVENT),
    ("GET", f"{SESSIONS[0]}/events", None),
    ("GET", f"{SESSIONS[0]}/events:watch", None),
    ("GET", f"{SESSIONS[0]}/runs", None),
    ("GET", f"{SESSIONS[0]}/runs/run1", None),
    ("POST", f"{LOCATION}/reasoningEngines", {}),
    ("GET", f"{LOCATION}/reasoningEngines", None),
    ("DELETE", f"{ENGINES[0]}?force=true", None),
    ("POST", "sessions:purgeExpired", None),
)

pytestmark = pytest.mark.usefixtures("small_batches")


@pytest.fixture
def old(database: Database) -> Database:
    """One of version 1, from before databases said their version."""
    load(database.rpc)
    return database


def everywhere(api: Api) -> list[str]:
    """The names of all sessions of the location."""
    found = api.walk(EVERYWHERE, "sessions", pageSize="2", orderBy="create_time")
    return [session["name"] for session in found]


def streamed(api: Api, session: str, count: int) -> list[str]:
    """The names of a session's first events, as a stream has them."""
    with reading(api, session) as reader:
        return [event.id for _, event in next_events(api, reader, count)]


def listed(api: Api, session: str) -> list[str]:
    found = api.walk(f"{session}/events", "sessionEvents")
    return [event["name"].rpartition("/")[2] for event in found]


def is_complete(api: Api) -> bool:
    """Whether lists over all engines and streams have everything."""
    here = [name for name in SESSIONS if name.startswith(LOCATION)]
    streams = (streamed(api, name, 5) == listed(api, name) for name in SESSIONS)
    return everywhere(api) == here and all(streams)


def said(api: Api) -> Any:
    """What is answered, but for fractions of a second: no append leaves updateTime as it was."""
    text = re.sub(r'("updateTime": "[^".]*)\.\d+Z', r"\1Z", json.dumps(answers(api)))
    return json.loads(text)


@pytest.fixture(scope="module")
def expected(emulator: str) -> dict[str, Any]:
    """What is answered where the code of today has done it all, under the ids of version 1."""
    settings = Settings(
        sessions_store=new_store_url(),
        firestore_emulator_host=emulator,
        store_timeout=PATIENCE["STORE_TIMEOUT"],
    )
    with closing(open_store(settings)) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("functions.rules.event_rules._canonical", lambda text: text)
        api = Api(store, "")
        live(api)
        return said(api)


def test_old_documents_answer_as_new_ones(old: Database, expected: dict[str, Any]) -> None:
    """Before anybody migrates them, and afterwards."""
    with old.serving() as api:
        assert said(api) == expected
        assert old.version == 1
    old.migrate()
    with old.serving() as api:
        assert said(api) == expected


def test_old_documents_take_what_new_ones_take(old: Database) -> None:
    """Events sent again and new ones, changes of state, deletes and the purge."""
    first, second = SESSIONS[:2]
    with old.serving() as api:
        for number in range(6):
            send(api, first, number)
        assert len(listed(api, first)) == 6
        assert api.state(first)["plain"] == 5
        api.ok("PATCH", first, {"sessionState": {"ключ": 1}})
        assert api.state(first) == {"ключ": 1, "app:a": "x", "user:u": 5}
        api.ok("DELETE", f"{LOCATION}/sessions/b")
        api.ok("DELETE", second)
        assert [api.call("GET", session).status for session in (first, second)] == [404, 404]
        purged = api.ok("POST", "sessions:purgeExpired")
        assert purged == {"purgedSessions": 2, "deletedEvents": 2, "done": True}


@pytest.mark.parametrize("prefix", ["", "app:", "user:"])
def test_an_event_under_its_former_id_is_met_by_its_retry(database: Database, prefix: str) -> None:
    """Until the migration is through: nothing changes, though its change has no room any more."""
    database.become(1)
    delta = {f"{prefix}b": "x" * 500_000, f"{prefix}a": 1}
    fields: dict[str, Any] = {"rawEvent": {"id": "e", "b": 1}, "actions": {"stateDelta": delta}}
    with database.serving() as api:
        session = api.create()
        name = SessionName(api.engine, session.rpartition("/")[2])
        event, change = new_event(SessionEvent.read({**EVENT, **fields}, "event"), "")
        former = replace(event, id=event.former_id, former_id="")
        api.store.append_events(name, [(former, change)], api.now)
        delta = {f"{prefix}b": 1, f"{prefix}c": "x" * 900_000}
        assert api.append(session, actions={"stateDelta": delta}).status == 200
        before = api.ok("GET", session)
        api.ok("POST", f"{session}:appendEvent", {**EVENT, **fields})
        assert api.ok("GET", session) == before
        assert len(listed(api, session)) == 2


def test_an_append_costs_a_delete_more_until_the_migration_is_through(old: Database) -> None:
    """It deletes nothing, and fails where there is something; only with an id that it came with."""
    plain = {"calls": 1, "reads": 0, "writes": 2, "deletes": 0}
    guarded = {**plain, "deletes": 1}
    for costs in ((plain, guarded), (plain, plain)):
        with old.serving() as api:
            session = api.create()
            for fields, cost in zip(({}, {"rawEvent": {"id": "e"}}), costs, strict=True):
                spent: Counter[str] = Counter()
                with counted(spent):
                    assert api.append(session, **fields).status == 200
                assert {count: spent[count] for count in plain} == cost
        old.migrate()


def test_lists_over_all_engines_wait_for_the_migration(old: Database) -> None:
    """They would have less than there is: 503 until they have it all."""
    with old.serving() as api:
        answer = api.call("GET", EVERYWHERE)
        assert (answer.status, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
        assert "sessions:purgeExpired" in answer.json["error"]["message"]
        old.migrate()
        assert is_complete(api)


def test_streams_have_old_events_before_the_migration(old: Database) -> None:
    """Whoever opens one has the session's own events brought up to date, and no others."""
    with old.serving() as api:
        assert streamed(api, SESSIONS[0], 5) == listed(api, SESSIONS[0])
    events = dump(old.rpc, "events")
    arrived = [event["name"] for event in events if "arrived" in event["fields"]]
    assert arrived == [event["name"] for event in events if event["name"].startswith(SESSIONS[0])]
    assert old.version == 1


@pytest.mark.parametrize("is_applied", [False, True], ids=["unapplied", "applied"])
def test_a_migration_that_is_killed_goes_on_where_it_was(old: Database, is_applied: bool) -> None:
    """At the second commit of every server, until one ends before that."""
    kills = 0
    while True:
        with old.serving() as api, dying(1, is_applied=is_applied):
            try:
                api.ok("POST", "sessions:purgeExpired")
            except Killed:
                kills += 1
            else:
                break
    assert kills > len(STEPS)
    assert old.version == NEWEST
    with old.serving() as api:
        assert is_complete(api)


def test_a_purge_without_time_takes_one_batch(old: Database) -> None:
    """Some headway in any case, and no more than that; the log says how far it came."""
    with old.serving() as api, Records("functions.store.firestore.migration") as log:
        api.store.purge(api.now, lambda: True)
    located = [
        session["name"]
        for session in dump(old.rpc, "sessions")
        if "location=" in str(session["fields"].get("facets"))
    ]
    (record,) = log.seen
    assert record.getMessage() == "migration"
    assert vars(record)["fields"] == {"version": 1, "place": SESSIONS[0]}
    assert sorted(located) == sorted({SESSIONS[0], SESSIONS[1], SESSIONS[3]})


def test_what_others_do_meanwhile_is_kept(old: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appends, changes and deletes between what a migration reads and what it writes.

    In each batch there is a document that nobody else touches, too.
    """
    monkeypatch.setattr("functions.store.firestore.migration.BATCH", 7)
    first, second, third, fourth = SESSIONS

    def meddle_with_sessions(api: Api) -> None:
        send(api, first, 5)
        api.ok("PATCH", first, {"labels": {"mine": "yes"}})
        api.ok("DELETE", fourth)

    def meddle_with_events(api: Api) -> None:
        send(api, third, 5)
        api.ok("DELETE", second)
        api.engine = ENGINES[0]
        api.create("a")
        for number in range(5):
            send(api, second, number)

    with (
        old.serving() as other,
        meddling(
            {
                "facets": lambda: meddle_with_sessions(other),
                "arrived": lambda: meddle_with_events(other),
            }
        ),
    ):
        old.migrate()
    with old.serving() as api:
        assert everywhere(api) == [first, third, second]
        for session, count in ((first, 6), (second, 5), (third, 6)):
            assert streamed(api, session, count) == listed(api, session)
        mine = api.walk(EVERYWHERE, "sessions", filter='labels.mine="yes"')
        assert [session["name"] for session in mine] == [first]
    session, deleted = old.rpc.batch_get([second, fourth])()
    assert deleted is None
    names = [event["name"] for event in dump(old.rpc, "events")]
    events = old.rpc.batch_get([name for name in names if name.startswith(second)])()
    assert len(events) == 5
    assert all(arrival_of(event) >= nanoseconds(session.create_time) for event in events)


def test_a_migration_leaves_to_a_faster_one_what_that_has_done(old: Database) -> None:
    """Between what it reads and what it writes, another one may come to the end."""
    with old.serving() as other, meddling({"facets": lambda: other.store.purge(other.now, never)}):
        old.migrate()
    with old.serving() as api:
        assert is_complete(api)


def test_a_migration_begins_when_servers_of_earlier_code_are_gone(old: Database) -> None:
    """What they write behind its back would never be looked at again."""
    with old.serving() as api:
        api.call("GET", SESSIONS[0])
        (state,) = old.rpc.batch_get([PATH])()
        since = state.fields["since"].timestamp_value.ToNanoseconds()
        api.now = since // 1000 * 1000 + ROLLOUT - 1000
        api.store.purge(api.now, never)
        assert old.version == 1
        path = f"{old.rpc.root}/{SESSIONS[0]}/events/late"
        old.rpc.commit([creation(path, {"key": "0" * 42, "text": "", "author": "a"})])
        api.now += 1_000_000
        api.store.purge(api.now, never)
        assert old.version == NEWEST
        assert len(streamed(api, SESSIONS[0], 6)) == 6


def test_a_new_database_is_of_this_version(database: Database) -> None:
    """From its first request on, whatever that asks for; it never waits for a migration."""
    with database.serving() as api:
        assert api.call("GET", SESSIONS[0]).status == 404
        assert database.version == NEWEST
        api.create("s")
        assert everywhere(api) == [f"{ENGINES[0]}/sessions/s"]


def test_a_newer_version_is_refused_and_left_alone(old: Database) -> None:
    """503 for every method; the log says what is wrong, and all is well when it is right again."""
    old.become(NEWEST + 1)
    before = dump(old.rpc)
    with old.serving() as api, Records("functions.store.versions") as log:
        for verb, path, body in CALLS:
            answer = api.call(verb, path, body)
            assert (answer.status, answer.json["error"]["status"]) == (503, "UNAVAILABLE"), path
            assert answer.json["error"]["message"] == NewerVersion().message
        assert len(log.seen) == len(CALLS)
        for record in log.seen:
            assert f"has schema {NEWEST + 1}; this code knows {NEWEST}" in record.getMessage()
        assert dump(old.rpc) == before
        old.become(NEWEST)
        assert api.call("GET", SESSIONS[0]).status == 200


def test_a_database_of_this_version_takes_the_step_of_the_next(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code with one more step takes that one alone, and this code then refuses."""
    old.migrate()
    before = {event["name"]: event["fields"] for event in dump(old.rpc, "events")}
    marked = {"marked": True}
    step = Step("events", ("arrived",), lambda found, _: update(found.name, marked, marked))
    with monkeypatch.context() as patch:
        patch.setattr("functions.store.firestore.migration.STEPS", (*STEPS, step))
        with old.serving() as api:
            api.ok("POST", "sessions:purgeExpired")
            assert is_complete(api)
    assert old.version == NEWEST + 1
    after = {event["name"]: event["fields"] for event in dump(old.rpc, "events")}
    assert after == {
        name: {**fields, "marked": {"booleanValue": True}} for name, fields in before.items()
    }
    with old.serving() as api:
        assert api.call("GET", SESSIONS[0]).status == 503


def test_a_database_that_forgot_its_version_is_migrated_again(old: Database) -> None:
    """What the runbook does after earlier code has written to a migrated one."""
    old.migrate()
    old.rpc.commit([Write(delete=f"{old.rpc.root}/{PATH}")])
    load(old.rpc)
    with old.serving() as api:
        assert api.call("GET", EVERYWHERE).status == 503
    old.migrate()
    with old.serving() as api:
        assert is_complete(api)


def test_a_migration_costs_what_the_page_says(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event is read twice and written once, each session read and written four times.

    So is each user's document, once. A batch has a read and a write of its own, and of the step
    that counts events each session has three calls.
    """
    monkeypatch.setattr("functions.store.firestore.migration.BATCH", 400)
    monkeypatch.setattr("functions.store.firestore.migration._THREADS", 1)
    spent: Counter[str] = Counter()
    with old.serving() as api:
        for found in old.rpc.batch_get([f"{ENGINES[0]}/sessions/{name}" for name in OVER])():
            erase(old.rpc, found, api.now)
        api.call("GET", SESSIONS[0])
        with counted(spent):
            api.store.purge(api.now, never)
    without_documents = sum(step is NOTHING for step in STEPS)
    batches = len(STEPS) - without_documents
    steps_of_sessions = sum(step.collection == "sessions" for step in STEPS)
    reads = len(SESSIONS) * (steps_of_sessions + 2 * 5 + 1) + len(ENGINES)
    # A user's second session by name is older here, and says an earlier time.
    writes = len(SESSIONS) * (steps_of_sessions + 5 + 1)
    # The purge asks for engines that are being deleted, and twice for expired sessions, since it
    # finds those that the steps have passed from then on. It has a document of its own.
    assert spent == {
        # The batches of two steps have no writes of their own.
        "calls": 4 + 2 + 4 * batches - 2 + 3 * len(SESSIONS) + 3 * without_documents,
        "reads": 3 + 2 + batches + reads + 3 * without_documents,
        "writes": 1 + batches + writes + without_documents,
        "deletes": 0,
    }


class Records(logging.Handler):
    """The records of one logger, whatever servers of other tests do with those above it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.seen: list[logging.LogRecord] = []
        self._logger = logging.getLogger(name)

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)

    def __enter__(self) -> Self:
        self._level = self._logger.level
        self._logger.setLevel(logging.INFO)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)


class Killed(BaseException):
    """Nothing of the server goes on."""


@contextmanager
def dying(number: int, *, is_applied: bool) -> Iterator[None]:
    """Servers die at that commit, the first being 0, before it is applied or afterwards."""
    commit, seen = Rpc.commit, itertools.count()

    def commit_or_die(rpc: Rpc, writes: Any) -> Any:
        is_last = next(seen) == number
        if is_last and not is_applied:
            raise Killed
        answer = commit(rpc, writes)
        if is_last:
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", commit_or_die)
        yield


@contextmanager
def meddling(meddlers: dict[str, Callable[[], object]]) -> Iterator[None]:
    """Before a migration first writes a field, somebody else does something."""
    commit = Rpc.commit

    def commit_after_others(rpc: Rpc, writes: Any) -> Any:
        for field in sorted({field for write in writes for field in migrated(write)}):
            if meddler := meddlers.pop(field, None):
                meddler()
        return commit(rpc, writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rpc, "commit", commit_after_others)
        yield
    assert not meddlers


def migrated(write: Any) -> list[str]:
    """The fields that a migration's write sets; others write `facets` and `arrived` otherwise."""
    if not write.HasField("current_document") or not write.current_document.WhichOneof(
        "condition_type"
    ):
        return []
    added = [
        each.field_path for each in write.update_transforms if each.append_missing_elements.values
    ]
    return [*added, *(path for path in write.update_mask.field_paths if path == "arrived")]
