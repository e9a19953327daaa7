"""What creation and patches did to a session's own state, for states of the past.

    {session}/changes/{random}     members, replace, n

`members` maps the field name of each changed key to its member text, "" for a key that goes, and
`replace` says that all other keys go, too. The document is created by the commit that makes the
change: changes and events are ordered by the times at which Firestore created their documents, and
within one commit by `n`, 0 where it is missing. Deltas of events are in the events alone.
"""

import secrets

from functions.rules.state import StateChange
from functions.store.firestore.protobuf import Write
from functions.store.firestore.values import Storable, by_field_name, creation


def change_writes(session: str, change: StateChange) -> list[Write]:
    """The write that keeps a change of the state of a session's full path; none for no change."""
    if not change.is_of_session:
        return []
    members = {name: member or "" for name, member in by_field_name(change.session).items()}
    fields: dict[str, Storable] = {"members": members, "replace": change.replace}
    return [creation(f"{session}/changes/{secrets.token_hex(10)}", fields)]
