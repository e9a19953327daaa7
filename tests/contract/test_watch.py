"""What a watch sees of a session: each event once, in the order of their commits, until its end."""

import threading
from dataclasses import replace

import pytest

from functions.rules.errors import SessionNotFound
from functions.store.watching import MAX_ARRIVALS, Arrival, Watch
from tests.support.api import SECOND, Api
from tests.support.streams import arrivals, name_of, wait, watching


def names(seen: list[Arrival]) -> list[str]:
    return [event.invocation_id for _, event in seen]


def fill(api: Api, session: str, first: int, last: int) -> list[str]:
    """Appends events whose timestamps run against their arrival; answers their invocations."""
    for number in range(first, last):
        time = f"2026-01-01T00:00:00.{999 - number:03}Z"
        assert api.append(session, time, invocationId=f"i{number}").status == 200
    return [f"i{number}" for number in range(first, last)]


def ends(api: Api, watch: Watch) -> bool:
    """Whether the watch is told of its session's end."""
    while True:
        try:
            if not watch.read(api.now):
                wait(api, watch)
        except SessionNotFound:
            return True


def test_a_watch_sees_what_was_there_and_what_comes_by_arrival(api: Api) -> None:
    """However timestamps run, the order is that of the commits."""
    session = api.create()
    before = fill(api, session, 0, 3)
    with watching(api, session) as watch:
        assert names(arrivals(api, watch, 3)) == before
        after = fill(api, session, 3, 6)
        assert names(arrivals(api, watch, 3)) == after


def test_a_watch_goes_on_exactly_behind_any_event(api: Api) -> None:
    """Every position of a stream leads to the rest of it."""
    session = api.create()
    invocations = fill(api, session, 0, 7)
    with watching(api, session) as watch:
        seen = arrivals(api, watch, 7)
    for place, arrival in enumerate(seen[:-1]):
        with watching(api, session, arrival) as watch:
            assert names(arrivals(api, watch, 6 - place)) == invocations[place + 1 :]


def test_a_watch_that_has_seen_all_sees_only_what_comes(api: Api) -> None:
    session = api.create()
    fill(api, session, 0, 3)
    with watching(api, session) as watch:
        seen = arrivals(api, watch, 3)
    with watching(api, session, seen[-1]) as watch:
        fill(api, session, 3, 4)
        assert names(arrivals(api, watch, 1)) == ["i3"]


def test_a_long_history_comes_in_pieces_and_in_order(api: Api) -> None:
    """More than one read, and more than any window of a listener, holds."""
    session = api.create()
    invocations = fill(api, session, 0, 250)
    with watching(api, session) as watch:
        seen = arrivals(api, watch, 250)
        assert names(seen) == invocations
        fill(api, session, 250, 251)
        assert names(arrivals(api, watch, 1)) == ["i250"]
    with watching(api, session, seen[100]) as watch:
        assert len(arrivals(api, watch, 150)) == 150


def test_a_read_is_bounded(api: Api) -> None:
    """A slow reader's memory holds so many events and no more."""
    session = api.create()
    fill(api, session, 0, MAX_ARRIVALS + 5)
    with watching(api, session) as watch:
        while not (some := watch.read(api.now)):
            wait(api, watch)
        assert len(some) <= MAX_ARRIVALS


def test_a_watch_that_sleeps_misses_nothing(api: Api) -> None:
    """Whatever came meanwhile is there when it reads again."""
    session = api.create()
    with watching(api, session) as watch:
        watch.read(api.now)
        invocations = fill(api, session, 0, 180)
        assert names(arrivals(api, watch, 180)) == invocations


def test_watches_of_one_session_see_the_same(api: Api) -> None:
    """Two that began at different times, side by side."""
    session = api.create()
    with watching(api, session) as early:
        first = fill(api, session, 0, 5)
        with watching(api, session) as late:
            second = fill(api, session, 5, 9)
            assert names(arrivals(api, early, 9)) == first + second
            assert names(arrivals(api, late, 9)) == first + second
        third = fill(api, session, 9, 11)
        assert names(arrivals(api, early, 2)) == third


def test_a_retried_append_arrives_once(api: Api) -> None:
    session = api.create()
    with watching(api, session) as watch:
        for _ in range(3):
            api.append(session, rawEvent={"id": "r"}, invocationId="once")
        api.append(session, invocationId="last")
        assert names(arrivals(api, watch, 2)) == ["once", "last"]


def test_other_sessions_do_not_show(api: Api) -> None:
    session, other = api.create("a"), api.create("b")
    with watching(api, session) as watch:
        fill(api, other, 0, 3)
        fill(api, session, 3, 4)
        assert names(arrivals(api, watch, 1)) == ["i3"]


@pytest.mark.parametrize("events", [1, 70])
def test_a_watch_hears_of_a_delete_at_once(api: Api, events: int) -> None:
    session = api.create()
    fill(api, session, 0, events)
    with watching(api, session) as watch:
        arrivals(api, watch, events)
        api.ok("DELETE", session)
        assert ends(api, watch)


def test_a_watch_of_an_empty_session_hears_of_its_delete(api: Api) -> None:
    """At the latest when it looks by itself, as it does every fifteen seconds."""
    session = api.create()
    with watching(api, session) as watch:
        watch.read(api.now)
        api.ok("DELETE", session)
        api.now += 15 * SECOND
        with pytest.raises(SessionNotFound):
            watch.read(api.now)


def test_a_watch_ends_with_its_session_to_the_microsecond(api: Api) -> None:
    """Its expiry needs no purge to be seen."""
    api.settings = replace(api.settings, min_ttl=0)
    session = api.create(ttl="5s")
    with watching(api, session) as watch:
        assert watch.expire_time == api.now + 5 * SECOND
        api.now = watch.expire_time - 1000
        watch.read(api.now)
        api.now = watch.expire_time
        with pytest.raises(SessionNotFound):
            watch.read(api.now)


def test_an_extended_session_is_watched_on(api: Api) -> None:
    """The end that counts is the one that the session has when it comes."""
    api.settings = replace(api.settings, min_ttl=0)
    session = api.create(ttl="5s")
    with watching(api, session) as watch:
        end = watch.expire_time
        api.ok("PATCH", session, {"ttl": "60s"}, updateMask="ttl")
        api.now = end
        watch.read(api.now)
        assert watch.expire_time == end + 55 * SECOND


def test_a_watch_ends_when_its_name_is_taken_over(api: Api) -> None:
    """A session made anew under the same id is another one."""
    session = api.create("s")
    fill(api, session, 0, 2)
    with watching(api, session) as watch:
        old = arrivals(api, watch, 2)
        api.ok("DELETE", session)
        api.create("s")
        assert ends(api, watch)
    fill(api, session, 2, 3)
    with watching(api, session, old[-1]) as watch:
        assert names(arrivals(api, watch, 1)) == ["i2"]


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
    with watching(api, session) as one, watching(api, session) as other:
        for writer in writers:
            writer.start()
        seen = names(arrivals(api, one, 160))
        for writer in writers:
            writer.join()
        assert names(arrivals(api, other, 160)) == seen
    assert len(set(seen)) == 160
    for writer in range(8):
        mine = [name for name in seen if name.startswith(f"w{writer}-")]
        assert mine == [f"w{writer}-{number}" for number in range(20)]
