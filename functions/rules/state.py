"""State and its scopes: which keys belong to the session, its user, its engine, or nobody.

State is kept as members, the text `"key":value` of each key, so that stores merge keys without
reading them and answers are joined from stored text.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.messages.json_text import read_json, utf8_size, write_json
from functions.rules.errors import TooLarge
from functions.rules.limits import MAX_STATE_BYTES

_SMALL_CHANGE = 16_384
"""Bytes that an append may add to a session's state unread."""

_PLAIN_KEY = re.compile(r"(?!__.*__$)[^~`\\\x00-\x1f][^`\\\x00-\x1f]{0,99}", re.DOTALL)

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
    def needs_current_state(self) -> bool:
        """Whether the state that it is merged into must be read first.

        What reaches beyond the session must know whose it is; what is large may be too much.
        """
        size = sum(utf8_size(member or "") for member in self.session.values())
        return bool(self.app or self.user) or size > _SMALL_CHANGE

    def check_size(self) -> None:
        """Raises TooLarge for what no store would take into an empty scope."""
        for scope in (self.session, self.app, self.user):
            merge_members({}, scope)

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
    for key, member in members_of(values).items():
        _scope(change, key)[key] = member
    return change


def stored_name(key: str) -> str:
    """A key as documents name it: itself where Firestore takes it, else a hash of it.

    The member text carries the key, so nothing needs the way back.
    """
    if _PLAIN_KEY.fullmatch(key):
        return key
    return f"~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def merge_members(members: Members, changes: MemberChanges) -> Members:
    """The members after the changes; raises TooLarge past what one document holds.

    The size is `member_size` over all members: what a document stores.
    """
    merged = {**members, **changes}
    kept = {key: member for key, member in merged.items() if member is not None}
    check_state_size(sum(member_size(key, member) for key, member in kept.items()))
    return kept


def member_size(key: str, member: str) -> int:
    """Bytes that a member takes of its scope's MAX_STATE_BYTES."""
    return utf8_size(stored_name(key)) + utf8_size(member) + 2


def check_state_size(size: int) -> None:
    """Raises TooLarge for a scope whose members have more bytes than one document holds."""
    if size > MAX_STATE_BYTES:
        raise TooLarge("State", size, MAX_STATE_BYTES)


def members_of(values: Mapping[str, Any]) -> Members:
    """Each key's member text."""
    return {key: f"{write_json(key)}:{write_json(value)}" for key, value in values.items()}


def split_members(text: str) -> Members:
    """The members that `join_members` joined."""
    return members_of(read_json(f"{{{text}}}".encode())) if text else {}


def join_members(members: Iterable[str]) -> str:
    """Members in their one order, so that every store answers the same bytes."""
    return ",".join(sorted(members))


def _scope(change: StateChange, key: str) -> MemberChanges:
    if key.startswith("app:"):
        return change.app
    if key.startswith("user:"):
        return change.user
    return {} if key.startswith("temp:") else change.session
