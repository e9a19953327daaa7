"""What a watch sees of a session: each event once, in the order of their commits, until its end."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from functions.config.settings import Settings
from functions.rules.errors import SessionNotFound
from functions.store.firestore import event_reader, session_listener
from functions.store.firestore.protobuf import Document, ListenResponse, StructuredQuery
from functions.store.firestore.queries import events_by_arrival
from functions.store.firestore.rpc import ListenCall
from functions.store.firestore.session_listener import consistent_windows
from functions.store.opening import open_store
from functions.store.streams import MAX_NEW_EVENTS, EventReader, NewEvent
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION
from tests.support.streams import PATIENCE, name_of, news_within, next_events, reading, wait


def names(seen: list[NewEvent]) -> list[str]:
    return [event.invocation_id for _, event in seen]


def fill(api: Api, session: str, first: int, last: int) -> list[str]:
    """Appends events whose timestamps run against their arrival; answers their invocations."""
    for number in range(first, last):
        time = f"2026-01-01T00:00:00.{999 - number:03}Z"
        assert api.append(session, time, invocationId=f"i{number}").status == 200
    return [f"i{number}" for number in range(first, last)]


def told_until_the_end(api: Api, reader: EventReader) -> list[NewEvent]:
    """The events that the watch is told of before the end of its session."""
    told: list[NewEvent] = []
    while True:
        try:
            some = reader.read(api.now)
        except SessionNotFound:
            return told
        told += some
        if not some:
            wait(api, reader)


def ends(api: Api, reader: EventReader) -> bool:
    """Whether the watch is told of its session's end."""
    told_until_the_end(api, reader)
    return True


def wait_for_start(reader: EventReader) -> None:
    """Until the store wakes the reader as it does with every start, whatever has changed."""
    assert news_within(reader, PATIENCE)


def ends_when_woken(api: Api, reader: EventReader) -> bool:
    """Whether the store wakes the reader for its session's end; no time passes by the clock."""
    while news_within(reader, PATIENCE):
        try:
            reader.read(api.now)
        except SessionNotFound:
            return True
    return False


def test_a_watch_sees_what_was_there_and_what_comes_by_arrival(api: Api) -> None:
    """However timestamps run, the order is that of the commits."""
    session = api.create()
    before = fill(api, session, 0, 3)
    with reading(api, session) as reader:
        assert names(next_events(api, reader, 3)) == before
        after = fill(api, session, 3, 6)
        assert names(next_events(api, reader, 3)) == after


def test_a_watch_goes_on_exactly_behind_any_event(api: Api) -> None:
    """Every position of a stream leads to the rest of it."""
    session = api.create()
    invocations = fill(api, session, 0, 7)
    with reading(api, session) as reader:
        seen = next_events(api, reader, 7)
    for place, arrival in enumerate(seen[:-1]):
        with reading(api, session, arrival) as reader:
            assert names(next_events(api, reader, 6 - place)) == invocations[place + 1 :]


def test_a_watch_that_has_seen_all_sees_only_what_comes(api: Api) -> None:
    session = api.create()
    fill(api, session, 0, 3)
    with reading(api, session) as reader:
        seen = next_events(api, reader, 3)
    with reading(api, session, seen[-1]) as reader:
        fill(api, session, 3, 4)
        assert names(next_events(api, reader, 1)) == ["i3"]


def test_a_long_history_comes_in_pieces_and_in_order(api: Api) -> None:
    """More than one read, and more than any window of a listener, holds."""
    session = api.create()
    invocations = fill(api, session, 0, 250)
    with reading(api, session) as reader:
        seen = next_events(api, reader, 250)
        assert names(seen) == invocations
        fill(api, session, 250, 251)
        assert names(next_events(api, reader, 1)) == ["i250"]
    with reading(api, session, seen[100]) as reader:
        assert len(next_events(api, reader, 150)) == 150


def test_a_read_is_bounded(api: Api) -> None:
    """A slow reader's memory holds so many events and no more."""
    session = api.create()
    fill(api, session, 0, MAX_NEW_EVENTS + 5)
    with reading(api, session) as reader:
        while not (some := reader.read(api.now)):
            wait(api, reader)
        assert len(some) <= MAX_NEW_EVENTS


def test_a_watch_that_sleeps_misses_nothing(api: Api) -> None:
    """Whatever came meanwhile is there when it reads again."""
    session = api.create()
    with reading(api, session) as reader:
        reader.read(api.now)
        invocations = fill(api, session, 0, 180)
        assert names(next_events(api, reader, 180)) == invocations


def test_watches_of_one_session_see_the_same(api: Api) -> None:
    """Two that began at different times, side by side."""
    session = api.create()
    with reading(api, session) as early:
        first = fill(api, session, 0, 5)
        with reading(api, session) as late:
            second = fill(api, session, 5, 9)
            assert names(next_events(api, early, 9)) == first + second
            assert names(next_events(api, late, 9)) == first + second
        third = fill(api, session, 9, 11)
        assert names(next_events(api, early, 2)) == third


def test_a_retried_append_arrives_once(api: Api) -> None:
    session = api.create()
    with reading(api, session) as reader:
        for _ in range(3):
            api.append(session, rawEvent={"id": "r"}, invocationId="once")
        api.append(session, invocationId="last")
        assert names(next_events(api, reader, 2)) == ["once", "last"]


def test_other_sessions_do_not_show(api: Api) -> None:
    session, other = api.create("a"), api.create("b")
    with reading(api, session) as reader:
        fill(api, other, 0, 3)
        fill(api, session, 3, 4)
        assert names(next_events(api, reader, 1)) == ["i3"]


@pytest.mark.parametrize("events", [1, 70])
def test_a_watch_hears_of_a_delete_at_once(api: Api, events: int) -> None:
    session = api.create()
    fill(api, session, 0, events)
    with reading(api, session) as reader:
        wait_for_start(reader)
        next_events(api, reader, events)
        api.ok("DELETE", session)
        assert ends_when_woken(api, reader)


def test_a_watch_of_an_empty_session_hears_of_its_delete(api: Api) -> None:
    """At the latest when it looks by itself, as it does every fifteen seconds."""
    session = api.create()
    with reading(api, session) as reader:
        reader.read(api.now)
        api.ok("DELETE", session)
        api.now += 15 * SECOND
        with pytest.raises(SessionNotFound):
            reader.read(api.now)


@pytest.mark.parametrize("ended", ["engine", "user"])
def test_a_watch_hears_that_its_engine_or_user_goes_before_it_looks_by_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    """No heartbeat comes while the clock stands still: only the store can wake the reader."""
    # On the emulator a listener tells its readers to look soon after its start.
    monkeypatch.setattr(session_listener, "_START_PATIENCE", 2 * PATIENCE)
    session = api.create()
    fill(api, session, 0, 1)
    with reading(api, session) as reader:
        wait_for_start(reader)
        assert names(next_events(api, reader, 1)) == ["i0"]
        if ended == "engine":
            api.ok("DELETE", api.engine, {"force": True})
        else:
            api.ok("POST", f"{api.engine}/users/u:erase")
        assert ends_when_woken(api, reader)


def test_a_watch_ends_with_its_session_to_the_microsecond(api: Api) -> None:
    """Its expiry needs no purge to be seen."""
    api.settings = replace(api.settings, min_ttl=0)
    session = api.create(ttl="5s")
    with reading(api, session) as reader:
        assert reader.expire_time == api.now + 5 * SECOND
        api.now = reader.expire_time - 1000
        reader.read(api.now)
        api.now = reader.expire_time
        with pytest.raises(SessionNotFound):
            reader.read(api.now)


def test_an_extended_session_is_watched_on(api: Api) -> None:
    """The end that counts is the one that the session has when it comes."""
    api.settings = replace(api.settings, min_ttl=0)
    session = api.create(ttl="5s")
    with reading(api, session) as reader:
        end = reader.expire_time
        api.ok("PATCH", session, {"ttl": "60s"}, updateMask="ttl")
        api.now = end
        reader.read(api.now)
        assert reader.expire_time == end + 55 * SECOND


def test_a_watch_ends_when_its_name_is_taken_over(api: Api) -> None:
    """A session that is created again under the same id is another one."""
    session = api.create("s")
    fill(api, session, 0, 2)
    with reading(api, session) as reader:
        old = next_events(api, reader, 2)
        api.ok("DELETE", session)
        api.create("s")
        assert ends(api, reader)
    fill(api, session, 2, 3)
    with reading(api, session, old[-1]) as reader:
        assert names(next_events(api, reader, 1)) == ["i2"]


@pytest.mark.parametrize("events", [0, 1, 2, 70])
def test_no_watch_tells_of_the_session_that_took_the_name(api: Api, events: int) -> None:
    """The events of another user's session of the same id stay with that user."""
    session = api.create("s", user="ada")
    fill(api, session, 0, events)
    with reading(api, session) as reader:
        next_events(api, reader, events)
        api.ok("DELETE", session)
        api.create("s", user="bob")
        fill(api, session, 0, 2)
        assert told_until_the_end(api, reader) == []


def test_nothing_is_watched_that_is_not_there(api: Api) -> None:
    with pytest.raises(SessionNotFound):
        api.store.watch(name_of(f"{api.engine}/sessions/none"), None, api.now)


def test_watches_agree_on_one_order_while_many_write(api: Api) -> None:
    """Eight writers at once: no event twice, none missing, the same sequence for all."""
    session = api.create()

    def write(writer: int) -> None:
        for number in range(20):
            name = f"w{writer}-{number}"
            assert api.append(session, f"2026-01-01T00:00:{number:02}Z", invocationId=name)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    with reading(api, session) as one, reading(api, session) as other:
        for writer in writers:
            writer.start()
        seen = names(next_events(api, one, 160))
        for writer in writers:
            writer.join()
        assert names(next_events(api, other, 160)) == seen
    assert len(set(seen)) == 160
    for writer in range(8):
        mine = [name for name in seen if name.startswith(f"w{writer}-")]
        assert mine == [f"w{writer}-{number}" for number in range(20)]


@pytest.mark.parametrize("store_environment", ["firestore"], indirect=True, scope="module")
def test_an_event_that_the_emulators_first_window_lacks_is_told_soon(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader checks its session some seconds after the start, and not at its next heartbeat."""
    is_known, is_there, every_answer = threading.Event(), threading.Event(), ListenCall.__iter__

    def stale_window(call: ListenCall) -> Iterator[ListenResponse]:
        """What comes up to the first window, told after the append; a second call is as always."""
        monkeypatch.setattr(ListenCall, "__iter__", every_answer)
        told: list[ListenResponse] = []
        for answer in every_answer(call):
            if not is_there.is_set():
                told.append(answer)
                if list(consistent_windows(told)):
                    is_known.set()
                    assert is_there.wait(PATIENCE)
                    yield from told

    monkeypatch.setattr(ListenCall, "__iter__", stale_window)
    monkeypatch.setattr(session_listener, "_START_PATIENCE", 1)
    session = api.create()
    with reading(api, session) as reader:
        assert is_known.wait(PATIENCE)
        fill(api, session, 0, 1)
        is_there.set()
        seen: list[NewEvent] = []
        while not seen:
            assert news_within(reader, PATIENCE)
            seen = reader.read(api.now)
    assert names(seen) == ["i0"]


@pytest.mark.parametrize(("timeout", "lookback"), [(5, 10), (10, 10), (60, 60)])
def test_a_query_looks_back_as_long_as_a_commit_may_take(
    emulator: str, monkeypatch: pytest.MonkeyPatch, timeout: int, lookback: int
) -> None:
    """An event that arrived STORE_TIMEOUT before another may be committed after it."""
    moments: list[int | None] = []

    def spy(since: int | None, behind: Document | None) -> StructuredQuery:
        moments.append(since)
        return events_by_arrival(since, behind)

    monkeypatch.setattr(event_reader, "events_by_arrival", spy)
    chosen = Settings(
        sessions_store="firestore://look-back",
        firestore_emulator_host=emulator,
        store_timeout=timeout * SECOND,
    )
    with closing(open_store(chosen)) as store:
        api = Api(store, f"{LOCATION}/reasoningEngines/{secrets.randbelow(10**15)}")
        session = api.create()
        fill(api, session, 0, 80)
        with reading(api, session) as reader:
            first, *_ = next_events(api, reader, 80)
        with reading(api, session, first) as reader:
            next_events(api, reader, 79)
    position = int(first.position[0])
    assert moments == [None, position - lookback * SECOND]
