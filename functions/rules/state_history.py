"""The state that changes and events make, one after the other in the order of their arrival."""

from collections.abc import Mapping
from typing import Any

from functions.messages.json_text import read_json
from functions.rules.state import MemberChanges, join_members, state_change


class StateHistory:
    """One change that does what all changes up to here did.

    `members` has the latest member text of each key that they set, and None for each key that they
    removed. `replace` tells that all other keys go. A history from an empty state on replaces it,
    so that its members are the state, whatever the number of changes.

    The keys may be those of state or the names that stores give to them.
    """

    def __init__(self, *, replace: bool = True) -> None:
        self.members: MemberChanges = {}
        self.replace = replace

    def apply(self, members: Mapping[str, str | None], *, replace: bool = False) -> None:
        """Adds the next change of the session's own state."""
        if replace:
            self.members, self.replace = {}, True
        for key, member in members.items():
            if member is None and self.replace:
                self.members.pop(key, None)
            else:
                self.members[key] = member


def changes_of_event(text: str) -> MemberChanges:
    """The changes that an event made to its session's own state.

    `text` is the event's JSON without the opening brace, as a record has it.
    """
    # The text is compact: this finds a delta that is not empty.
    if '"stateDelta":{"' not in text:
        return {}
    return changes_of_delta(read_json(f"{{{text}".encode()).get("actions", {}).get("stateDelta"))


def kept_delta(text: str) -> str:
    """The JSON that stores keep of a removed event: what it did to its session's own state.

    Its `temp:`, `app:` and `user:` keys are in no history, and may be larger than a document.
    """
    return f"{{{join_members(member for member in changes_of_event(text).values() if member)}}}"


def changes_of_delta(delta: Mapping[str, Any] | None) -> MemberChanges:
    """The changes that a stateDelta made to its session's own state."""
    return state_change(delta or {}).session
