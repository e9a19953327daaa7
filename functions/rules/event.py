"""An event as stores keep it: canonical JSON text and an order."""

from dataclasses import dataclass

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import utf8_size
from functions.rules.names import SessionName

ENVELOPE_BYTES = 500
"""What an event's name and braces add to its text, rather more than less."""


@dataclass(slots=True)
class EventRecord:
    """What a store keeps of an event.

    `text` is the event's JSON without its name and without the opening brace, so that an answer
    is joined from stored text; `timestamp` is nanoseconds since the epoch. `former_id` is the id
    that earlier versions gave to the event of the same append, "" where they chose it at random.
    """

    id: str
    timestamp: int
    author: str
    invocation_id: str
    text: str
    former_id: str = ""

    def size(self) -> int:
        """About how many bytes `to_json` has, rather more than fewer."""
        return ENVELOPE_BYTES + utf8_size(self.text)

    def to_json(self, session: SessionName | str) -> str:
        """The SessionEvent as list answers it."""
        return f'{{"name":"{session}/events/{self.id}",{self.text}'


def timestamp_key(timestamp: int) -> str:
    """A timestamp as 18 hexadecimal digits that order as it does, from the year 1 on."""
    return f"{timestamp - MIN_TIMESTAMP:018x}"
