"""App and user state by themselves: the `app:` keys of an engine, the `user:` keys of a user.

In answers and bodies their keys are without the prefix that they have in a sessionState.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from functions.aip.timestamp import format_timestamp
from functions.messages.json_text import object_text
from functions.rules.names import EngineName, UserName
from functions.rules.state import MemberChanges

StateOwner = EngineName | UserName
"""An engine has app state; a user of an engine has user state."""


@dataclass(slots=True)
class SharedState:
    """The state of one owner; `members` are member texts, whose keys have the prefix.

    `update_time` is nanoseconds since the epoch, None if no write of the state is known.
    """

    owner: StateOwner
    members: Iterable[str]
    update_time: int | None

    def to_json(self) -> str:
        """Writes `{"name", "state", "updateTime"}`."""
        start = len(f'"{prefix_of(self.owner)}')
        state = ",".join(f'"{member[start:]}' for member in sorted(self.members))
        return object_text(
            f'"name":"{self.owner}/state"',
            f'"state":{{{state}}}',
            f'"updateTime":"{format_timestamp(self.update_time)}"' if self.update_time else "",
        )


@dataclass(slots=True)
class SharedStateChange:
    """The change of one owner's state; `replace` drops the other keys. Keys have the prefix.

    `update_time` is the state's time after an import, in nanoseconds; None for the store's own.
    """

    members: MemberChanges = field(default_factory=dict)
    replace: bool = False
    update_time: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to change."""
        return not (self.members or self.replace)


def prefix_of(owner: StateOwner) -> str:
    """Returns the prefix of the owner's keys in a sessionState."""
    return "user:" if isinstance(owner, UserName) else "app:"


def engine_of(owner: StateOwner) -> EngineName:
    """Returns the engine, or the engine of the user."""
    return owner.engine if isinstance(owner, UserName) else owner
