"""A session as stores keep it, and what an update does to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import utf8_size, write_plain
from functions.rules.errors import TooLarge
from functions.rules.limits import MAX_NAME_BYTES
from functions.rules.names import SessionName
from functions.rules.state import StateChange, join_members, members_of, split_members

ENVELOPE_BYTES = 500
"""What a session's name, times and braces are in JSON, rather more than less."""

_WORST_ESCAPE = 6

_MICROSECOND = 1000


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
        engine, session = self.name
        text = self.text(official=official)
        return f'{{"name":"{engine}/sessions/{session}",{text}{state}}}'

    def text(self, *, official: bool = False) -> str:
        """The members that `to_json` has between the name and the state."""
        name = f'"displayName":{write_plain(self.display_name)},' if self.display_name else ""
        labels = f'"labels":{write_plain(self.labels)},' if self.labels else ""
        unknown = f",{self.unknown}" if self.unknown and not official else ""
        return (
            f'"createTime":"{format_timestamp(self.create_time)}",'
            f'"updateTime":"{format_timestamp(self.update_time)}",'
            f'{name}{labels}"userId":{write_plain(self.user_id)},'
            f'"expireTime":"{format_timestamp(self.expire_time)}"{unknown}'
        )


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
            check_length("unknown fields", record.unknown)


def later(update_time: int, now: int) -> int:
    """The update_time that follows another: now, or a microsecond more where clocks disagree."""
    return max(now, update_time + _MICROSECOND)


def check_length(name: str, text: str) -> None:
    """Raises TooLarge for a text that is longer than a name may be."""
    size = utf8_size(text)
    if size > MAX_NAME_BYTES:
        raise TooLarge(name, size, MAX_NAME_BYTES)
