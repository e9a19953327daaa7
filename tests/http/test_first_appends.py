"""Several servers meet the first appends of sessions that nobody created."""

import json
import secrets
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.conftest import LOCATION, PROJECT, serving

SERVERS = 3
APPENDS = 200


def call(url: str, body: Any = None) -> Any:
    """The JSON of a GET, or of a POST with a body, that must succeed."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=300) as answer:
        return json.load(answer)


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
        url = f"{urls[number % len(urls)]}{path}:appendEvent?allowMissing=true&userId=u"
        start.wait()
        return call(url, event)["session"]

    with ThreadPoolExecutor(APPENDS) as pool:
        return list(pool.map(append, range(APPENDS)))


def test_racing_first_appends_share_a_session_or_have_each_their_own(
    store_environment: dict[str, str],
) -> None:
    """By one name: one session with every event and every delta; by `-`: as many as appends."""
    engines = f"/v1beta1/projects/{PROJECT}/locations/{LOCATION}/reasoningEngines"
    together, apart = (f"{engines}/{secrets.token_hex(8)}/sessions" for _ in range(2))
    with ExitStack() as stack:
        urls = [
            stack.enter_context(serving("sessions_api", store_environment)) for _ in range(SERVERS)
        ]
        names = {session["name"] for session in race(urls, f"{together}/s")}
        assert len(names) == 1
        (session,) = call(f"{urls[0]}{together}")["sessions"]
        assert session["sessionState"] == {f"k{number}": number for number in range(APPENDS)}
        events = call(f"{urls[0]}{together}/s/events?pageSize=1000")["sessionEvents"]
        assert {event["author"] for event in events} == {f"{each}" for each in range(APPENDS)}
        assert len(events) == APPENDS
        answered = race(urls, f"{apart}/-")
        assert len({session["name"] for session in answered}) == APPENDS
        states = [session["sessionState"] for session in answered]
        assert states == [{f"k{number}": number} for number in range(APPENDS)]
        listed, token = set(), ""
        while True:
            page = call(f"{urls[0]}{apart}?pageToken={token}")
            listed |= {session["name"] for session in page["sessions"]}
            token = page.get("nextPageToken", "")
            if not token:
                break
        assert listed == {session["name"] for session in answered}
