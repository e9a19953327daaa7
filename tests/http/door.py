"""The edge of the API in this process, with a clock that the test holds."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask
from werkzeug.test import EnvironBuilder

from functions.api.endpoint import Endpoint
from functions.api.routes import METHODS
from functions.config.settings import Settings
from functions.store.opening import open_store
from functions.store.protocol import Store

ENGINE = "/v1beta1/projects/test-project/locations/us-central1/reasoningEngines/1"
LOCATION = ENGINE.rpartition("/reasoningEngines/")[0]
SECOND = 10**9
START = 1_795_305_600
KEY = "a-long-random-key"
API_KEYS = f"other:{'0' * 64},dashboard:{hashlib.sha256(KEY.encode()).hexdigest()}"
USERS = '[{"principal": "key:dashboard", "role": "admin"}, {"principal": "*", "role": "user"}]'
"""Whoever has a `sub` is a user of that userId."""


@dataclass
class Door:
    """Knocks with headers and a query; `now` is seconds since the epoch."""

    store: Store
    settings: Settings
    now: float = START

    def knock(
        self,
        headers: dict[str, str] | None = None,
        verb: str = "GET",
        path: str = f"{ENGINE}/sessions",
        body: Any = None,
        **query: str,
    ) -> flask.Response:
        clock = int(self.now * SECOND)
        endpoint = Endpoint(METHODS, self.settings, lambda: self.store, lambda: clock)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        builder = EnvironBuilder(path, method=verb, query_string=query, data=data, headers=headers)
        return endpoint(flask.Request(builder.get_environ()))

    def status(self, headers: dict[str, str] | None = None, **query: str) -> int:
        return self.knock(headers, **query).status_code

    def bearer(self, token: str) -> int:
        return self.status({"Authorization": f"Bearer {token}"})

    def is_user(self, headers: dict[str, str], user: str) -> bool:
        """Whether somebody may create that user's sessions, and nobody else's."""
        answers = [
            self.knock(headers, "POST", body={"userId": user_id}).status_code
            for user_id in (user, f"not-{user}")
        ]
        return answers == [200, 403]

    def is_admin(self, headers: dict[str, str]) -> bool:
        path = f"{LOCATION}/reasoningEngines"
        return self.knock(headers, "POST", path, {"displayName": "e"}).status_code == 200


def open_door(folder: Path, **settings: Any) -> Door:
    """A door with a store of its own, users' rights for whoever has a `sub`."""
    url = f"sqlite:///{folder}/sessions.db"
    chosen = Settings(**{"sessions_store": url, "policy": USERS, **settings})
    return Door(open_store(chosen), chosen)
