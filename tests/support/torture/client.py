"""A client that tells an answer from a lost connection, and counts both."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support.torture.figures import count

PATIENCE = 120
"""Seconds; a server that says nothing for so long is stuck."""

UNSETTLED = frozenset({0, 409, 503})
"""What leaves open whether the work was done; 0 is no answer at all."""


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any


class Client:
    """One connection, kept as long as it goes; for one thread."""

    def __init__(self, url: str, *, counted: bool = True) -> None:
        self._count = count if counted else lambda name: None
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def call(self, verb: str, path: str, body: Any = None, **query: str) -> Answer:
        """Calls a path below `/v1beta1/`; status 0 when the connection broke.

        A server that neither answers nor breaks the connection fails the test.
        """
        data = None if body is None else json.dumps(body)
        return self.send(verb, path, data, **query)

    def send(self, verb: str, path: str, data: str | bytes | None, **query: str) -> Answer:
        """Calls as `call` does, with a body that is written already."""
        self._count("requests")
        parameters = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        try:
            self._connection.request(verb, f"/v1beta1/{path}?{parameters}", data)
            response = self._connection.getresponse()
            answer = Answer(response.status, json.loads(response.read()))
        except TimeoutError:
            raise AssertionError(f"no answer in {PATIENCE} s: {verb} {path}") from None
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._count("answers that never came")
            return Answer(0, None)
        if answer.status in UNSETTLED:
            self._count("answers 409 or 503")
        assert answer.status in {200, 400, 404, *UNSETTLED}, answer
        return answer

    def ok(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        """The JSON of a call that must succeed."""
        answer = self.call(verb, path, body, **query)
        assert answer.status == 200, answer
        return answer.json

    def walk(self, path: str, field: str, **query: str) -> list[Any]:
        """Every item of a list."""
        items, token = [], ""
        while True:
            page = self.ok("GET", path, pageToken=token, **query)
            items += page.get(field, [])
            token = page.get("nextPageToken", "")
            if not token:
                return items

    def close(self) -> None:
        self._connection.close()
