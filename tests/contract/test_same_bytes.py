"""Both stores give the same bytes."""

import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store
from tests.support.api import SECOND, Answer, Api
from tests.support.project import LOCATION, PROJECT

_RANDOM = re.compile(
    r'(?<=/operations/)[^"]+|(?<=/events/)[^"]+|(?<="nextPageToken":")[^"]+'
    r"|(?<=reasoningEngines/)\d{19}"
)
"""What is random, or differs by design: ids that the server makes, and page tokens."""


@pytest.fixture
def stores(emulator: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """SQLite and Firestore, side by side."""
    urls = (f"sqlite:///{tmp_path}/sessions.db", f"firestore://{PROJECT}-bytes")
    first, second = (
        open_store(Settings(sessions_store=url, firestore_emulator_host=emulator)) for url in urls
    )
    with closing(first), closing(second):
        yield first, second


class Conversation:
    """One client's calls, answered by one store; keeps every answer's status and text."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.answers: list[tuple[str, int, str, str]] = []

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> Answer:
        """Calls, keeps the masked answer and returns the whole one."""
        answer = self.api.call(verb, path, body, **query)
        masked = (_RANDOM.sub("*", text) for text in (path, answer.text))
        self.answers.append((verb, answer.status, *masked))
        return answer


def hold(talk: Conversation) -> None:
    """Some sixty calls, each after a second."""
    api, base = talk.api, f"{talk.api.engine}/sessions"
    labels = {"zeta": "1", "alpha": "2", "mid": "3", "é": "4", "b-b": "", "a_a": "5"}
    state = {"b": 1, "a": [1.5, None, {"": "é"}], "app:z": 1, "user:y": 2, "temp:x": 3, "é": "x"}
    sessions = [
        ("s1", {"userId": "u1", "displayName": "é\u2028", "labels": labels, "sessionState": state}),
        ("s2", {"userId": "u2", "ttl": "100000.000000001s"}),
        ("s3", {"userId": "u1", "sessionState": {}, "expireTime": "2030-01-01T00:00:00.1Z"}),
        ("s4", {"userId": "u4", "sessionState": {"temp:only": 1}}),
        ("s1", {"userId": "u1"}),
        ("bad id", {"userId": "u1"}),
        ("s5", {"userId": "u1", "sessionState": {"user:only": None}}),
        ("s6", {"userId": ""}),
        ("s7", {"userId": "u", "ttl": "1s"}),
    ]
    for session_id, body in sessions:
        talk.call("POST", base, body, sessionId=session_id)
        api.now += SECOND
    events: list[dict[str, Any]] = [
        {"actions": {"stateDelta": {"b": 2, "a": {"z": 1, "y": 2}, "Z": 0, "app:a": 1}}},
        {"actions": {"stateDelta": {"user:z": 1, "temp:q": 2}}, "rawEvent": {"id": "r", "z": 1}},
        {"actions": {"stateDelta": {"user:z": 1, "temp:q": 2}}, "rawEvent": {"id": "r", "z": 1}},
        {"actions": {"stateDelta": {"app:a": {"deep": [[[]]]}}, "artifactDelta": {"z": 1, "a": 2}}},
        {"content": {"role": "user", "parts": [{"text": "é\x00\u2028</"}, {"text": "1"}]}},
        {"timestamp": "0001-01-01T00:00:00Z", "eventMetadata": {"branch": "x"}},
        {"timestamp": "", "author": ""},
        {"nonsense": 1},
    ]
    for session_id in ("s1", "s2", "s4", "none"):
        for event in events:
            body = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
            talk.call("POST", f"{base}/{session_id}:appendEvent", {**body, **event})
            api.now += SECOND
        talk.call("GET", f"{base}/{session_id}")
        talk.call("GET", f"{base}/{session_id}/events")
        talk.call("GET", f"{base}/{session_id}/events", orderBy="timestamp desc", pageSize=2)
        talk.call("GET", f"{base}/{session_id}/events", filter='branch="x"')
    updates: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"displayName": "new", "labels": {"z": "1", "y": "2", "a": "3"}}, {}),
        ({"sessionState": {"c": 1, "app:b": 2}}, {}),
        ({"sessionState": {"d": 1}}, {"updateMask": "sessionState.d,sessionState.c"}),
        ({"sessionState": {}}, {"updateMask": "sessionState.d"}),
        ({}, {"updateMask": "sessionState"}),
        ({}, {"updateMask": "sessionState.app:b"}),
        ({"ttl": "90000.5s"}, {}),
        ({}, {}),
        ({"displayName": "x"}, {"updateMask": "name"}),
        ({"userId": "other"}, {}),
    ]
    for body, query in updates:
        for session_id in ("s1", "s2"):
            talk.call("PATCH", f"{base}/{session_id}", body, **query)
            api.now += SECOND
            talk.call("GET", f"{base}/{session_id}")
    for query in (
        {},
        {"orderBy": "create_time"},
        {"filter": 'user_id="u1"', "pageSize": 1},
        {"filter": "labels.z=1 OR display_name=new"},
        {"filter": "user_id=("},
        {"pageSize": -1},
        {"pageToken": "x"},
    ):
        talk.call("GET", base, **query)
    talk.call("DELETE", f"{base}/s1")
    talk.call("DELETE", f"{base}/s1")
    talk.call("POST", base, {"userId": "u1"}, sessionId="s1")
    talk.call("GET", f"{base}/s1/events")
    talk.call("DELETE", f"{LOCATION}/sessions/s1")
    talk.call("GET", base)
    engine = talk.call(
        "POST", f"{LOCATION}/reasoningEngines", {"labels": labels, "displayName": "d"}
    )
    name = engine.json["response"]["name"]
    talk.call("PATCH", name, {"description": "x"}, updateMask="description")
    talk.call("POST", f"{name}/sessions", {"userId": "u", "sessionState": state}, sessionId="s")
    talk.call("GET", f"{LOCATION}/reasoningEngines", pageSize=1)
    talk.call("GET", name)
    talk.call("DELETE", name)
    talk.call("DELETE", name, {"force": True})
    talk.call("DELETE", name)


def test_one_conversation_gives_the_same_bytes_on_both_stores(
    stores: tuple[Store, Store],
) -> None:
    """With one clock and chosen ids, every answer's text is the same, but for what is random."""
    # An emulator that outlives the run has seen the engine of the last one.
    engine = f"{LOCATION}/reasoningEngines/{secrets.token_hex(8)}"
    talks = []
    for store in stores:
        talk = Conversation(Api(store, engine))
        hold(talk)
        talks.append(talk)
    first, second = talks
    for one, other in zip(first.answers, second.answers, strict=True):
        assert one == other
