"""How many events ADK's service keeps, and for how long."""

import pytest
from google.adk.events import Event

from agent_engine_sessions import event_cache
from agent_engine_sessions.event_cache import MOST_SECONDS, EventCache

EVENTS = [Event(author="user", timestamp=1.0), Event(author="user", timestamp=2.0)]


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_events_are_kept_for_one_version_of_a_session() -> None:
    """The first part of an etag; the second is of state that other sessions share."""
    cache = EventCache()
    cache.keep("s", '"1.a"', EVENTS, 10)
    assert cache.copies("s", '"1.b"') == EVENTS
    assert cache.copies("s", '"2.a"') is None
    assert cache.copies("s", '"1.a"') is None, "an older answer may come later"


def test_an_answer_without_an_etag_keeps_nothing() -> None:
    cache = EventCache()
    cache.keep("s", "", EVENTS, 10)
    assert cache.copies("s", "") is None


@pytest.mark.parametrize("is_old", [False, True])
def test_events_are_read_again_after_a_time(is_old: bool) -> None:
    """Some writes do not change the etag. An append does not extend the time."""
    clock = Clock()
    cache = EventCache(clock)
    cache.keep("s", '"1"', EVENTS, 10)
    clock.now = MOST_SECONDS - 1
    entry = cache.take("s")
    assert entry is not None
    entry = entry.after_append(Event(author="user", timestamp=3.0), 5, '"1"', '"2"')
    assert entry is not None
    cache.put("s", entry)
    clock.now += is_old
    assert (cache.copies("s", '"2"') is None) is is_old


@pytest.mark.parametrize(
    ("event", "expected", "etag", "is_known"),
    [
        (Event(author="user", timestamp=3.0), '"1"', '"2"', True),
        (Event(author="user", timestamp=3.0), "", '"2"', False),
        (Event(author="user", timestamp=3.0), '"0"', '"2"', False),
        (Event(author="user", timestamp=3.0), '"1"', "", False),
        (Event(author="user", timestamp=2.000001), '"1"', '"2"', False),
        (EVENTS[1], '"1"', '"1"', True),
        (EVENTS[1].model_copy(update={"timestamp": 3.0}), '"1"', '"2"', False),
    ],
    ids=["next", "unchecked", "other", "no-etag", "earlier", "sent-before", "sent-and-changed"],
)
def test_an_append_keeps_events_only_while_their_order_is_known(
    event: Event, expected: str, etag: str, is_known: bool
) -> None:
    """They are known if no other client can have changed them and the new event is the last."""
    cache = EventCache()
    cache.keep("s", '"1"', EVENTS, 10)
    entry = cache.take("s")
    assert entry is not None
    after = entry.after_append(event, 5, expected, etag)
    assert (after is not None) is is_known
    if after is not None:
        assert [each.id for each in after.events] == [
            *(each.id for each in EVENTS),
            *([event.id] if etag == '"2"' else []),
        ]


def test_the_least_recently_used_sessions_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_cache, "MOST_BYTES", 30)
    cache = EventCache()
    for path in "abc":
        cache.keep(path, '"1"', EVENTS, 10)
    assert cache.copies("a", '"1"')
    cache.keep("d", '"1"', EVENTS, 15)
    assert [path for path in "abcd" if cache.copies(path, '"1"')] == ["a", "d"]


def test_a_session_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other sessions stay in the cache."""
    monkeypatch.setattr(event_cache, "MOST_BYTES", 30)
    cache = EventCache()
    cache.keep("a", '"1"', EVENTS, 10)
    cache.keep("b", '"1"', EVENTS, 31)
    assert cache.copies("b", '"1"') is None
    assert cache.copies("a", '"1"') == EVENTS
