"""What creation and patches did to a session's own state, for states of the past.

    {session}/changes/{id}     members, replace, arrived, n

`members` maps the field name of each changed key to its member text, "" for a key that goes, and
`replace` says that all other keys go, too. The document is created by the commit that makes the
change: changes and events are ordered by the times at which Firestore created their documents, and
within one commit by `n`, 0 where it is missing. Deltas of events are in the events alone.
"""

import secrets
from collections.abc import Mapping

from functions.rules.state import StateChange
from functions.store.firestore.protobuf import Write
from functions.store.firestore.values import by_field_name, creation, stamp


def change_writes(session: str, change: StateChange) -> list[Write]:
    """The write that keeps a change of the state of a session's full path; none for no change."""
    if not change.is_of_session:
        return []
    return [change_write(session, by_field_name(change.session), replace=change.replace)]


def change_write(
    session: str, members: Mapping[str, str | None], *, replace: bool, change_id: str = ""
) -> Write:
    """The write that keeps a change of these fields; None is for one that goes.

    Without a `change_id` the id is random.
    """
    stored = {name: member or "" for name, member in members.items()}
    path = f"{session}/changes/{change_id or secrets.token_hex(10)}"
    write = creation(path, {"members": stored, "replace": replace})
    stamp(write, "arrived")
    return write
