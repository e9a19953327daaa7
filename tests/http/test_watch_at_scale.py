"""Many writers, and watchers that leave and come back, on one session behind four servers.

`WATCHED_EVENTS=5000 make test ARGS=tests/http/test_watch_at_scale.py` runs it in full.
"""

import itertools
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.server_sent_events import frames, watching
from tests.support.servers import serving

EVENTS = int(os.environ.get("WATCHED_EVENTS", "240"))
SERVERS = 4
WRITERS = 8
WATCHERS = 20
SESSIONS = "projects/test-project/locations/us-central1/reasoningEngines/8/sessions"
START = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = 120 + EVENTS
"""Seconds after which a watcher that still lacks events has lost them."""


@pytest.fixture
def urls(store_environment: dict[str, str]) -> Iterator[list[str]]:
    environment = {**store_environment, "THREADS": "32"}
    with ExitStack() as servers:
        yield [servers.enter_context(serving("sessions_api", environment)) for _ in range(SERVERS)]


def test_every_watcher_ends_with_the_sequence_of_list_events(urls: list[str]) -> None:
    """No event twice, none missing, wherever and however often a watcher connects again."""
    body = {"userId": "u"}
    made = httpx.post(f"{urls[0]}/v1beta1/{SESSIONS}", json=body, timeout=60).json()
    session = made["response"]["name"]
    numbers = itertools.count()
    with ThreadPoolExecutor(WATCHERS + WRITERS) as pool:
        watches = [pool.submit(watch, urls, session, seed) for seed in range(WATCHERS)]
        writes = [pool.submit(write, urls[n % SERVERS], session, numbers) for n in range(WRITERS)]
        for written in writes:
            written.result()
        seen = [watched.result() for watched in watches]
    listed = walk(urls[0], session)
    assert len(listed) == EVENTS
    for events in seen:
        assert events == seen[0]
    assert sorted(seen[0], key=number_of) == listed


def number_of(event: Any) -> int:
    return int(event["invocationId"].removeprefix("i"))


def write(url: str, session: str, numbers: Iterator[int]) -> None:
    """Appends the next number until there are enough events."""
    with httpx.Client(timeout=60) as client:
        while (number := next(numbers)) < EVENTS:
            sent = START + timedelta(milliseconds=number)
            event = {
                "author": "user",
                "invocationId": f"i{number}",
                "timestamp": sent.isoformat().replace("+00:00", "Z"),
                "rawEvent": {"id": f"r{number}"},
            }
            # The emulator fails a commit whose listener leaves at that moment: 503, so again.
            for _ in range(10):
                answer = client.post(f"{url}/v1beta1/{session}:appendEvent", json=event)
                if answer.status_code != 503:
                    break
            assert answer.status_code == 200, answer.text


def watch(urls: list[str], session: str, seed: int) -> list[Any]:
    """Follows the session, leaving after a random while for a random server, to its last event."""
    chance = random.Random(seed)
    seen: list[Any] = []
    last_id = ""
    end = time.monotonic() + PATIENCE
    while len(seen) < EVENTS:
        patience = chance.randint(1, EVENTS // 2)
        with watching(chance.choice(urls), session, last_id=last_id) as answer:
            for frame in frames(answer):
                assert time.monotonic() < end, f"only {len(seen)} events came, up to {last_id}"
                if "id" not in frame.fields:
                    continue
                seen.append(frame.event)
                last_id = frame.id
                patience -= 1
                if not patience or len(seen) == EVENTS:
                    break
    return seen


def walk(url: str, session: str) -> list[Any]:
    """Every event, as list_events orders them."""
    events: list[Any] = []
    query = {"pageSize": "1000"}
    while True:
        page = httpx.get(f"{url}/v1beta1/{session}/events", params=query, timeout=60).json()
        events += page["sessionEvents"]
        if "nextPageToken" not in page:
            return events
        query["pageToken"] = page["nextPageToken"]
