"""A list that is read page by page while its items come and go."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.api import SECOND, Api
from tests.support.state_machine.model import Model
from tests.support.state_machine.records import Session

MEMORY = 3600 * SECOND
"""For how long a walk in the order of update_time must be possible."""


@dataclass
class Walk:
    """`promised` maps the names that were there in the beginning to the session that they need."""

    path: str
    items: str
    query: dict[str, Any]
    started: int
    promised: dict[str, Session]
    token: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def turn(self, api: Api, model: Model) -> bool:
        """Reads the next page; whether the walk is over.

        What stayed from the first page to the last must have been seen exactly once.
        """
        answer = api.call("GET", self.path, **self.query, pageToken=self.token)
        stayed = {
            name for name, session in self.promised.items() if model.live(session.name) is session
        }
        may_be_forgotten = "pdate" in (self.query["orderBy"] or "update")
        if answer.status == 400 and may_be_forgotten and api.now - self.started > MEMORY:
            return True
        if answer.status == 404:
            assert not stayed, self
            return True
        assert answer.status == 200, answer.text
        self.seen.update(item["name"] for item in answer.json.get(self.items, []))
        self.token = answer.json.get("nextPageToken", "")
        assert all(self.seen[name] <= 1 for name in stayed), self
        assert self.token or stayed <= self.seen.keys(), self
        return not self.token
