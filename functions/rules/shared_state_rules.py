"""The rules that make a change of app or user state of a State message."""

from collections.abc import Sequence

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.messages.state import State
from functions.rules.names import UserName
from functions.rules.session import check_length
from functions.rules.shared_state import SharedStateChange, StateOwner, prefix_of
from functions.rules.state import MemberChanges, members_of, merge_members

_OUTPUT_ONLY = frozenset({"name", "update_time"})


def shared_state_change(
    owner: StateOwner, message: State, mask: Sequence[FieldPath]
) -> SharedStateChange:
    """Returns the change of the mask and the message; a path `state.key` replaces one key.

    Without a mask, the message's state replaces the whole state. Raises InvalidArgument naming a
    path that cannot be changed, and TooLarge.
    """
    if isinstance(owner, UserName):
        check_length("user_id", owner.user_id)
    for path in mask:
        if path.field in _OUTPUT_ONLY:
            raise InvalidArgument(f"updateMask names an output-only field: {path.text!r}.")
        if path.field not in ("state", "*"):
            raise InvalidArgument(f"updateMask names an unknown field: {path.text!r}.")
    values, prefix = message.state or {}, prefix_of(owner)
    replace = any(path.key is None for path in mask) or (not mask and message.state is not None)
    changes: MemberChanges = {}
    if not replace:
        keys = {path.key for path in mask if path.key is not None}
        changes = {f"{prefix}{key}": None for key in keys}
        values = {key: values[key] for key in keys & values.keys()}
    changes |= members_of({f"{prefix}{key}": value for key, value in values.items()})
    # Checked before the store is asked, so that all stores raise the same error.
    merge_members({}, changes)
    return SharedStateChange(changes, replace)
