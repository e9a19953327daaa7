"""Firestore's values and writes, made and read as plain protobuf messages.

State maps hold the member text of each key under its stored name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from functions.rules.state import MemberChanges, Members, stored_name
from functions.store.firestore.protobuf import Document, DocumentTransform, Timestamp, Value, Write

Storable: TypeAlias = "str | int | Timestamp | Mapping[str, Storable] | Sequence[Storable]"
Fields = Mapping[str, Storable]
Member = TypeVar("Member", str, str | None)


def field_path(container: str, key: str) -> str:
    """The path of a state key for an update mask."""
    return f"{container}.`{stored_name(key)}`"


def value(of: Storable) -> Value:
    """A Firestore Value."""
    result = Value()
    _set(result, of)
    return result


def document(path: str, fields: Fields) -> Document:
    """A Document at a full path."""
    result = Document(name=path)
    for name, item in fields.items():
        _set(result.fields[name], item)
    return result


def _set(target: Value, of: Storable) -> None:
    # Sets the value in place: making a Value and copying it into the document takes longer.
    if isinstance(of, str):
        target.string_value = of
    elif isinstance(of, bool):
        target.boolean_value = of
    elif isinstance(of, int):
        target.integer_value = of
    elif isinstance(of, Timestamp):
        target.timestamp_value.CopyFrom(of)
    elif isinstance(of, Mapping):
        target.map_value.SetInParent()
        for key, item in of.items():
            _set(target.map_value.fields[key], item)
    else:
        target.array_value.SetInParent()
        for item in of:
            _set(target.array_value.values.add(), item)


def creation(path: str, fields: Fields) -> Write:
    """A write that fails when the document is there."""
    result = Write(update=document(path, fields))
    result.current_document.exists = False
    return result


def absence(path: str) -> Write:
    """A write of nothing that fails when the document is there."""
    result = Write(delete=path)
    result.current_document.exists = False
    return result


def update(
    path: str, fields: Fields, mask: Iterable[str], *, changed_since: Timestamp | None = None
) -> Write:
    """A write of some fields to a document that must exist, unchanged since `changed_since`."""
    result = Write(update=document(path, fields))
    result.update_mask.SetInParent()  # without a mask, these would be the only fields
    result.update_mask.field_paths.extend(mask)
    if changed_since is None:
        result.current_document.exists = True
    else:
        result.current_document.update_time.CopyFrom(changed_since)
    return result


def merge(path: str, container: str, changes: MemberChanges, fields: Fields | None = None) -> Write:
    """A write that merges members into a map, whether the document exists or not."""
    extra = dict(fields or {})
    members = {container: stored_members(changes)} if changes else {}
    result = Write(update=document(path, {**members, **extra}))
    result.update_mask.field_paths.extend(field_path(container, key) for key in changes)
    result.update_mask.field_paths.extend(extra)
    return result


def stamp(write: Write, field: str) -> None:
    """Makes Firestore set a field to the time at which it receives the write."""
    write.update_transforms.add(
        field_path=field
    ).set_to_server_value = DocumentTransform.FieldTransform.ServerValue.REQUEST_TIME


def timestamp(nanoseconds: int) -> Timestamp:
    """A protobuf Timestamp; Firestore keeps microseconds."""
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def nanoseconds(stamp: Timestamp) -> int:
    """A protobuf Timestamp as nanoseconds since the epoch."""
    return stamp.seconds * 10**9 + stamp.nanos


def members_of(found: Document | None, container: str) -> Members:
    """Field name → member text of a map in a document, which may be missing altogether."""
    if found is None or container not in found.fields:
        return {}
    fields = found.fields[container].map_value.fields
    return {name: item.string_value for name, item in fields.items()}


def stored_members(changes: MemberChanges) -> Members:
    """The members that a change sets, keyed as documents key them."""
    return {stored_name(key): member for key, member in changes.items() if member is not None}


def by_field_name(changes: Mapping[str, Member]) -> dict[str, Member]:
    """Members or changes keyed as documents key them."""
    return {stored_name(key): member for key, member in changes.items()}
