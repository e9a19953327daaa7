"""The API with authentication and a policy, asked with any credentials."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.config.settings import Settings
from functions.store.opening import open_store
from tests.support.api import Api
from tests.support.project import LOCATION

LOCATION_PATH = f"/v1beta1/{LOCATION}"
ENGINE_PATH = f"{LOCATION_PATH}/reasoningEngines/1"
SESSIONS_PATH = f"{ENGINE_PATH}/sessions"
KEY = "a-long-random-key"
API_KEYS = f"other:{'0' * 64},dashboard:{hashlib.sha256(KEY.encode()).hexdigest()}"
USERS = '[{"principal": "key:dashboard", "role": "admin"}, {"principal": "*", "role": "user"}]'
"""A policy: every caller with a `sub` is the user of that userId."""


@dataclass
class AuthApi(Api):
    """The API, and what callers may do with their credentials, sent in headers or in the query."""

    engine: str = f"{LOCATION}/reasoningEngines/1"

    def status(self, headers: dict[str, str] | None = None, **query: str) -> int:
        """The status of a list of sessions."""
        return self.send("GET", SESSIONS_PATH, headers=headers, **query).status_code

    def bearer(self, token: str) -> int:
        """The status of a list of sessions with a token."""
        return self.status({"Authorization": f"Bearer {token}"})

    def is_user(self, headers: dict[str, str], user: str) -> bool:
        """Whether the caller may create that user's sessions, and nobody else's."""
        answers = [
            self.send("POST", SESSIONS_PATH, {"userId": user_id}, headers).status_code
            for user_id in (user, f"not-{user}")
        ]
        return answers == [200, 403]

    def is_admin(self, headers: dict[str, str]) -> bool:
        """Whether the caller may create engines."""
        path = f"{LOCATION_PATH}/reasoningEngines"
        return self.send("POST", path, {"displayName": "e"}, headers).status_code == 200


def open_api(folder: Path, **settings: Any) -> AuthApi:
    """An API with a SQLite file of its own in the folder, and USERS where no policy is given."""
    url = f"sqlite:///{folder}/sessions.db"
    chosen = Settings(**{"sessions_store": url, "policy": USERS, **settings})
    return AuthApi(open_store(chosen), settings=chosen)
