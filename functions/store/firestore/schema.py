"""Versions of the documents, and the steps between them, each through one collection.

Documents of version 1 are those of the first code that could be deployed. A step that databases
have taken never changes; what a new version needs is one more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from functions.rules.names import EngineName
from functions.store.firestore.counting import COUNTED
from functions.store.firestore.counting_former import count_former
from functions.store.firestore.documents import facets_of, is_session, session_name
from functions.store.firestore.layouts import (
    Layout,
    facet,
    micros,
    purge_shard,
    update_time_of,
)
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.values import update, value


@dataclass(frozen=True, slots=True)
class Step:
    """How the documents of all collections of one name reach the next version.

    `renewal` takes the fields that it names and the layout that the database shall have. It returns
    the write that a document lacks, or None. The write is correct whatever other servers do to the
    document meanwhile, and it never creates a document. `work` is for a step that takes more than
    one write a document: it reads and commits by itself.
    """

    collection: str
    fields: tuple[str, ...]
    renewal: Callable[[Document, Layout], Write | None] = lambda *_: None
    work: Callable[[Rpc, Document], None] | None = None


def _with_location(found: Document, _: Layout) -> Write | None:
    """Adds a session's location to its facets; a tombstone has none."""
    location = EngineName.parse(session_name(found).engine).location
    missing = value(facet("location", location))
    if "facets" not in found.fields or missing in found.fields["facets"].array_value.values:
        return None
    write = update(found.name, {}, ())
    addition = write.update_transforms.add(field_path="facets").append_missing_elements
    addition.values.append(missing)
    return write


def _with_arrival(found: Document, _: Layout) -> Write | None:
    """Adds `arrived` to an event; its commit is the latest time at which it can have arrived."""
    if "arrived" in found.fields:
        return None
    fields = {"arrived": found.create_time}
    return update(found.name, fields, fields, changed_since=found.update_time)


def _with_shards(found: Document, layout: Layout) -> Write | None:
    """Adds the fields by which lists and the purge find a session, and the purge a tombstone."""
    fields = {"purgeShard": purge_shard(session_name(found))}
    write = update(found.name, fields, fields, changed_since=found.update_time)
    if not is_session(found):
        return None if "purgeShard" in found.fields else write
    there = found.fields["shardFacets"].array_value.values
    missing = [text for text in facets_of(found, layout) if value(text) not in there]
    updated = micros(update_time_of(found))
    is_behind = found.fields["updated"].integer_value < updated
    if "purgeShard" in found.fields and not missing and not is_behind:
        return None
    add = write.update_transforms.add
    add(field_path="updated").maximum.integer_value = updated
    if missing:
        addition = value(missing).array_value
        add(field_path="shardFacets").append_missing_elements.CopyFrom(addition)
    return write


def _with_shards_alone(found: Document, layout: Layout) -> Write | None:
    """Removes the fields by which lists found a session before, and so their index rows."""
    if not is_session(found):
        return None
    fields = {"shardFacets": facets_of(found, layout)}
    is_clean = found.fields["shardFacets"] == value(fields["shardFacets"])
    if is_clean and not {"facets", "updateTime"} & set(found.fields):
        return None
    mask = ("shardFacets", "facets", "updateTime")
    return update(found.name, fields, mask, changed_since=found.update_time)


def _with_create_time(found: Document, _: Layout) -> Write | None:
    """Says since when a user with state and without sessions is there."""
    if "createTime" in found.fields:
        return None
    fields = {"createTime": found.create_time}
    return update(found.name, fields, fields, changed_since=found.update_time)


SESSIONS = Step("sessions", ("facets",), _with_location)
EVENTS = Step("events", ("arrived",), _with_arrival)

NOTHING = Step("schema", (), lambda *_: None)
"""Changes no document: from this version on, new documents are written in another way."""

_LISTED = (
    *("userId", "displayName", "labels", "createTime", "updateTime", "updated"),
    *("facets", "shardFacets", "purgeShard"),
)
SHARDS = Step("sessions", _LISTED, _with_shards)
SHARDS_ALONE = Step("sessions", _LISTED, _with_shards_alone)

COUNTS = Step("sessions", (COUNTED, "incarnation", "userId", "createTime"), work=count_former)
USERS = Step("users", ("createTime",), _with_create_time)

STEPS = (SESSIONS, EVENTS, NOTHING, NOTHING, SHARDS, SHARDS_ALONE, COUNTS, USERS)
"""The first brings version 1 to version 2, and so on."""

WITH_LOCATIONS, WITH_ARRIVALS = 2, 3
"""The versions from which on every document has the fields of these steps."""

WITH_CANONICAL_IDS = 4
"""The version from which on appends do not look for an event under its former id."""

BEFORE_SHARDS = 5
"""The version from which on servers of version 4 refuse; a new layout goes back to it."""

WITH_SHARDS = 6
"""From which version on lists go by the layout that the database is to have."""

WITH_SHARDS_ALONE = 7
"""From which version on sessions have that layout alone; a change of it ends here."""

WITH_HISTORY = 9
"""From which version on sessions count all their events, and each user has a document."""
