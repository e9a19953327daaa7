"""Clients that write at the same time: nothing is lost, and one of many wins."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.api import SECOND, Api

THREADS = 8


def race(action: Callable[[int], int], threads: int = THREADS) -> list[int]:
    """Starts the action once per thread at one moment and returns what each answered."""
    start = threading.Barrier(threads)

    def run(number: int) -> int:
        start.wait()
        return action(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_of_racing_creates_with_one_id_exactly_one_wins(api: Api) -> None:
    """One 200, the others 400; the session is the winner's, and so is its state."""
    for number in range(5):

        def create(user: int, number: int = number) -> int:
            body = {"userId": f"u{user}", "sessionState": {f"k{user}": 1}}
            return api.call("POST", f"{api.engine}/sessions", body, sessionId=f"s{number}").status

        statuses = race(create)
        assert sorted(statuses) == [200] + [400] * (THREADS - 1)
        winner = statuses.index(200)
        found = api.ok("GET", f"{api.engine}/sessions/s{number}")
        assert (found["userId"], found["sessionState"]) == (f"u{winner}", {f"k{winner}": 1})


def test_racing_creates_under_an_expired_id_have_one_winner(api: Api) -> None:
    """A new session under an old id is made once, and without the old one's events."""
    api.settings = replace(api.settings, min_ttl=0)
    session = api.create("s", ttl="1s")
    for _ in range(5):
        api.append(session)
    api.now += SECOND
    body = {"userId": "u"}
    statuses = race(
        lambda _: api.call("POST", f"{api.engine}/sessions", body, sessionId="s").status
    )
    assert sorted(statuses) == [200] + [400] * (THREADS - 1)
    assert api.ok("GET", f"{session}/events") == {}


def test_racing_appends_lose_nothing(api: Api) -> None:
    """Every event is listed, each writer's in its order, and state is the fold of the deltas."""
    session = api.create()
    count = 12

    def write(thread: int) -> int:
        statuses = set()
        for number in range(count):
            delta = {f"t{thread}": number, f"t{thread}-{number}": number}
            answer = api.append(session, author=f"{thread}", actions={"stateDelta": delta})
            statuses.add(answer.status)
        return max(statuses)

    assert race(write) == [200] * THREADS
    events = api.walk(f"{session}/events", "sessionEvents", pageSize=10)
    assert len(events) == THREADS * count
    folded: dict[str, int] = {}
    for event in events:
        folded |= event["actions"]["stateDelta"]
    assert api.state(session) == folded
    for thread in range(THREADS):
        own = [event["actions"]["stateDelta"] for event in events if event["author"] == f"{thread}"]
        assert [delta[f"t{thread}"] for delta in own] == list(range(count))


def test_racing_shared_deltas_lose_nothing(api: Api) -> None:
    """app: and user: keys that many sessions write at once are all there."""
    sessions = [api.create(f"s{number}") for number in range(THREADS)]
    count = 5

    def write(thread: int) -> int:
        statuses = set()
        for number in range(count):
            delta = {f"app:{thread}-{number}": 1, f"user:{thread}-{number}": 2}
            session = sessions[thread if number % 2 else 0]
            statuses.add(api.append(session, actions={"stateDelta": delta}).status)
        return max(statuses)

    assert race(write) == [200] * THREADS
    state = api.state(sessions[0])
    for thread in range(THREADS):
        for number in range(count):
            assert state[f"app:{thread}-{number}"] == 1
            assert state[f"user:{thread}-{number}"] == 2


def test_of_racing_deletes_exactly_one_wins(api: Api) -> None:
    """Exactly one 200, the others 404."""
    for number in range(5):
        session = api.create(f"s{number}")
        api.append(session)
        statuses = race(lambda _, session=session: api.call("DELETE", session).status)  # type: ignore[misc]
        assert sorted(statuses) == [200] + [404] * (THREADS - 1)


def test_racing_retries_leave_one_event(api: Api) -> None:
    """The same append sent by many at once lands once."""
    session = api.create()
    fields: dict[str, Any] = {
        "rawEvent": {"id": "e"},
        "actions": {"stateDelta": {"a": 1, "app:b": 1}},
    }
    assert race(lambda _: api.append(session, **fields).status) == [200] * THREADS
    assert len(api.ok("GET", f"{session}/events")["sessionEvents"]) == 1


def test_racing_updates_and_appends_lose_nothing(api: Api) -> None:
    """Updates of one field and appends do not undo each other."""
    session = api.create()

    def write(thread: int) -> int:
        if thread % 2:
            return api.append(session, actions={"stateDelta": {f"k{thread}": 1}}).status
        body = {"sessionState": {f"k{thread}": 1}}
        return api.call("PATCH", session, body, updateMask=f"sessionState.k{thread}").status

    assert race(write) == [200] * THREADS
    assert api.state(session) == {f"k{thread}": 1 for thread in range(THREADS)}


def test_an_append_that_races_with_a_delete_leaves_no_trace(api: Api) -> None:
    """200 before or 404 after; a successor of the id starts empty either way."""
    for number in range(6):
        session = api.create(f"s{number}")

        def act(thread: int, session: str = session) -> int:
            if thread == 0:
                return api.call("DELETE", session).status
            return api.append(session, actions={"stateDelta": {"a": 1}}).status

        statuses = race(act)
        assert statuses[0] == 200
        assert set(statuses[1:]) <= {200, 404}
        assert api.call("GET", session).status == 404
        assert api.create(f"s{number}") == session
        assert api.ok("GET", f"{session}/events") == {}
        assert api.state(session) is None


def test_many_servers_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Several processes on one SQLite file: the first start is no race that anybody loses."""
    for number in range(10):
        url = f"sqlite:///{tmp_path}/{number}.db"

        def use(thread: int, url: str = url) -> int:
            api = Api(
                open_store(Settings(sessions_store=url)),
                "projects/p/locations/l/reasoningEngines/1",
            )
            try:
                api.create(f"s{thread}")
                return len(api.ok("GET", f"{api.engine}/sessions")["sessions"])
            finally:
                api.store.close()

        assert max(race(use)) == THREADS
