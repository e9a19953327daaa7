"""The record that stores keep of an event: its canonical JSON and its order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import utf8_size
from functions.rules.names import SessionName
from functions.rules.state import StateChange
from functions.rules.token_usage import NO_USAGE, TokenUsage

ENVELOPE_BYTES = 500
"""At least the size of an event's name and braces in JSON."""

_INT64 = (-(2**63), 2**63 - 1)

NO_TIME = _INT64[0]
"""The `counted_time` of no event, which is before that of every event."""


@dataclass(slots=True)
class EventRecord:
    """The record that a store keeps of an event.

    `text` is the event's JSON without its name and without the opening brace: the server joins
    answers from stored texts. `timestamp` is in nanoseconds since the epoch. `former_id` is the id
    that earlier versions gave to the event of the same append, or "" if they chose it at random.
    `shorter` is what a store keeps of a new event in place of its text, "" for most; see
    functions.rules.event_text.
    `usage` is what it says of tokens when it is new, and `removed` has the keys that it takes from
    its session's state, which a stateDelta cannot say; of the records that stores read, those of a
    history alone have `removed`, and none has `usage`.
    """

    id: str
    timestamp: int
    author: str
    invocation_id: str
    text: str
    former_id: str = ""
    shorter: str = ""
    usage: TokenUsage = NO_USAGE
    removed: tuple[str, ...] = ()

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        return ENVELOPE_BYTES + utf8_size(self.text)

    @property
    def stored(self) -> str:
        """What a store keeps of the text of a new event."""
        return self.shorter or self.text

    def to_json(self, session: SessionName | str) -> str:
        """Writes the SessionEvent of a list's answer."""
        return f'{{"name":"{session}/events/{self.id}",{self.text}'


EventAndState = tuple[EventRecord, StateChange]
"""A new event and its change of state."""


def timestamp_key(timestamp: int) -> str:
    """Returns a timestamp from the year 1 on as 18 hexadecimal digits, which sort as it does."""
    return f"{timestamp - MIN_TIMESTAMP:018x}"


class EventCounts(NamedTuple):
    """What a session counts of some events; `last_time` is the newest `counted_time`."""

    events: int
    usage: TokenUsage
    last_time: int


def counts_of(events: Iterable[EventRecord]) -> EventCounts:
    """The counts of one new event or more."""
    number, usage, last = 0, NO_USAGE, MIN_TIMESTAMP
    for event in events:
        number += 1
        if event.usage is not NO_USAGE:
            usage = usage.plus(event.usage)
        if event.timestamp > last:
            last = event.timestamp
    return EventCounts(number, usage, counted_time(last) if number else NO_TIME)


def counted_time(timestamp: int) -> int:
    """A timestamp in nanoseconds as stores compare it: the nearest one of 64 bits."""
    return min(max(timestamp, _INT64[0]), _INT64[1])


def shown_time(counted: int | None) -> int | None:
    """The timestamp that `counted_time` came from; None where 64 bits cannot say it."""
    return None if counted in _INT64 else counted
