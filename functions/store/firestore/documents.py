"""Documents: how records become Firestore fields, and back.

    {engine}                        createTime, updateTime, resource, app, appUpdated,
                                    hasUserState, erasing
    {engine}/users/{hash}           userId, createTime, state, updated
    {engine}/sessions/{id}          sessionId, userId, displayName, labels, createTime, updated,
                                    expireTime, expiry, shardFacets, purgeShard, state, unknown,
                                    incarnation, forkedFrom, written, and what `counting` says
    {engine}/sessions/{id}/changes/{random}   see `history`
    {engine}/sessions/{id}/events/{id}   key, arrived, author, invocationId, counted, n, and text,
                                         or of a large event parts, bytes
    …/events/{id}/parts/{number}    text

`state` and `app` map a field name per key to the key's member text; `expiry` is expireTime in
whole microseconds, rounded up; `updated` is updateTime in microseconds; `shardFacets` is what lists
look for, see `layouts`. `written` is a random text of the last update. `n` is an event's place
among those of its commit, 0 where it is missing. A deleted event has `deleted`, the JSON text of
its stateDelta, in place of the fields that lists go by. A deleted session keeps only `expiry`, 0,
its `purgeShard` and its `userId` until all that is below it is gone. A session that a fork still
fills has a negative `expiry`: so many microseconds after the epoch the fork's lease ends. `erasing`
maps a user's hash to microseconds: sessions of that user that Firestore had created by then are
gone. Documents of earlier versions lack fields, see `schema`.
"""

import hashlib
from typing import TypeGuard

from functions.aip.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, format_timestamp, parse_timestamp
from functions.messages.json_text import read_json, write_json, write_plain
from functions.rules.engine import EngineRecord
from functions.rules.event import EventRecord
from functions.rules.names import EngineName, SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import join_members
from functions.store.firestore.counting import COUNTED, read_counts
from functions.store.firestore.layouts import (
    Layout,
    Layouts,
    listed_fields,
    purge_shard,
    update_time_of,
)
from functions.store.firestore.protobuf import Document, Timestamp, Value
from functions.store.firestore.values import (
    Storable,
    document,
    members_of,
    nanoseconds,
    timestamp,
)

_KEY_DIGITS = 18

ERASING = "erasing"
"""The field of an engine's document that hides sessions of users who are being erased."""


def user_key(user_id: str) -> str:
    """The id of a user's document; user ids may be anything, document ids may not."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:40]


def user_path(engine: str, user_id: str) -> str:
    """Where a user's state lives."""
    return f"{engine}/users/{user_key(user_id)}"


def expiry_of(found: Document | None) -> int:
    """When a session expires, in microseconds; 0 without a document."""
    return found.fields["expiry"].integer_value if found is not None else 0


def is_live(
    found: Document | None, now: int, owner: str | None = None, engine: Document | None = None
) -> TypeGuard[Document]:
    """Whether a document is a session's that has not expired, and its owner's if one is given.

    With the engine's document also whether its user was not erased since.
    """
    is_others = owner is not None and found is not None and user_id_of(found) != owner
    return expiry_of(found) > now // 1000 and not is_others and not is_erased(engine, found)


def is_erased(engine: Document | None, session: Document | None) -> bool:
    """Whether a session's user is being erased, and the session was there when that began."""
    if engine is None or session is None or ERASING not in engine.fields:
        return False
    marks = engine.fields[ERASING].map_value.fields
    mark = marks.get(user_key(user_id_of(session)))
    return mark is not None and nanoseconds(session.create_time) // 1000 <= mark.integer_value


def is_over(found: Document, now: int) -> bool:
    """Whether a session has expired or is deleted, or a fork's lease on it is over."""
    return abs(expiry_of(found)) <= now // 1000


def version_of(update_time: Timestamp) -> str:
    """The version of a session whose document was written last at that time."""
    return f"{nanoseconds(update_time):x}"


def written_at(version: str) -> Timestamp | None:
    """The inverse of `version_of`; None for a text that is no version of this store."""
    try:
        moment = int(version, 16)
    except ValueError:
        return None
    # Firestore refuses a condition with another moment than one of its own.
    is_moment = moment in range(0, MAX_TIMESTAMP, 1000) and f"{moment:x}" == version
    return timestamp(moment) if is_moment else None


def incarnation_of(found: Document | None) -> str:
    """The incarnation of a session; "" without a document."""
    return found.fields["incarnation"].string_value if found is not None else ""


def user_id_of(found: Document) -> str:
    """The user id of a session."""
    return found.fields["userId"].string_value


def session_fields(
    record: SessionRecord, incarnation: str, layouts: Layouts
) -> dict[str, Storable]:
    """A session's fields but its state and its counts."""

    def facets(layout: Layout) -> list[str]:
        return layout.facets(record.name, record.user_id, record.display_name, record.labels)

    forked_from = (
        {"forkedFrom": read_json(record.forked_from.encode())} if record.forked_from else {}
    )
    return {
        "sessionId": record.name.session,
        "userId": record.user_id,
        "displayName": record.display_name,
        "labels": record.labels,
        "createTime": timestamp(record.create_time),
        "expireTime": format_timestamp(record.expire_time),
        "expiry": -(-record.expire_time // 1000),
        "purgeShard": purge_shard(record.name),
        "incarnation": incarnation,
        "unknown": record.unknown,
        **forked_from,
        **listed_fields(layouts, record.update_time, facets),
    }


def is_session(found: Document) -> bool:
    """Whether a document is a session's and no tombstone."""
    return "createTime" in found.fields


def tombstone(found: Document) -> Document:
    """What is left of a deleted session until all that is below it is gone."""
    fields: dict[str, Storable] = {"expiry": 0, "purgeShard": purge_shard(session_name(found))}
    result = document(found.name, fields)
    if "userId" in found.fields:
        result.fields["userId"].CopyFrom(found.fields["userId"])
    return result


def facets_of(found: Document, layout: Layout) -> list[str]:
    """The facets of a stored session in a layout."""
    fields = found.fields
    display_name = fields["displayName"].string_value
    labels = _labels(fields["labels"])
    return layout.facets(session_name(found), user_id_of(found), display_name, labels)


def session_name(found: Document) -> SessionName:
    """The name of a session's document."""
    engine, _, session = found.name.partition("/documents/")[2].rpartition("/sessions/")
    return SessionName(engine, session)


def session_record(
    name: SessionName, found: Document, shared: str = "", *, is_full: bool = True
) -> SessionRecord:
    """The record of a session's document; most lists do without the version and the counts."""
    fields = found.fields
    has_state = "state" in fields
    record = SessionRecord(
        name=name,
        user_id=fields["userId"].string_value,
        display_name=fields["displayName"].string_value,
        labels=_labels(fields["labels"]),
        create_time=nanoseconds(fields["createTime"].timestamp_value),
        update_time=update_time_of(found),
        expire_time=parse_timestamp(fields["expireTime"].string_value),
        state=join_members(members_of(found, "state").values()) if has_state else None,
        shared=shared,
        unknown=fields["unknown"].string_value,
    )
    if is_full:
        record.version = version_of(found.update_time)
        read_counts(found, record)
        forked_from = fields["forkedFrom"].map_value.fields if "forkedFrom" in fields else {}
        if forked_from:
            told = (name for name in ("session", "event") if name in forked_from)
            record.forked_from = write_plain({n: forked_from[n].string_value for n in told})
    return record


def _labels(found: Value) -> dict[str, str]:
    items = sorted(found.map_value.fields.items())
    return {key: item.string_value for key, item in items}


def event_fields(event: EventRecord, key: str) -> dict[str, Storable]:
    """An event's fields but its text; `key` orders it among its session's events."""
    return {
        "key": key,
        "author": event.author,
        "invocationId": event.invocation_id,
        COUNTED: True,
        **({"removed": event.removed} if event.removed else {}),
    }


def event_key(found: Document) -> str:
    """The key that orders an event among its session's events."""
    return found.fields["key"].string_value


def arrival_of(found: Document) -> int:
    """When Firestore received an event, in nanoseconds; its commit came a little later."""
    return nanoseconds(found.fields["arrived"].timestamp_value)


def place_in_commit(found: Document) -> int:
    """Where an event stands among those of its commit, from 0 on."""
    return found.fields["n"].integer_value if "n" in found.fields else 0


def timestamp_of(found: Document) -> int:
    """An event's timestamp in nanoseconds since the epoch."""
    return int(event_key(found)[:_KEY_DIGITS], 16) + MIN_TIMESTAMP


def engine_fields(record: EngineRecord) -> dict[str, Storable]:
    """An engine's own fields; its document may hold app state besides."""
    return {
        "createTime": timestamp(record.create_time),
        "updateTime": timestamp(record.update_time),
        "resource": write_json(record.resource),
    }


def is_engine(found: Document | None) -> TypeGuard[Document]:
    """Whether a document is an engine's and does not only hold app state."""
    return found is not None and "createTime" in found.fields


def engine_record(name: EngineName, found: Document) -> EngineRecord:
    """The record of an engine's document."""
    fields = found.fields
    return EngineRecord(
        name,
        nanoseconds(fields["createTime"].timestamp_value),
        nanoseconds(fields["updateTime"].timestamp_value),
        read_json(fields["resource"].string_value.encode()),
    )
