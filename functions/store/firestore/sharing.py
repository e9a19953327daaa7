"""App and user state: documents of their own, which outlive every session.

The engine's document remembers whether any user state exists, so that an engine without it
costs no extra read.
"""

from collections.abc import Collection, Mapping, Sequence

from functions.aip.errors import ApiError
from functions.rules.errors import TooLarge
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import MemberChanges, StateChange, join_members, merge_members
from functions.store.firestore.documents import user_path
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.rpc import Refused, Rpc
from functions.store.firestore.values import (
    Storable,
    by_field_name,
    members_of,
    merge,
    stamp,
    timestamp,
)

Owner = tuple[str, str]
"""An engine's name and a user id."""


def has_user_state(engine: Document | None) -> bool:
    """Whether any user of the engine has state of their own."""
    return engine is not None and engine.fields.get("hasUserState") is not None


def user_documents(
    rpc: Rpc, engines: Mapping[str, Document | None], owners: Collection[Owner]
) -> dict[Owner, Document | None]:
    """Owner → document, of those whose engines have user state at all; one call at most."""
    wanted = sorted(owner for owner in owners if has_user_state(engines[owner[0]]))
    found = rpc.batch_get([user_path(*owner) for owner in wanted])() if wanted else []
    return dict(zip(wanted, found, strict=True))


def share(
    rpc: Rpc, records: Sequence[SessionRecord], engines: Mapping[str, Document | None]
) -> None:
    """Adds app and user state to the sessions of some engines' documents; one call at most."""
    owners = {(record.name.engine, record.user_id) for record in records}
    users = user_documents(rpc, engines, owners)
    for record in records:
        user = users.get((record.name.engine, record.user_id))
        record.shared = shared_state(engines[record.name.engine], user)


def shared_state(
    engine: Document | None, user: Document | None, change: StateChange | None = None
) -> str:
    """The joined members of app and user state, after a change if there is one."""
    change = change or StateChange()
    app = _changed(engine, "app", change.app)
    own = _changed(user, "state", change.user)
    return ",".join(filter(None, (app, own)))


def check_state_size(found: Document | None, state: StateChange) -> None:
    """Raises TooLarge for a change that the session's own state has no room for."""
    merge_members(members_of(found, "state"), by_field_name(state.session))


def explanation(rpc: Rpc, name: SessionName, state: StateChange, refusal: Refused) -> ApiError:
    """What Firestore found too large, in the words that every store has for it."""
    (found,) = rpc.batch_get([str(name)], ["state"])()
    try:
        check_state_size(found, state)
    except TooLarge as too_large:
        return too_large
    return refusal


def is_registered(user: Document | None) -> bool:
    """Whether a user's document says since when it is there."""
    return user is not None and "createTime" in user.fields


def shared_writes(
    rpc: Rpc,
    name: str,
    engine: Document | None,
    user_id: str,
    change: StateChange,
    user_since: int | None = None,
) -> list[Write]:
    """The writes that merge a change into app and user state.

    `user_since` is the time, in nanoseconds, from which on the user has a document; None where
    that is there already.
    """
    writes = []
    path = f"{rpc.root}/{name}"
    first_of_all_users = bool(change.user) and not has_user_state(engine)
    if change.app or first_of_all_users:
        flag = {"hasUserState": True} if first_of_all_users else {}
        writes.append(merge(path, "app", change.app, flag))
        if change.app:
            stamp(writes[-1], "appUpdated")
    if change.user or user_since is not None:
        user = f"{rpc.root}/{user_path(name, user_id)}"
        fields: dict[str, Storable] = {"userId": user_id}
        if user_since is not None:
            fields["createTime"] = timestamp(user_since)
        writes.append(merge(user, "state", change.user, fields))
        if change.user:
            stamp(writes[-1], "updated")
    return writes


def _changed(found: Document | None, container: str, changes: MemberChanges) -> str:
    members = members_of(found, container)
    if changes:
        members = merge_members(members, by_field_name(changes))
    return join_members(members.values())
