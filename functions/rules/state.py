"""State and its scopes: which keys belong to the session, its user, its engine, or nobody.

State is kept as members, the text `"key":value` of each key, so that stores merge keys without
reading them and answers are joined from stored text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.messages.json_text import read_json, write_json
from functions.rules.errors import TooLarge
from functions.rules.limits import MAX_STATE_BYTES

Members = dict[str, str]
"""Key → member text."""

MemberChanges = dict[str, str | None]
"""Key → new member text, or None for a key that goes."""


@dataclass(slots=True)
class StateChange:
    """What a write does to each scope of state; `replace` drops the session's other keys."""

    session: MemberChanges = field(default_factory=dict)
    app: MemberChanges = field(default_factory=dict)
    user: MemberChanges = field(default_factory=dict)
    replace: bool = False

    @property
    def is_of_session(self) -> bool:
        """Whether it changes the session's own state."""
        return self.replace or bool(self.session)


def state_change(
    values: Mapping[str, Any], removed: Iterable[str] = (), *, replace: bool = False
) -> StateChange:
    """Sorts keys into their scopes; `temp:` keys belong to none and stay in their event."""
    change = StateChange(replace=replace)
    for key in removed:
        _scope(change, key)[key] = None
    for key, value in values.items():
        _scope(change, key)[key] = f"{write_json(key)}:{write_json(value)}"
    return change


def merge_members(members: Members, changes: MemberChanges) -> Members:
    """The members after the changes; raises TooLarge past what one document holds.

    Keys count twice, as a document stores them.
    """
    merged = {**members, **changes}
    kept = {key: member for key, member in merged.items() if member is not None}
    size = sum(len(key.encode()) + len(member.encode()) + 2 for key, member in kept.items())
    if size > MAX_STATE_BYTES:
        raise TooLarge("State", size, MAX_STATE_BYTES)
    return kept


def split_members(text: str) -> Members:
    """The members that `join_members` joined."""
    values = read_json(f"{{{text}}}".encode())
    return {key: f"{write_json(key)}:{write_json(value)}" for key, value in values.items()}


def join_members(members: Iterable[str]) -> str:
    """Members in their one order, so that every store answers the same bytes."""
    return ",".join(sorted(members))


def _scope(change: StateChange, key: str) -> MemberChanges:
    if key.startswith("app:"):
        return change.app
    if key.startswith("user:"):
        return change.user
    return {} if key.startswith("temp:") else change.session
