"""On SQLite a session's updateTime moves forward with every write, whatever clocks say."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.aip.timestamp import parse_timestamp
from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.api import SECOND, Api
from tests.support.project import LOCATION

ENGINE = f"{LOCATION}/reasoningEngines/1"
HOUR = 3600 * SECOND


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    settings = Settings(sessions_store=f"sqlite:///{tmp_path}/s.db")
    with contextlib.closing(open_store(settings)) as store:
        yield Api(store, ENGINE)


def update_time(api: Api, session: str) -> int:
    found = api.ok("GET", session)
    assert parse_timestamp(found["createTime"]) <= parse_timestamp(found["updateTime"])
    return parse_timestamp(found["updateTime"])


WRITES: list[Callable[[Api, str], object]] = [
    lambda api, session: api.append(session),
    lambda api, session: api.append(session, actions={"stateDelta": {"app:a": 1, "user:b": 2}}),
    lambda api, session: api.ok("PATCH", session, {"displayName": "d"}),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("late", [0, 1_000, SECOND, HOUR * 24])
def test_a_write_that_began_earlier_and_commits_later_moves_it_forward(
    api: Api, write: Callable[[Api, str], object], late: int
) -> None:
    """By a microsecond, where the write's own time is not later than what is stored."""
    session = api.create("s")
    api.now += SECOND
    write(api, session)
    before = update_time(api, session)
    api.now -= late
    write(api, session)
    assert update_time(api, session) == before + 1_000
    api.now = before + 5_000
    write(api, session)
    assert update_time(api, session) == before + 5_000


def test_a_server_whose_clock_is_ahead_ends_nobody_elses_walk(api: Api) -> None:
    """Moves are remembered for an hour of the servers' clocks, not of the updateTimes.

    A session with an updateTime of next week, written again now, must not make walks forget.
    """
    api.create("ahead")
    for number in range(4):
        api.create(f"s{number}")
    api.now += 7 * 24 * HOUR
    api.append(f"{ENGINE}/sessions/ahead")
    api.now -= 7 * 24 * HOUR
    page = api.ok("GET", f"{ENGINE}/sessions", orderBy="update_time", pageSize=2)
    seen = [session["name"] for session in page["sessions"]]
    for _ in range(5):
        api.now += SECOND
        api.append(f"{ENGINE}/sessions/ahead")
        api.append(f"{ENGINE}/sessions/s1")
    query = {"orderBy": "update_time", "pageSize": 2, "pageToken": page["nextPageToken"]}
    while query["pageToken"]:
        page = api.ok("GET", f"{ENGINE}/sessions", **query)
        seen += [session["name"] for session in page["sessions"]]
        query["pageToken"] = page.get("nextPageToken", "")
    assert sorted(name.rpartition("/")[2] for name in seen) == ["ahead", "s0", "s1", "s2", "s3"]
