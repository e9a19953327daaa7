"""The API in the test's process, over one store, with a clock that the test holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import flask
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.config.settings import Settings
from functions.store.protocol import Store

SECOND = 10**9
START = 1_795_305_600 * SECOND
START_SECONDS = START // SECOND
"""START as tokens have it, in seconds since the epoch."""


@dataclass
class Answer:
    """An HTTP answer, its JSON parsed."""

    status: int
    text: str
    json: Any


@dataclass
class Api:
    """Calls the API; `now` is the server's clock, in nanoseconds, and only the test moves it."""

    store: Store
    engine: str
    now: int = START
    settings: Settings = field(
        default_factory=lambda: Settings(google_cloud_project="test-project")
    )
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(
        self,
        verb: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> flask.Response:
        """The HTTP response to a call of a path below `/v1beta1/`, or of one that starts with `/`.

        A body of bytes is sent as it is, any other as JSON. `headers` are added to `self.headers`.
        """
        endpoint = Endpoint(METHODS, self.settings, lambda: self.store, lambda: self.now)
        url = urlsplit(path if path.startswith("/") else f"/v1beta1/{path}")
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        builder = EnvironBuilder(
            path=url.path,
            method=verb,
            query_string=query or url.query,
            data=data,
            headers={**self.headers, **(headers or {})},
        )
        return endpoint(flask.Request(builder.get_environ()))

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> Answer:
        """The answer to a call, sent as `send` does; fails where the answer is not JSON."""
        response = self.send(verb, path, body, **query)
        text = response.get_data(as_text=True)
        response.close()
        assert response.content_type == "application/json; charset=UTF-8"
        return Answer(response.status_code, text, json.loads(text))

    def ok(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of a call that must succeed."""
        answer = self.call(verb, path, body, **query)
        assert answer.status == 200, answer.text
        return answer.json

    def create(self, session_id: str = "", user: str = "u", **fields: Any) -> str:
        """Creates a session and returns its name."""
        query = {"sessionId": session_id} if session_id else {}
        body = {"userId": user, **fields}
        name: str = self.ok("POST", f"{self.engine}/sessions", body, **query)["response"]["name"]
        return name

    def append(self, session: str, time: str = "2026-01-01T00:00:00Z", **fields: Any) -> Answer:
        """Appends an event by `user` in invocation `i`, unless the fields say otherwise."""
        body = {"author": "user", "invocationId": "i", "timestamp": time, **fields}
        return self.call("POST", f"{session}:appendEvent", body)

    def state(self, session: str) -> Any:
        """The state of a session, as get_session answers it."""
        return self.ok("GET", session).get("sessionState")

    def walk(self, path: str, field: str, **query: Any) -> list[Any]:
        """Every item of a list, page by page."""
        items, token = [], ""
        while True:
            page = (
                self.ok("GET", path, pageToken=token, **query)
                if token
                else self.ok("GET", path, **query)
            )
            items += page.get(field, [])
            token = page.get("nextPageToken", "")
            if not token:
                return items
