"""Several servers meet the first appends of sessions that nobody created."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.support.http import ok
from tests.support.project import LOCATION
from tests.support.servers import serving

SERVERS = 3
APPENDS = 200


def race(urls: list[str], path: str) -> list[Any]:
    """The sessions that first appends answer, all sent at once, by turns to each server."""
    start = threading.Barrier(APPENDS)

    def append(number: int) -> Any:
        event = {
            "author": f"{number}",
            "invocationId": "i",
            "timestamp": "2026-01-01T00:00:00Z",
            "actions": {"stateDelta": {f"k{number}": number}},
        }
        url = urls[number % len(urls)]
        start.wait()
        target = f"{path}:appendEvent?allowMissing=true&userId=u"
        return ok(url, "POST", target, event, patience=300)["session"]

    with ThreadPoolExecutor(APPENDS) as pool:
        return list(pool.map(append, range(APPENDS)))


def test_racing_first_appends_share_a_session_or_have_each_their_own(
    store_environment: dict[str, str],
) -> None:
    """By one name: one session with every event and every delta; by `-`: as many as appends."""
    engines = f"/v1beta1/{LOCATION}/reasoningEngines"
    together, apart = (f"{engines}/{secrets.token_hex(8)}/sessions" for _ in range(2))
    with ExitStack() as stack:
        urls = [
            stack.enter_context(serving("sessions_api", store_environment)) for _ in range(SERVERS)
        ]
        names = {session["name"] for session in race(urls, f"{together}/s")}
        assert len(names) == 1
        (session,) = ok(urls[0], "GET", together, patience=300)["sessions"]
        assert session["sessionState"] == {f"k{number}": number for number in range(APPENDS)}
        events = ok(urls[0], "GET", f"{together}/s/events?pageSize=1000", patience=300)[
            "sessionEvents"
        ]
        assert {event["author"] for event in events} == {f"{each}" for each in range(APPENDS)}
        assert len(events) == APPENDS
        answered = race(urls, f"{apart}/-")
        assert len({session["name"] for session in answered}) == APPENDS
        states = [session["sessionState"] for session in answered]
        assert states == [{f"k{number}": number} for number in range(APPENDS)]
        listed, token = set(), ""
        while True:
            page = ok(urls[0], "GET", f"{apart}?pageToken={token}", patience=300)
            listed |= {session["name"] for session in page["sessions"]}
            token = page.get("nextPageToken", "")
            if not token:
                break
        assert listed == {session["name"] for session in answered}
