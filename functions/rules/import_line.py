"""The lines of an import, which are those of an export."""

from dataclasses import dataclass

from functions.rules.event import EventRecord
from functions.rules.session import SessionRecord
from functions.rules.shared_state import StateOwner
from functions.rules.state import MemberChanges, StateChange, join_members


@dataclass(frozen=True, slots=True)
class StateLine:
    """The app state of an engine or the user state of a user; keys of members have the prefix.

    `update_time` is when it changed last, in nanoseconds, None where the line does not say it.
    """

    owner: StateOwner
    members: MemberChanges
    update_time: int | None


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session with its own state; events and changes that follow belong to it.

    `says_expiry` is False where the line leaves the session's life to the server.
    """

    record: SessionRecord
    state: StateChange
    says_expiry: bool

    @property
    def state_text(self) -> str:
        """The state as records have it."""
        return join_members(each for each in self.state.session.values() if each is not None)


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """An event, or a change of the session's own state behind the event of an id, "" for none."""

    event: EventRecord | None
    change: StateChange | None = None
    change_id: str = ""
    after_event: str = ""


ImportLine = StateLine | SessionLine | HistoryLine
