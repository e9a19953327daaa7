"""The record that stores keep of a user of an engine."""

from dataclasses import dataclass

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import object_text, write_plain
from functions.rules.names import UserName

_ENVELOPE_BYTES = 500
_WORST_ESCAPE = 6


@dataclass(slots=True)
class UserRecord:
    """A user who had a session or state below an engine.

    `create_time` is nanoseconds since the epoch, None if no store knows it.
    """

    name: UserName
    create_time: int | None

    def size(self) -> int:
        """Returns an upper estimate of the bytes of `to_json`."""
        return _ENVELOPE_BYTES + 2 * _WORST_ESCAPE * len(self.name.user_id)

    def to_json(self) -> str:
        """Writes `{"name", "userId", "createTime"}`."""
        return object_text(
            f'"name":"{self.name}"',
            f'"userId":{write_plain(self.name.user_id)}',
            f'"createTime":"{format_timestamp(self.create_time)}"' if self.create_time else "",
        )
