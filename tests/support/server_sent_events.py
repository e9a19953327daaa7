"""Reads Server-Sent Events as an EventSource does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE = httpx.Timeout(60)


@dataclass
class Frame:
    """The lines between two empty ones: their fields, and whether one is a comment."""

    fields: dict[str, str]
    is_comment: bool

    @property
    def id(self) -> str:
        return self.fields["id"]

    @property
    def event(self) -> Any:
        return json.loads(self.fields["data"])


def frames(answer: httpx.Response) -> Iterator[Frame]:
    """Every frame, until the server ends the stream."""
    fields: dict[str, str] = {}
    is_comment = False
    for line in answer.iter_lines():
        if not line:
            yield Frame(fields, is_comment)
            fields, is_comment = {}, False
        elif line.startswith(":"):
            is_comment = True
        else:
            name, _, value = line.partition(": ")
            fields[name] = value


@contextmanager
def watching(url: str, session: str, last_id: str = "", **query: Any) -> Iterator[httpx.Response]:
    """An open stream of a session's events; its status is 200."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    path = f"{url}/v1beta1/{session}/events:watch"
    with httpx.stream("GET", path, params=query, headers=headers, timeout=PATIENCE) as answer:
        assert answer.status_code == 200, answer.read()
        yield answer


def next_events(stream: Iterator[Frame], count: int) -> list[Frame]:
    """The next so many frames that carry an event of the session."""
    found: list[Frame] = []
    while len(found) < count:
        frame = next(stream)
        if frame.fields.get("id"):
            found.append(frame)
    return found
