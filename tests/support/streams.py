"""Reads the events of sessions as they come."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager

from functions.rules.names import SessionName
from functions.store.streams import EventReader, NewEvent
from tests.support.api import SECOND, Api

PATIENCE = 60


def name_of(session: str) -> SessionName:
    engine, _, session_id = session.rpartition("/sessions/")
    return SessionName(engine, session_id)


@contextmanager
def reading(api: Api, session: str, after: NewEvent | None = None) -> Iterator[EventReader]:
    """A reader from the start, or behind an event."""
    reader = api.store.watch(name_of(session), after.position if after else None, api.now)
    try:
        yield reader
    finally:
        reader.close()


def news_within(reader: EventReader, seconds: float) -> bool:
    """Whether the store has news so soon."""
    news = select.poll()
    news.register(reader.signal.fileno(), select.POLLIN)
    return bool(news.poll(seconds * 1000))


def wait(api: Api, reader: EventReader) -> None:
    """Sleeps until the store has news, or for a while, after which readers check by themselves."""
    if not news_within(reader, 5):
        api.now += 15 * SECOND


def next_events(api: Api, reader: EventReader, count: int) -> list[NewEvent]:
    """The next so many events."""
    seen: list[NewEvent] = []
    end = time.monotonic() + PATIENCE
    while len(seen) < count:
        assert time.monotonic() < end, f"{len(seen)} of {count} events arrived"
        some = reader.read(api.now)
        seen += some
        if not some:
            wait(api, reader)
    return seen
