"""The record that stores keep of an event: its canonical JSON and its order."""

from dataclasses import dataclass

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import utf8_size
from functions.rules.names import SessionName

ENVELOPE_BYTES = 500
"""At least the size of an event's name and braces in JSON."""


@dataclass(slots=True)
class EventRecord:
    """The record that a store keeps of an event.

    `text` is the event's JSON without its name and without the opening brace: the server joins
    answers from stored texts. `timestamp` is in nanoseconds since the epoch. `former_id` is the id
    that earlier versions gave to the event of the same append, or "" if they chose it at random.
    `stored` is what a store keeps of the text of a new event; see functions.rules.event_text.
    """

    id: str
    timestamp: int
    author: str
    invocation_id: str
    text: str
    former_id: str = ""
    stored: str = ""

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        return ENVELOPE_BYTES + utf8_size(self.text)

    def to_json(self, session: SessionName | str) -> str:
        """Writes the SessionEvent of a list's answer."""
        return f'{{"name":"{session}/events/{self.id}",{self.text}'


def timestamp_key(timestamp: int) -> str:
    """Returns a timestamp from the year 1 on as 18 hexadecimal digits, which sort as it does."""
    return f"{timestamp - MIN_TIMESTAMP:018x}"
