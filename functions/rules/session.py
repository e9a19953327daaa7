"""The record that stores keep of a session, and the change that an update makes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import utf8_size, write_plain
from functions.rules.errors import SessionHasChanged, TooLarge
from functions.rules.limits import MAX_NAME_BYTES
from functions.rules.names import SessionName
from functions.rules.state import StateChange, join_members, members_of, split_members
from functions.rules.token_usage import NO_USAGE, TokenUsage

ENVELOPE_BYTES = 500
"""At least the size of a session's name, times and braces in JSON."""

_WORST_ESCAPE = 6

_FACTS_CHARACTERS = 50
"""With _WORST_ESCAPE at least the size of what the full view adds, but for forkedFrom."""

_MICROSECOND = 1000


@dataclass(slots=True)
class SessionRecord:
    """The record that a store keeps of a session; times are nanoseconds since the epoch.

    `state` is the joined member texts of the session's own state, or None if it never had any.
    `shared` is the joined member texts of the state of its user and its engine. `unknown` has
    the fields that the API does not know in the same way.

    `version` is the part of the etag that every write to the session moves. `event_count` is None
    where the store does not know it yet, `usage` sums what the events say of tokens, and
    `last_event_time` is the newest time that an event had; `forked_from` is the JSON of forkedFrom,
    or "". A list has these and the version in its full view alone.
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
    version: str = ""
    event_count: int | None = None
    usage: TokenUsage = NO_USAGE
    last_event_time: int | None = None
    forked_from: str = ""

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        characters = len(self.user_id) + len(self.display_name)
        if self.labels:
            characters += sum(map(len, (*self.labels, *self.labels.values())))
        large = f"{self.state or ''}{self.shared}{self.unknown}"
        if self.version:
            characters += _FACTS_CHARACTERS + len(self.forked_from)
        return ENVELOPE_BYTES + _WORST_ESCAPE * characters + utf8_size(large)

    @property
    def etag(self) -> str:
        """The etag of the session with its shared state: `version.hash`, without quotes.

        The hash is of the shared state alone, which changes without the session.
        """
        shared = hashlib.sha256(self.shared.encode()).hexdigest()[:12] if self.shared else "0"
        return f"{self.version}.{shared}"

    def to_json(self, *, official: bool = False, full: bool = False) -> str:
        """The Session as get answers it, in the full view or the basic one.

        `official` leaves out what the API does not know.
        """
        state = ""
        if self.state is not None or self.shared:
            comma = "," if self.state and self.shared else ""
            state = f',"sessionState":{{{self.state or ""}{comma}{self.shared}}}'
        engine, session = self.name
        text = self.text(official=official)
        if full:
            text += self._facts({"etag": self.etag})
        return f'{{"name":"{engine}/sessions/{session}",{text}{state}}}'

    def exported(self) -> str:
        """The Session as an export has it: in the full view without etag, with its own state."""
        state = "" if self.state is None else f',"sessionState":{{{self.state}}}'
        return f'{{"name":"{self.name}",{self.text()}{self._facts({})}{state}}}'

    def _facts(self, facts: dict[str, Any]) -> str:
        """More facts and those of the full view; what the store does not know is left out."""
        if self.event_count is not None:
            facts["eventCount"] = self.event_count
        if usage := self.usage.named():
            facts["usage"] = usage
        if self.last_event_time is not None:
            facts["lastEventTime"] = format_timestamp(self.last_event_time)
        members = f",{write_plain(facts)[1:-1]}" if facts else ""
        return f'{members},"forkedFrom":{self.forked_from}' if self.forked_from else members

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
    """The change that an update makes to a session; None leaves a field unchanged."""

    display_name: str | None = None
    labels: Mapping[str, str] | None = None
    expire_time: int | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    state: StateChange = field(default_factory=StateChange)

    def apply(self, record: SessionRecord, now: int) -> None:
        """Changes the record except for its state, which the store merges."""
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
    """Returns the next update_time: `now`, but at least a microsecond after `update_time`."""
    return max(now, update_time + _MICROSECOND)


def check_version(name: SessionName, current: str, expected: str | None) -> None:
    """Raises SessionHasChanged if a caller expects another version than the current one."""
    if expected is not None and expected != current:
        raise SessionHasChanged(name, expected, current)


def check_length(name: str, text: str) -> None:
    """Raises TooLarge if the text has more than MAX_NAME_BYTES; `name` names its field."""
    size = utf8_size(text)
    if size > MAX_NAME_BYTES:
        raise TooLarge(name, size, MAX_NAME_BYTES)
