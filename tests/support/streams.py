"""Live streams of a session, read from the store without HTTP."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager

from functions.rules.names import SessionName
from functions.store.watching import Arrival, Watch
from tests.support.api import SECOND, Api

PATIENCE = 60


def name_of(session: str) -> SessionName:
    engine, _, session_id = session.rpartition("/sessions/")
    return SessionName(engine, session_id)


@contextmanager
def watching(api: Api, session: str, after: Arrival | None = None) -> Iterator[Watch]:
    """A watch from the start of a session, or from behind an event."""
    watch = api.store.watch(name_of(session), after[0] if after else None, api.now)
    try:
        yield watch
    finally:
        watch.close()


def wait(api: Api, watch: Watch) -> None:
    """Waits for news from the store; after 5 s, moves the clock so that watches read anyway."""
    news = select.poll()
    news.register(watch.wake.fileno(), select.POLLIN)
    if not news.poll(5_000):
        api.now += 15 * SECOND


def arrivals(api: Api, watch: Watch, count: int) -> list[Arrival]:
    """The next so many events."""
    seen: list[Arrival] = []
    end = time.monotonic() + PATIENCE
    while len(seen) < count:
        assert time.monotonic() < end, f"{len(seen)} of {count} events arrived"
        some = watch.read(api.now)
        seen += some
        if not some:
            wait(api, watch)
    return seen
