"""Many writers of one session, each of which expects the state that it read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.http import ok, send
from tests.support.servers import serving

SESSION = "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s"
WRITERS = 64
PROCESSES = 4


@pytest.fixture
def urls(store_environment: dict[str, str]) -> Iterator[list[str]]:
    """Servers in processes of their own, on one store."""
    with ExitStack() as stack:
        servers = (serving("sessions_api", store_environment) for _ in range(PROCESSES))
        yield [stack.enter_context(server) for server in servers]


def write(url: str, writer: int) -> int:
    """Counts one further than the state that it read, until that is done; answers its tries."""
    tries = 0
    while True:
        tries += 1
        read = send(url, "GET", SESSION)
        state = read.json.get("sessionState", {})
        delta = {"count": state.get("count", 0) + 1, "last": writer, "before": state.get("last")}
        event = {
            "author": "a",
            "invocationId": "i",
            "timestamp": "2026-01-01T00:00:00Z",
            "actions": {"stateDelta": delta},
        }
        expected = {"If-Match": read.headers["ETag"] or ""}
        answer = send(url, "POST", f"{SESSION}:appendEvent", event, expected)
        if answer.status == 200:
            return tries
        assert (answer.status, answer.json["error"]["status"]) == (409, "ABORTED"), answer.body
        assert "Retry-After" not in answer.headers


def test_each_write_that_is_done_saw_the_state_that_it_built_on(urls: list[str]) -> None:
    """Sixty-four writers in four processes: none is lost, none is doubled, and none is blind."""
    ok(urls[0], "POST", f"{SESSION.removesuffix('/s')}?sessionId=s", {"userId": "u"})
    with ThreadPoolExecutor(WRITERS) as pool:
        tries = list(
            pool.map(lambda number: write(urls[number % PROCESSES], number), range(WRITERS))
        )
    assert sum(tries) > WRITERS
    events = ok(urls[0], "GET", f"{SESSION}/events?pageSize=1000")["sessionEvents"]
    folded: dict[str, int | None] = {}
    for event in events:
        delta = event["actions"]["stateDelta"]
        assert delta["before"] == folded.get("last")
        assert delta["count"] == (folded.get("count") or 0) + 1
        folded |= delta
    assert sorted(event["actions"]["stateDelta"]["last"] for event in events) == list(
        range(WRITERS)
    )
    session = ok(urls[-1], "GET", f"{SESSION}?view=FULL")
    assert session["sessionState"] == folded
    assert session["eventCount"] == WRITERS
