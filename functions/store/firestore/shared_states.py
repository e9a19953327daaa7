"""App and user state by themselves: a read, and a write on condition.

    {engine}                app, appUpdated
    {engine}/users/{hash}   state, updated, userId, createTime

`appUpdated` and `updated` are when Firestore received the last write of the state. Documents that
only earlier versions wrote lack them.
"""

from functions.rules.names import UserName
from functions.rules.shared_state import SharedState, SharedStateChange, StateOwner, engine_of
from functions.rules.state import Members, merge_members
from functions.store.firestore.condemned import check_parent, is_condemned
from functions.store.firestore.documents import user_path
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.sharing import has_user_state
from functions.store.firestore.values import (
    Storable,
    by_field_name,
    creation,
    members_of,
    merge,
    nanoseconds,
    stamp,
    timestamp,
    update,
)

_APP, _USER = ("app", "appUpdated"), ("state", "updated")
"""The fields of app state and of user state."""


def get_shared_state(rpc: Rpc, owner: StateOwner) -> SharedState:
    """Reads app or user state; that of an engine that is being deleted is empty."""
    engine, found = _read(rpc, owner)
    return _shared_state(owner, None if is_condemned(engine) else found)


def update_shared_state(
    rpc: Rpc,
    owner: StateOwner,
    change: SharedStateChange,
    now: int,
    retries: Retries,
    *,
    require_engine: bool,
) -> SharedState:
    """Changes app or user state; raises TooLarge, ParentEngineNotFound or EngineBeingDeleted."""
    state, _ = _fields_of(owner)
    while True:
        engine, found = _read(rpc, owner)
        check_parent(str(engine_of(owner)), engine, require_engine=require_engine)
        if change.is_empty:
            return _shared_state(owner, found)
        old = {} if change.replace else members_of(found, state)
        members = merge_members(old, by_field_name(change.members))
        writes = _writes(rpc, owner, engine, found, members, change.update_time, now)
        try:
            answer = rpc.commit(writes)
        except (AlreadyExists, Missing, Stale):
            retries.wait()
        else:
            stamped = answer.write_results[0].transform_results
            time = nanoseconds(stamped[0].timestamp_value) if stamped else change.update_time
            return SharedState(owner, members.values(), time)


def _read(rpc: Rpc, owner: StateOwner) -> tuple[Document | None, Document | None]:
    """The engine's document, and the one that holds the state."""
    engine = str(engine_of(owner))
    if not isinstance(owner, UserName):
        (found,) = rpc.batch_get([engine])()
        return found, found
    found, user = rpc.batch_get([engine, user_path(engine, owner.user_id)])()
    return found, user


def _fields_of(owner: StateOwner) -> tuple[str, str]:
    return _USER if isinstance(owner, UserName) else _APP


def _shared_state(owner: StateOwner, found: Document | None) -> SharedState:
    state, updated = _fields_of(owner)
    has_time = found is not None and updated in found.fields
    time = nanoseconds(found.fields[updated].timestamp_value) if found and has_time else None
    return SharedState(owner, members_of(found, state).values(), time)


def _writes(
    rpc: Rpc,
    owner: StateOwner,
    engine: Document | None,
    found: Document | None,
    members: Members,
    update_time: int | None,
    now: int,
) -> list[Write]:
    """Replaces the state of a document that has not changed since it was read."""
    name = str(engine_of(owner))
    state, updated = _fields_of(owner)
    fields: dict[str, Storable] = {state: members}
    if update_time is not None:
        fields[updated] = timestamp(update_time)
    path, more = f"{rpc.root}/{name}", list[Write]()
    if isinstance(owner, UserName):
        path = f"{rpc.root}/{user_path(name, owner.user_id)}"
        if found is None:
            fields |= {"userId": owner.user_id, "createTime": timestamp(now)}
        if not has_user_state(engine):
            more.append(merge(f"{rpc.root}/{name}", "app", {}, {"hasUserState": True}))
    if found is None:
        write = creation(path, fields)
    else:
        write = update(path, fields, fields, changed_since=found.update_time)
    if update_time is None:
        stamp(write, updated)
    return [write, *more]
