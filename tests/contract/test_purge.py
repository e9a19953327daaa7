from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.sessions import purge_expired_sessions
from functions.store.firestore import erasure, purging, queries
from functions.store.sqlite import erasing
from tests.support.api import SECOND, Api
from tests.support.store_documents import documents_below


@pytest.fixture(autouse=True)
def any_life(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of any life, nobody else's leftovers, and batches that few sessions fill."""
    # The second clock is an hour ahead of all others: its purge begins at the start of the index,
    # and so does a test's first one.
    for ahead in (0, 7200 * SECOND):
        api.store.purge(api.now + ahead, lambda: False)
    api.settings = replace(api.settings, min_ttl=0)
    monkeypatch.setattr(erasure, "BATCH", 10)
    monkeypatch.setattr(purging, "_ROUND", 7)
    monkeypatch.setattr(erasing, "_SESSIONS", 7)
    monkeypatch.setattr(erasing, "ROWS", 10)


def purge(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.ok("POST", "sessions:purgeExpired")
    return answer


def fill(api: Api, session: str, events: int) -> None:
    for number in range(events):
        assert api.append(session, invocationId=f"i{number}").status == 200


def after(checks: int) -> Callable[[], bool]:
    """A clock that says that the time is up after it was asked so often."""
    asked: Iterator[int] = iter(range(checks))
    return lambda: next(asked, None) is None


def test_a_purge_leaves_nothing_of_an_expired_session(api: Api) -> None:
    """After the purge no document of it is left; shared state stays."""
    session = api.create(ttl="1s", sessionState={"app:a": 1, "user:u": 2})
    fill(api, session, 3)
    api.now += SECOND
    assert api.call("GET", session).status == 404
    assert purge(api) == {"purgedSessions": 1, "deletedEvents": 3, "done": True}
    assert not documents_below(api.store, api.engine)
    assert api.state(api.create()) == {"app:a": 1, "user:u": 2}


def test_a_purge_takes_sessions_of_many_batches(api: Api) -> None:
    """Neither many sessions nor a session of many events stops a purge."""
    for number, events in enumerate([0, 1, 9, 10, 11, 25, *[1] * 20]):
        fill(api, api.create(f"s{number}", ttl="1s"), events)
    api.now += SECOND
    assert purge(api) == {"purgedSessions": 26, "deletedEvents": 76, "done": True}
    assert not documents_below(api.store, api.engine)


def test_a_purge_finishes_what_a_delete_left(api: Api) -> None:
    """A deleted session's remaining events go with the next purge."""
    session = api.create()
    fill(api, session, 25)
    api.ok("DELETE", session)
    purge(api)
    assert not documents_below(api.store, api.engine)


def test_a_purge_touches_no_live_session(api: Api) -> None:
    """What is not over stays, to the last event, even a microsecond before its end."""
    session = api.create(ttl="1s")
    fill(api, session, 5)
    api.now += SECOND - 1000
    purge(api)
    assert len(api.walk(f"{session}/events", "sessionEvents")) == 5


def test_a_purge_finds_its_way_between_live_sessions(api: Api) -> None:
    """Expired sessions go with all their events, and neighbours of the same engine keep theirs."""
    lives = [number for number in range(16) if number % 5 == 2]
    for number in range(16):
        ttl = "3600s" if number in lives else "1s"
        fill(api, api.create(f"s{number:02}", ttl=ttl), 3 * (number % 6))
    api.now += SECOND
    assert purge(api)["purgedSessions"] == 16 - len(lives)
    for number in lives:
        events = api.walk(f"{api.engine}/sessions/s{number:02}/events", "sessionEvents")
        assert len(events) == 3 * (number % 6)
    left = sum(3 * (number % 6) for number in lives)
    assert documents_below(api.store, api.engine) == {"sessions": len(lives), "events": left}


def test_a_purge_finds_many_sessions_between_live_ones(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query reads the events of many neighbours; sessions beside live ones have their own."""
    monkeypatch.setattr(purging, "_ROUND", 100)
    monkeypatch.setattr(erasure, "_FEW", 4)
    monkeypatch.setattr(erasure, "_WIDEST", 20)
    lives = {7, 8}
    counts = [3, 0, 1, *[1] * 21, 25, 12, 0, *[1] * 3]
    for number, events in enumerate(counts):
        ttl = "3600s" if number in lives else "1s"
        fill(api, api.create(f"s{number:02}", ttl=ttl), events)
    api.now += SECOND
    gone = sum(counts) - sum(counts[number] for number in lives)
    expected = {"purgedSessions": len(counts) - len(lives), "deletedEvents": gone, "done": True}
    assert purge(api) == expected
    assert documents_below(api.store, api.engine) == {"sessions": 2, "events": 2}
    for number in lives:
        session = f"{api.engine}/sessions/s{number:02}"
        assert len(api.walk(f"{session}/events", "sessionEvents")) == 1


def test_a_purge_that_runs_out_of_time_goes_on_at_the_next_call(api: Api) -> None:
    """A purge says how far it came, loses no count of it, and the next one does the rest."""
    for number in range(12):
        fill(api, api.create(f"s{number}", ttl="1s"), 12)
    live = api.create("live")
    fill(api, live, 12)
    api.now += SECOND
    sessions = events = calls = 0
    done = False
    while not done:
        purged = api.store.purge(api.now, after(4))
        sessions, events = sessions + purged.sessions, events + purged.events
        done, calls = purged.done, calls + 1
    assert (sessions, events) == (12, 144)
    assert calls > 2
    assert documents_below(api.store, api.engine) == {"sessions": 1, "events": 12}


def test_a_purge_is_done_only_when_nothing_is_left(api: Api) -> None:
    """Whenever its time ends: between what was deleted and what has expired, too."""
    for checks in range(16):
        api.create("before", ttl="1s")
        api.now += SECOND
        purge(api)
        deleted = api.create("deleted")
        fill(api, deleted, 25)
        api.ok("DELETE", deleted)
        api.create("expired", ttl="1s")
        api.now += SECOND
        if api.store.purge(api.now, after(checks)).done:
            assert not documents_below(api.store, api.engine)
        purge(api)


def test_a_session_that_is_created_again_keeps_its_events(api: Api) -> None:
    """A purge in the middle of its work leaves a session alone that took the name over."""
    session = api.create("s", ttl="1s")
    fill(api, session, 25)
    api.now += SECOND
    api.store.purge(api.now, after(3))
    api.create("s")
    fill(api, session, 2)
    purge(api)
    assert len(api.walk(f"{session}/events", "sessionEvents")) == 2


def test_a_purge_without_any_time_makes_some_headway(api: Api) -> None:
    """However slow the store, calls that are always out of time come to an end."""
    for number in range(3):
        fill(api, api.create(f"s{number}", ttl="1s"), 25)
    api.now += SECOND
    api.settings = replace(api.settings, purge_time_limit=0)
    calls = 1
    while not purge(api)["done"]:
        calls += 1
        assert calls < 20
    assert not documents_below(api.store, api.engine)


def dry_run(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.ok("POST", "sessions:purgeExpired", dryRun="true")
    return answer


def test_a_dry_run_counts_what_is_expired_and_removes_nothing(api: Api) -> None:
    """How many expired sessions are stored, and when the first expired; deleted ones are none."""
    assert dry_run(api) == {"expiredSessions": 0}
    for number in range(3):
        fill(api, api.create(ttl=f"{number + 1}s"), 1)
    api.create(ttl="3600s")
    deleted = api.create(ttl="1s")
    fill(api, deleted, 12)
    api.ok("DELETE", deleted)
    api.now += 2 * SECOND
    stored = documents_below(api.store, api.engine)
    said = {"expiredSessions": 2, "oldestExpireTime": "2026-11-22T00:00:01Z"}
    assert [dry_run(api), dry_run(api)] == [said, said]
    assert documents_below(api.store, api.engine) == stored
    assert purge(api)["done"]
    assert dry_run(api) == {"expiredSessions": 0}


def test_a_dry_run_counts_up_to_a_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the answer says that there are more."""
    monkeypatch.setattr(purge_expired_sessions, "_MOST", 2)
    for _ in range(2):
        api.create(ttl="1s")
    api.now += SECOND
    exact = dry_run(api)
    api.create(ttl="1s")
    api.now += SECOND
    assert exact == {"expiredSessions": 2, "oldestExpireTime": "2026-11-22T00:00:01Z"}
    assert dry_run(api) == {**exact, "atLeast": True}


@pytest.mark.parametrize("value", ["yes", "1"])
def test_a_dry_run_is_true_or_false(api: Api, value: str) -> None:
    """Anything else is 400 and purges nothing."""
    api.create(ttl="1s")
    api.now += SECOND
    assert api.call("POST", "sessions:purgeExpired", dryRun=value).status == 400
    assert dry_run(api)["expiredSessions"] == 1
    assert purge(api)["purgedSessions"] == 1


def test_a_body_says_the_same_as_the_query(api: Api) -> None:
    """A dry run in the body purges nothing. Neither does a malformed body."""
    api.create(ttl="1s")
    api.now += SECOND
    assert api.ok("POST", "sessions:purgeExpired", {"dryRun": True})["expiredSessions"] == 1
    for body in (b"dryRun", {"dryRun": "perhaps"}, [True], {"shard": "1/0"}):
        assert api.call("POST", "sessions:purgeExpired", body).status == 400
    purged = [
        api.ok("POST", "sessions:purgeExpired", {"shard": f"{part}/2"})["purgedSessions"]
        for part in range(2)
    ]
    assert sum(purged) == 1


def test_purges_of_several_parts_share_the_work(api: Api) -> None:
    """Each part removes some of the sessions, and all together remove all of them, once."""
    for number in range(40):
        fill(api, api.create(f"s{number:02}", ttl="1s"), 1)
    api.now += SECOND
    parts = [api.ok("POST", "sessions:purgeExpired", shard=f"{part}/3") for part in range(3)]
    assert all(part["done"] for part in parts)
    assert min(part["purgedSessions"] for part in parts) > 0
    assert sum(part["purgedSessions"] for part in parts) == 40
    assert sum(part["deletedEvents"] for part in parts) == 40
    assert not documents_below(api.store, api.engine)
    assert purge(api) == {"purgedSessions": 0, "deletedEvents": 0, "done": True}


@pytest.mark.parametrize("shard", ["3", "1/0", "2/2", "-1/2", "0/31", "a/b", "0/1/2", " 0/1"])
def test_a_part_that_there_is_not_is_refused(api: Api, shard: str) -> None:
    """Parts count from 0, and there are 30 at most; a dry run, too, refuses others."""
    for more in ({}, {"dryRun": "true"}):
        answer = api.call("POST", "sessions:purgeExpired", shard=shard, **more)
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert "shard must be i/n" in answer.json["error"]["message"]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_purge_goes_on_behind_what_it_removed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """No query looks again where something was deleted; once an hour one begins at the start."""
    starts: list[bool] = []
    ask = queries.expired_sessions

    def noted(shards: Any, until: int, limit: int, behind: Any) -> Any:
        starts.append(behind is None and until > 0)
        return ask(shards, until, limit, behind)

    monkeypatch.setattr(purging, "expired_sessions", noted)
    api.now += 2 * 3600 * SECOND
    for number in range(20):
        api.create(f"s{number:02}", ttl=f"{1 + number}s")
    api.now += 10 * SECOND
    assert purge(api)["purgedSessions"] == 10
    assert starts == [True, False]
    api.now += 10 * SECOND
    assert purge(api)["purgedSessions"] == 10
    assert starts[2:] == [False] * 3
    api.now += 3600 * SECOND
    assert purge(api)["purgedSessions"] == 0
    assert starts[5:] == [True]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_a_purge_finds_what_a_slower_clock_put_behind_it(api: Api) -> None:
    """A session that was over when it came is removed within the hour, a deleted one at once."""
    api.create("first", ttl="60s")
    api.now += 60 * SECOND
    assert purge(api)["purgedSessions"] == 1
    api.now -= 60 * SECOND
    api.create("late", ttl="1s")
    deleted = api.create("deleted")
    fill(api, deleted, 25)
    api.ok("DELETE", deleted)
    api.now += 60 * SECOND
    assert purge(api)["purgedSessions"] == 1
    api.now += 3600 * SECOND
    assert purge(api)["purgedSessions"] == 1
    assert not documents_below(api.store, api.engine)
