"""State and its scopes: a key belongs to the session, to its user, to its engine, or to no state.

A store keeps each key as a member text, `"key":value`. It merges keys without parsing them, and the
server joins answers from stored texts; see docs/decisions/0004-state-as-member-text.md.
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
"""Bytes that an append may add to a session's state without a check of its total size."""

_PLAIN_KEY = re.compile(r"(?!__.*__$)[^~`\\\x00-\x1f][^`\\\x00-\x1f]{0,99}", re.DOTALL)

Members = dict[str, str]
"""Key → member text."""

MemberChanges = dict[str, str | None]
"""Key → new member text, or None for a key that goes."""


@dataclass(slots=True)
class StateChange:
    """The change that a write makes to each scope; `replace` drops the session's other keys."""

    session: MemberChanges = field(default_factory=dict)
    app: MemberChanges = field(default_factory=dict)
    user: MemberChanges = field(default_factory=dict)
    replace: bool = False

    @property
    def needs_current_state(self) -> bool:
        """Whether the store must read the session before it writes the change.

        Keys of the user or the engine need the session's user and a check that the session lives;
        see docs/decisions/0002-shared-state-reads-first.md. A large change needs the state's size.
        """
        size = sum(utf8_size(member or "") for member in self.session.values())
        return bool(self.app or self.user) or size > _SMALL_CHANGE

    def check_size(self) -> None:
        """Raises TooLarge if the change alone is larger than a scope may be."""
        for scope in (self.session, self.app, self.user):
            # A member's key is in its text, and a character has at most four bytes. The name of a
            # key that Firestore does not take has 33.
            most = sum(35 + 8 * len(member or "") for member in scope.values())
            if most > MAX_STATE_BYTES:
                merge_members({}, scope)

    @property
    def is_of_session(self) -> bool:
        """Whether the change affects the session's own state."""
        return self.replace or bool(self.session)


def state_change(
    values: Mapping[str, Any], removed: Iterable[str] = (), *, replace: bool = False
) -> StateChange:
    """Sorts keys into their scopes; `temp:` keys have no scope and stay only in their event."""
    change = StateChange(replace=replace)
    for key in removed:
        _scope(change, key)[key] = None
    for key, member in members_of(values).items():
        _scope(change, key)[key] = member
    return change


def merged(changes: Iterable[StateChange]) -> StateChange:
    """Returns one change that does what these do one after the other; none of them replaces."""
    first, *others = changes
    if not others:
        return first
    result = StateChange({**first.session}, {**first.app}, {**first.user})
    for change in others:
        result.session.update(change.session)
        result.app.update(change.app)
        result.user.update(change.user)
    return result


def stored_name(key: str) -> str:
    """Returns a key's field name in a document: the key if Firestore takes it, else a hash of it.

    The hash needs no inverse, because the member text holds the key.
    """
    if _PLAIN_KEY.fullmatch(key):
        return key
    return f"~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def merge_members(members: Members, changes: MemberChanges) -> Members:
    """Returns the members after the changes; raises TooLarge beyond MAX_STATE_BYTES.

    The size of a scope is the sum of `member_size` over its members.
    """
    merged = {**members, **changes}
    kept = {key: member for key, member in merged.items() if member is not None}
    check_state_size(sum(member_size(key, member) for key, member in kept.items()))
    return kept


def member_size(key: str, member: str) -> int:
    """Returns the bytes that a member takes of its scope's MAX_STATE_BYTES."""
    return utf8_size(stored_name(key)) + utf8_size(member) + 2


def check_state_size(size: int) -> None:
    """Raises TooLarge if the members of a scope have more than MAX_STATE_BYTES together."""
    if size > MAX_STATE_BYTES:
        raise TooLarge("State", size, MAX_STATE_BYTES)


def members_of(values: Mapping[str, Any]) -> Members:
    """Returns each key with its member text."""
    return {key: f"{write_json(key)}:{write_json(value)}" for key, value in values.items()}


def split_members(text: str) -> Members:
    """Splits a text that `join_members` made."""
    return members_of(read_json(f"{{{text}}}".encode())) if text else {}


def join_members(members: Iterable[str]) -> str:
    """Joins member texts in sorted order, so that all stores answer the same bytes."""
    return ",".join(sorted(members))


def _scope(change: StateChange, key: str) -> MemberChanges:
    if key.startswith("app:"):
        return change.app
    if key.startswith("user:"):
        return change.user
    return {} if key.startswith("temp:") else change.session
