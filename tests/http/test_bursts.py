"""Bursts of appends to one session, over HTTP, to a server on the Firestore emulator."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.servers import serving

RATE = 50
"""Appends a second."""

SECONDS = 5
LONGEST = 60.0
"""Seconds for one answer; a thread that needs more is stuck. A request has STORE_TIMEOUT, 10."""

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/42"


@pytest.mark.parametrize("scope", ["", "app:"], ids=["session state", "app state"])
def test_a_burst_of_appends_to_one_session_is_answered(emulator: str, scope: str) -> None:
    """Each ends in 200, or in 409 or 503; what was answered 200 is there, and the server goes on.

    An append with `app:` keys reads first, and its commit holds only if nobody was faster.
    """
    environment = {
        "SESSIONS_STORE": f"firestore://bursts{len(scope)}",
        "FIRESTORE_EMULATOR_HOST": emulator,
        "THREADS": "40",
    }
    with (
        serving("sessions_api", environment) as url,
        httpx.Client(
            base_url=url, timeout=LONGEST, limits=httpx.Limits(max_connections=100)
        ) as client,
        ThreadPoolExecutor(100) as pool,
    ):
        client.post(f"{ENGINE}/sessions?sessionId=s", json={"userId": "u"}).raise_for_status()
        start = time.monotonic()

        def append(number: int) -> int:
            time.sleep(max(0.0, start + number / RATE - time.monotonic()))
            body = {
                "author": "a",
                "invocationId": "i",
                "timestamp": "2026-01-01T00:00:00Z",
                "rawEvent": {"id": f"e{number}"},
                "actions": {"stateDelta": {f"{scope}k{number}": number}},
            }
            return client.post(f"{ENGINE}/sessions/s:appendEvent", json=body).status_code

        outcomes = list(pool.map(append, range(RATE * SECONDS)))
        counts = Counter(outcomes)
        print(f"{len(outcomes)} appends: {dict(counts)}")
        assert set(counts) <= {200, 409, 503}
        landed = {f"{scope}k{number}" for number, status in enumerate(outcomes) if status == 200}
        state = client.get(f"{ENGINE}/sessions/s").json()["sessionState"]
        assert landed <= set(state)
        # What was refused can be sent again, and then lands once.
        assert append(0) == 200
        events = client.get(f"{ENGINE}/sessions/s/events?pageSize=1000").json()["sessionEvents"]
        assert len(landed) <= len(events) <= len(outcomes)
        assert len({event["rawEvent"]["id"] for event in events}) == len(events)
