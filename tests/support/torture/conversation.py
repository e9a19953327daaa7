"""A session that many clients write to, and the check of its events and its state."""

import itertools
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.torture.client import UNSETTLED, Answer, Client
from tests.support.torture.figures import count

TIMESTAMP = "2026-01-01T00:00:00Z"
"""Of every event, so that arrival alone orders them."""


@dataclass
class Sent:
    """An append; `began` and `ended` are monotonic seconds, `ended` inf until it is answered."""

    writer: str
    body: dict[str, Any]
    is_safe: bool
    began: float
    ended: float = math.inf
    is_refused: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return self.ended < math.inf and not self.is_refused


class Conversation:
    """Appends events that can be told apart, each by a key that its state delta carries, too.

    A delta also sets a key that only its writer sets, and one that all set.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: dict[str, Sent] = {}
        self._batches: list[set[str]] = []
        self._counted: set[str] = set()
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def append(
        self, client: Client, writer: str, *, safe: bool, shared: bool = False, tries: int = 1
    ) -> bool:
        """Sends one event, a `safe` one up to `tries` times; whether it was acknowledged.

        A `shared` one writes app state, too.
        """
        sent = self._made(writer, safe=safe, shared=shared)
        for _ in range(tries if safe else 1):
            if self._send(client, sent):
                break
        return sent.is_acknowledged

    def append_batch(self, client: Client, writer: str, size: int, *, shared: bool = False) -> bool:
        """Sends so many events in one request, once; whether they were acknowledged."""
        batch = [self._made(writer, safe=False, shared=shared) for _ in range(size)]
        self._batches.append({sent.body["invocationId"] for sent in batch})
        body = {"events": [sent.body for sent in batch]}
        answer = client.call("POST", f"{self.name}:batchAppendEvents", body)
        for sent in batch:
            self._settle(sent, answer)
        return batch[0].is_acknowledged

    def _made(self, writer: str, *, safe: bool, shared: bool) -> Sent:
        with self._lock:
            key = f"{writer}-{next(self._numbers)}"
        delta: dict[str, Any] = {key: 1, f"last of {writer}": key, "last": key}
        if shared:
            delta[f"app:{self.name.rpartition('/')[2]}-{key}"] = 1
        body = {
            "author": writer,
            "invocationId": key,
            "timestamp": TIMESTAMP,
            "actions": {"stateDelta": delta},
            **({"rawEvent": {"id": key}} if safe else {}),
        }
        sent = self.sent[key] = Sent(writer, body, safe, time.monotonic())
        return sent

    def settle(self, client: Client) -> None:
        """Sends again what was not answered and can be sent again."""
        for sent in self.sent.values():
            if sent.is_safe and sent.ended == math.inf:
                assert self._send(client, sent)

    def check(self, client: Client, *, in_commit_order: bool) -> None:
        """Holds the session against what was acknowledged, to the last event and key.

        `in_commit_order` says that arrival is the order of commits: then state is exactly the
        fold of the deltas. Otherwise a key is from a write that no other one came after.
        """
        events = client.walk(f"{self.name}/events", "sessionEvents", pageSize="1000")
        state = client.ok("GET", self.name).get("sessionState", {})
        keys = [event["invocationId"] for event in events]
        found = Counter(keys)
        acknowledged = {key for key, sent in self.sent.items() if sent.is_acknowledged}
        lost = acknowledged - found.keys()
        doubled = {key for key, times in found.items() if times > 1}
        half = {
            key
            for key, sent in self.sent.items()
            for name in sent.body["actions"]["stateDelta"]
            if name.endswith(key) and (key in found) != (name in state)
        }
        count("events acknowledged", len(acknowledged - self._counted))
        self._counted |= acknowledged
        count("events lost", len(lost))
        count("events doubled", len(doubled))
        count("events half there", len(half))
        for batch in self._batches:
            assert found.keys().isdisjoint(batch) or found.keys() >= batch, batch
        assert not lost
        assert not doubled
        assert not half
        assert not {key for key, sent in self.sent.items() if sent.is_refused} & found.keys()
        assert found.keys() <= self.sent.keys()
        self._check_order(keys)
        if in_commit_order:
            folded: dict[str, Any] = {}
            for event in events:
                folded |= event["actions"]["stateDelta"]
            own = {key: value for key, value in state.items() if not key.startswith("app:")}
            assert own == {k: value for k, value in folded.items() if not k.startswith("app:")}
        for writer in {self.sent[key].writer for key in keys}:
            self._check_last(state[f"last of {writer}"], [k for k in keys if self._by(k, writer)])
        if keys:
            self._check_last(state["last"], keys)

    def _send(self, client: Client, sent: Sent) -> bool:
        return self._settle(sent, client.call("POST", f"{self.name}:appendEvent", sent.body))

    @staticmethod
    def _settle(sent: Sent, answer: Answer) -> bool:
        if answer.status in UNSETTLED:
            return False
        assert answer.status in {200, 404}, answer
        sent.is_refused = answer.status == 404
        sent.ended = time.monotonic()
        return True

    def _by(self, key: str, writer: str) -> bool:
        return self.sent[key].writer == writer

    def _check_order(self, keys: list[str]) -> None:
        """An event that was acknowledged before another was sent stands before it."""
        latest = 0.0
        for key in keys:
            sent = self.sent[key]
            assert sent.ended >= latest, f"{key} stands behind a later one"
            latest = max(latest, sent.began)

    def _check_last(self, last: str, keys: list[str]) -> None:
        """No write began after the one that is in force was over."""
        assert last in keys
        assert all(self.sent[key].began <= self.sent[last].ended for key in keys)
