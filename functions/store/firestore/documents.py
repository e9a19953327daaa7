"""Documents: how records become Firestore fields, and back.

    {engine}                        createTime, updateTime, resource, app, hasUserState
    {engine}/users/{hash}           userId, state
    {engine}/sessions/{id}          userId, displayName, labels, createTime, updateTime,
                                    expireTime, expiry, facets, state, incarnation
    {engine}/sessions/{id}/events/{id}   key, author, invocationId, text

`state` and `app` map a field name per key to the key's member text; `expiry` is expireTime in
whole microseconds, rounded up; `facets` is what equality filters look for. A deleted session
keeps only `expiry`, 0, until its events are gone.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from functions.aip.timestamp import MIN_TIMESTAMP, format_timestamp, parse_timestamp
from functions.messages.json_text import read_json, write_json
from functions.rules.engine import EngineRecord
from functions.rules.event import EventRecord
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import MemberChanges, Members, join_members
from functions.store.firestore.rpc import Document, Timestamp, Value, Write

_PLAIN_KEY = re.compile(r"(?!__.*__$)[A-Za-z_][A-Za-z0-9_:.-]{0,199}")
_MAX_FACET = 500
_KEY_DIGITS = 18

Fields = Mapping[str, Any]
Member = TypeVar("Member", str, str | None)


def user_path(engine: str, user_id: str) -> str:
    """Where a user's state lives; user ids may be anything, document ids may not."""
    return f"{engine}/users/{hashlib.sha256(user_id.encode()).hexdigest()[:40]}"


def field_name(key: str) -> str:
    """A state key as a Firestore field name; the member text carries the key itself."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return f"~{hashlib.sha256(key.encode()).hexdigest()}"


def field_path(container: str, key: str) -> str:
    """The path of a state key for an update mask."""
    return f"{container}.`{field_name(key)}`"


def facet(field: str, value: str) -> str:
    """What a session's `facets` hold for a field's value; Firestore truncates long values."""
    text = f"{field}={value}"
    if len(text) <= _MAX_FACET:
        return text
    return f"{field}#{hashlib.sha256(value.encode()).hexdigest()}"


def value(of: Any) -> Any:
    """A Firestore Value; Timestamps are given as protobuf messages."""
    if isinstance(of, str):
        return Value(string_value=of)
    if isinstance(of, bool):
        return Value(boolean_value=of)
    if isinstance(of, int):
        return Value(integer_value=of)
    if isinstance(of, Mapping):
        result = Value()
        result.map_value.SetInParent()
        for key, item in of.items():
            result.map_value.fields[key].CopyFrom(value(item))
        return result
    if isinstance(of, list):
        result = Value()
        result.array_value.SetInParent()
        result.array_value.values.extend(map(value, of))
        return result
    return Value(timestamp_value=of)


def document(path: str, fields: Fields) -> Any:
    """A Document at a full path."""
    result = Document(name=path)
    for name, item in fields.items():
        result.fields[name].CopyFrom(value(item))
    return result


def creation(path: str, fields: Fields) -> Any:
    """A write that fails when the document is there."""
    result = Write(update=document(path, fields))
    result.current_document.exists = False
    return result


def update(path: str, fields: Fields, mask: Iterable[str], *, changed_since: Any = None) -> Any:
    """A write of some fields to a document that must exist, unchanged since `changed_since`."""
    result = Write(update=document(path, fields))
    result.update_mask.field_paths.extend(mask)
    if changed_since is None:
        result.current_document.exists = True
    else:
        result.current_document.update_time.CopyFrom(changed_since)
    return result


def merge(path: str, container: str, changes: MemberChanges, fields: Fields | None = None) -> Any:
    """A write that merges members into a map, whether the document exists or not."""
    kept = {field_name(key): member for key, member in changes.items() if member is not None}
    extra = dict(fields or {})
    result = Write(update=document(path, {container: kept, **extra}))
    result.update_mask.field_paths.extend(field_path(container, key) for key in changes)
    result.update_mask.field_paths.extend(extra)
    return result


def touch(path: str, now: int, state: MemberChanges, changed_since: Any = None) -> Any:
    """The write that an append makes on its session; its one transform answers the expiry.

    Adding nothing to an integer tells its value without a read.
    """
    fields: dict[str, Any] = {"updateTime": timestamp(now)}
    mask = ["updateTime", *(field_path("state", key) for key in state)]
    if state:
        fields["state"] = by_field_name(state)
    result = update(path, fields, mask, changed_since=changed_since)
    result.update_transforms.add(field_path="expiry").increment.integer_value = 0
    return result


def timestamp(nanoseconds: int) -> Any:
    """A protobuf Timestamp; Firestore keeps microseconds."""
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def nanoseconds(stamp: Any) -> int:
    """A protobuf Timestamp as nanoseconds since the epoch."""
    return int(stamp.seconds * 10**9 + stamp.nanos)


def members_of(found: Any, container: str) -> Members:
    """Field name → member text of a map in a document, which may be missing altogether."""
    if found is None or container not in found.fields:
        return {}
    fields = found.fields[container].map_value.fields
    return {name: item.string_value for name, item in fields.items()}


def by_field_name(changes: Mapping[str, Member]) -> dict[str, Member]:
    """Members or changes keyed as documents key them."""
    return {field_name(key): member for key, member in changes.items()}


def expiry_of(found: Any) -> int:
    """Microseconds at which a session's document stops being a session; 0 for none at all."""
    return int(found.fields["expiry"].integer_value) if found is not None else 0


def incarnation_of(found: Any) -> str:
    """What tells a session from another of the same name, "" for none at all."""
    return str(found.fields["incarnation"].string_value) if found is not None else ""


def session_fields(record: SessionRecord, incarnation: str) -> dict[str, Any]:
    """A session's fields but its state."""
    facets = [facet("session_id", record.name.session), facet("user_id", record.user_id)]
    if record.display_name:
        facets.append(facet("display_name", record.display_name))
    facets.extend(facet(f"labels.{key}", text) for key, text in record.labels.items())
    return {
        "userId": record.user_id,
        "displayName": record.display_name,
        "labels": record.labels,
        "createTime": timestamp(record.create_time),
        "updateTime": timestamp(record.update_time),
        "expireTime": format_timestamp(record.expire_time),
        "expiry": -(-record.expire_time // 1000),
        "facets": facets,
        "incarnation": incarnation,
    }


def session_record(name: SessionName, found: Any, shared: str = "") -> SessionRecord:
    """The record of a session's document."""
    fields = found.fields
    has_state = "state" in fields
    return SessionRecord(
        name=name,
        user_id=fields["userId"].string_value,
        display_name=fields["displayName"].string_value,
        labels={key: item.string_value for key, item in fields["labels"].map_value.fields.items()},
        create_time=nanoseconds(fields["createTime"].timestamp_value),
        update_time=nanoseconds(fields["updateTime"].timestamp_value),
        expire_time=parse_timestamp(fields["expireTime"].string_value),
        state=join_members(members_of(found, "state").values()) if has_state else None,
        shared=shared,
    )


def event_fields(event: EventRecord, key: str) -> dict[str, Any]:
    """An event's fields; `key` orders it among its session's events."""
    return {
        "key": key,
        "author": event.author,
        "invocationId": event.invocation_id,
        "text": event.text,
    }


def event_key(found: Any) -> str:
    """Where an event stands among its session's events."""
    return str(found.fields["key"].string_value)


def event_record(found: Any) -> EventRecord:
    """The record of an event's document."""
    fields = found.fields
    return EventRecord(
        id=found.name.rpartition("/")[2],
        timestamp=int(event_key(found)[:_KEY_DIGITS], 16) + MIN_TIMESTAMP,
        author=fields["author"].string_value,
        invocation_id=fields["invocationId"].string_value,
        text=fields["text"].string_value,
    )


def engine_fields(record: EngineRecord) -> dict[str, Any]:
    """An engine's own fields; its document may hold app state besides."""
    return {
        "createTime": timestamp(record.create_time),
        "updateTime": timestamp(record.update_time),
        "resource": write_json(record.resource),
    }


def is_engine(found: Any) -> bool:
    """Whether a document is an engine's and does not only hold app state."""
    return found is not None and "createTime" in found.fields


def engine_record(name: EngineName, found: Any) -> EngineRecord:
    """The record of an engine's document."""
    fields = found.fields
    return EngineRecord(
        name,
        nanoseconds(fields["createTime"].timestamp_value),
        nanoseconds(fields["updateTime"].timestamp_value),
        read_json(fields["resource"].string_value.encode()),
    )
