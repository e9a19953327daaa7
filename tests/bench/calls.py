"""One client on one connection, for what is set up and for latencies that wrk cannot tell."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

from tests.bench.peers import PARENT, TEXT, USER

ENGINE = f"/v1beta1/{PARENT}/reasoningEngines/1"
SESSIONS = f"{ENGINE}/sessions"
SESSION_BODY = json.dumps({"userId": USER, "sessionState": {"plan": "free"}})
EVENT_BODY = json.dumps(
    {
        "author": "agent",
        "invocationId": "i",
        "timestamp": "2026-01-01T00:00:00Z",
        "content": {"role": "model", "parts": [{"text": TEXT}]},
        "eventMetadata": {"customMetadata": {"n": "@"}},
    },
    separators=(",", ":"),
)
"""An event that a list answers in about 500 bytes."""


class Client:
    """Calls that must succeed, over one connection that stays open."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def call(self, verb: str, path: str, body: str | None = None) -> Any:
        """The answer's JSON; raises RuntimeError for a status other than 200."""
        return json.loads(self.read(verb, path, body))

    def read(self, verb: str, path: str, body: str | None = None) -> bytes:
        """The answer's body; raises RuntimeError for a status other than 200."""
        self._connection.request(verb, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{verb} {path} answers {answer.status}: {text[:500]!r}")
        return text

    def create(self, session: str, sessions: str = SESSIONS) -> str:
        """The path of a new session."""
        self.call("POST", f"{sessions}?sessionId={session}", SESSION_BODY)
        return f"{sessions}/{session}"

    def append(self, session: str, events: int = 1) -> None:
        for number in range(events):
            self.call("POST", f"{session}:appendEvent", EVENT_BODY.replace("@", str(number)))

    def page_token(self, path: str, skipped: int) -> str:
        """The token of the page that begins after so many items of a list."""
        token = ""
        while skipped:
            size = min(skipped, 1000)
            page = self.call("GET", f"{path}?pageSize={size}&pageToken={quote(token)}")
            token = page["nextPageToken"]
            skipped -= size
        return token


def of_user(user: str) -> str:
    """A filter, as a query carries it."""
    return quote(f'user_id="{user}"')


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    address = urlsplit(url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
        yield Client(connection)
