"""A session as stores keep it, and the rules for making and changing one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import utf8_size, write_json
from functions.messages.session import Session
from functions.rules.errors import InvalidFields, TooLarge
from functions.rules.expiry import DEFAULT_TTL, chosen_expire_time
from functions.rules.labels import sorted_labels
from functions.rules.limits import MAX_NAME_BYTES
from functions.rules.names import SessionName
from functions.rules.state import (
    StateChange,
    join_members,
    members_of,
    merge_members,
    split_members,
    state_change,
)

ENVELOPE_BYTES = 500
"""What a session's name, times and braces are in JSON, rather more than less."""

_WORST_ESCAPE = 6

OUTPUT_ONLY = frozenset({"name", "create_time", "update_time"})
MUTABLE = frozenset({"display_name", "labels", "session_state", "expire_time", "ttl"})


@dataclass(slots=True)
class SessionRecord:
    """What a store keeps of a session; times are nanoseconds since the epoch.

    `state` is the session's own members, joined, or None when it never had any; `shared` is the
    members of its user's and its engine's state, joined; `unknown` is the members of fields that
    the API does not know.
    """

    name: SessionName
    user_id: str
    display_name: str
    labels: Mapping[str, str]
    create_time: int
    update_time: int
    expire_time: int
    state: str | None = None
    shared: str = ""
    unknown: str = ""

    def size(self) -> int:
        """About how many bytes `to_json` has, rather more than fewer."""
        characters = len(self.user_id) + len(self.display_name)
        if self.labels:
            characters += sum(map(len, (*self.labels, *self.labels.values())))
        large = f"{self.state or ''}{self.shared}{self.unknown}"
        return ENVELOPE_BYTES + _WORST_ESCAPE * characters + utf8_size(large)

    def to_json(self, *, official: bool = False) -> str:
        """The Session as get answers it; `official` leaves out what the API does not know."""
        state = ""
        if self.state is not None or self.shared:
            comma = "," if self.state and self.shared else ""
            state = f',"sessionState":{{{self.state or ""}{comma}{self.shared}}}'
        return f'{{"name":"{self.name}",{self.text(official=official)}{state}}}'

    def text(self, *, official: bool = False) -> str:
        """The members that `to_json` has between the name and the state."""
        parts = [
            f'"createTime":"{format_timestamp(self.create_time)}",'
            f'"updateTime":"{format_timestamp(self.update_time)}"'
        ]
        if self.display_name:
            parts.append(f'"displayName":{write_json(self.display_name)}')
        if self.labels:
            parts.append(f'"labels":{write_json(self.labels)}')
        parts.append(
            f'"userId":{write_json(self.user_id)},'
            f'"expireTime":"{format_timestamp(self.expire_time)}"'
        )
        if self.unknown and not official:
            parts.append(self.unknown)
        return ",".join(parts)


@dataclass(slots=True)
class SessionChange:
    """What an update does to a session; None leaves a field alone."""

    display_name: str | None = None
    labels: Mapping[str, str] | None = None
    expire_time: int | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    state: StateChange = field(default_factory=StateChange)

    def apply(self, record: SessionRecord, now: int) -> None:
        """Changes all of the record but its state, which is the store's to merge."""
        record.update_time = now
        if self.display_name is not None:
            record.display_name = self.display_name
        if self.labels is not None:
            record.labels = self.labels
        if self.expire_time is not None:
            record.expire_time = self.expire_time
        if self.unknown:
            kept = {**split_members(record.unknown), **members_of(self.unknown)}
            record.unknown = join_members(kept.values())
            _check_length("unknown fields", record.unknown)


def new_session(
    name: SessionName, message: Session, now: int, min_ttl: int
) -> tuple[SessionRecord, StateChange]:
    """The record of a new session and the state that it starts with, every rule checked."""
    if not message.user_id:
        raise InvalidFields([("session.user_id", "Required field is not set.")])
    labels = sorted_labels(message.labels)
    record = SessionRecord(
        name=name,
        user_id=message.user_id,
        display_name=message.display_name or "",
        labels=labels,
        create_time=now,
        update_time=now,
        expire_time=chosen_expire_time(message, now, now, min_ttl) or now + DEFAULT_TTL,
        state=None if message.session_state is None else "",
        unknown=join_members(members_of(message.unknown_fields()).values()),
    )
    _check_length("session.user_id", record.user_id)
    _check_length("session.display_name", record.display_name)
    _check_length("unknown fields", record.unknown)
    state = state_change(message.session_state or {})
    for scope in (state.session, state.app, state.user):
        # Before any store looks, so that all answer in one order.
        merge_members({}, scope)
    return record, state


def changed_session(
    record: SessionRecord, message: Session, mask: Sequence[FieldPath], now: int, min_ttl: int
) -> SessionChange:
    """What the mask and the message make of the record, every rule checked."""
    if message.user_id and message.user_id != record.user_id:
        raise InvalidArgument("session.user_id is immutable.")
    fields = {path.field for path in mask}
    change = SessionChange(state=_changed_state(message, mask), unknown=message.unknown_fields())
    if "display_name" in fields:
        change.display_name = message.display_name or ""
        _check_length("session.display_name", change.display_name)
    if "labels" in fields:
        change.labels = sorted_labels(message.labels)
    if fields & {"ttl", "expire_time"}:
        change.expire_time = chosen_expire_time(message, record.create_time, now, min_ttl)
        if change.expire_time is None:
            raise InvalidArgument("updateMask names ttl or expire_time, but the body sets neither.")
    return change


def check_update_mask(mask: Sequence[FieldPath], message: Session) -> Sequence[FieldPath]:
    """The paths to change: the mask's, or without a mask the fields that the message sets.

    Raises InvalidArgument naming a path that is unknown, output-only or immutable.
    """
    populated = [
        FieldPath(name, None, name)
        for name in sorted(MUTABLE & message.model_fields_set)
        if getattr(message, name) is not None
    ]
    if not mask:
        return populated
    for path in mask:
        if path.field in OUTPUT_ONLY:
            raise InvalidArgument(f"updateMask names an output-only field: {path.text!r}.")
        if path.field not in MUTABLE | {"user_id", "*"}:
            raise InvalidArgument(f"updateMask names an unknown field: {path.text!r}.")
        if path.key is not None and path.field != "session_state":
            raise InvalidArgument(f"updateMask can name keys of session_state only: {path.text!r}.")
    if any(path.field == "*" for path in mask):
        expiration = [path for path in populated if path.field in {"ttl", "expire_time"}]
        always = ("display_name", "labels", "session_state")
        return [*(FieldPath(name, None, name) for name in always), *expiration]
    return mask


def _changed_state(message: Session, mask: Sequence[FieldPath]) -> StateChange:
    paths = [path for path in mask if path.field == "session_state"]
    if not paths:
        return StateChange()
    values = message.session_state or {}
    if any(path.key is None for path in paths):
        return state_change(values, replace=True)
    keys = {path.key for path in paths if path.key is not None}
    kept = {key: values[key] for key in keys & values.keys()}
    return state_change(kept, sorted(keys - values.keys()))


def _check_length(name: str, text: str) -> None:
    size = len(text.encode())
    if size > MAX_NAME_BYTES:
        raise TooLarge(name, size, MAX_NAME_BYTES)
