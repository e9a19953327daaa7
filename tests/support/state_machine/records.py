"""What the model keeps: plain dictionaries, and times in nanoseconds since the epoch."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(eq=False)
class Session:
    """A session; `state` is its own scope, None until something is put into it."""

    name: str
    user: str
    create_time: int
    update_time: int
    expire_time: int
    display_name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    state: Json | None = None
    events: list[Json] = field(default_factory=list)
    originals: list[tuple[Json, Json]] = field(default_factory=list)
    retry_keys: list[Any] = field(default_factory=list)
    removed_keys: list[Any] = field(default_factory=list)
    states: list[tuple[Json | None, Json | None]] = field(default_factory=list)
    """The state right before and right after each event, in the order of their arrival."""
    request: Any = None
    """The fork that made it."""
    source: str = ""
    """The session that it is a fork of."""
    receipts: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many events each purge removed, by its requestId and its filter."""


@dataclass(eq=False)
class Engine:
    """What is below an engine's name; `resource` is None where nobody created the engine."""

    name: str
    resource: Json | None = None
    create_time: int = 0
    update_time: int = 0
    app: Json = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    """The state of everybody who had a session or state."""
    sessions: dict[str, Session] = field(default_factory=dict)


def without(item: Json, *fields: str) -> Json:
    """What is left of a resource when it is not compared whole."""
    return {key: value for key, value in item.items() if key not in fields}
