"""Layouts: the fields by which lists find sessions and order them by update_time.

    facets, updateTime       the former layout: `field=value` and a timestamp
    shardFacets, updated     a layout of S shards: `field=value#shard/S` and microseconds

Firestore takes about 500 writes a second in one range of an index whose values rise with time. A
session's shard is a hash of its name, so that S ranges share the sessions of one facet. A list asks
for all shards of a facet, up to MAX_IN in one query.

A database says its layout in `schema/version`. Until a change of it is through, servers write
both. The reasons are in docs/decisions/0013-shards-of-facets.md.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from functions.rules.names import EngineName, SessionName
from functions.store.firestore.protobuf import Document, Value
from functions.store.firestore.values import Storable, nanoseconds, timestamp, value

MAX_IN = 30
"""Values that one query can look for at a time."""

PURGE_SHARDS = MAX_IN
"""Ranges of the index by which the purge finds sessions; one query reads them all."""

MAX_SHARDS = 600
"""Shards of a layout at most: twenty queries for each page."""

ALL_LABELS = "*"

_MAX_FACET = 500
_EARLIEST = -62_135_596_800 * 10**9
_LATEST = 253_402_300_799 * 10**9


@dataclass(frozen=True, slots=True)
class Layout:
    """A number of shards, 0 in the former layout; `labels` are keys with commas, or ALL_LABELS."""

    shards: int
    labels: str = ALL_LABELS

    @property
    def is_former(self) -> bool:
        """Whether it is the layout of version 4 and before."""
        return not self.shards

    @property
    def array(self) -> str:
        """The field that holds the facets."""
        return "facets" if self.is_former else "shardFacets"

    def order_field(self, field: str) -> str:
        """The field that a list in the order of `create_time` or `update_time` goes by."""
        if field == "create_time":
            return "createTime"
        return "updateTime" if self.is_former else "updated"

    def position(self, found: Document, field: str) -> int:
        """Where a document stands in that order, in nanoseconds."""
        stored = found.fields[self.order_field(field)]
        return nanoseconds(stored.timestamp_value) or stored.integer_value * 1000

    def time(self, field: str, nanoseconds: int) -> Value:
        """A time as the field of that order holds it; rounded up where it holds microseconds."""
        if self.order_field(field) == "updated":
            return value(min(-(-nanoseconds // 1000), _LATEST // 1000))
        return moment(nanoseconds)

    def has_facet(self, field: str, key: str | None) -> bool:
        """Whether sessions are found by a field, or by a label of that key."""
        is_label = field == "labels" and self.labels != ALL_LABELS
        return not is_label or key in self.labels.split(",")

    def searches(self, text: str) -> list[list[str]]:
        """The facet in every shard of this layout; each list has as many as one query takes."""
        if self.is_former:
            return [[text]]
        facets = [self._sharded(text, shard) for shard in range(self.shards)]
        return [facets[start : start + MAX_IN] for start in range(0, self.shards, MAX_IN)]

    def facets(
        self, name: SessionName, user_id: str, display_name: str, labels: Mapping[str, str]
    ) -> list[str]:
        """The facets of a session."""
        found = [facet("location", EngineName.parse(name.engine).location)]
        found.append(facet("user_id", user_id))
        if display_name:
            found.append(facet("display_name", display_name))
        found.extend(
            facet(f"labels.{key}", text)
            for key, text in labels.items()
            if self.has_facet("labels", key)
        )
        if self.is_former:
            return found
        shard = _hash(name) % self.shards
        return [self._sharded(text, shard) for text in found]

    def _sharded(self, text: str, shard: int) -> str:
        return f"{text}#{shard:02}/{self.shards}"


FORMER = Layout(0)
Layouts = tuple[Layout, ...]


def facet(field: str, value: str) -> str:
    """The facet of a field's value; a hash in place of a long value, which indexes cut off."""
    text = f"{field}={value}"
    if len(text) <= _MAX_FACET:
        return text
    return f"{field}#{hashlib.sha256(value.encode()).hexdigest()}"


def moment(nanoseconds: int) -> Value:
    """A time, or the nearest one that Firestore takes."""
    return value(timestamp(min(max(nanoseconds, _EARLIEST), _LATEST)))


def purge_shard(name: SessionName) -> int:
    """The range in which the purge finds a session."""
    return _hash(name) % PURGE_SHARDS


def listed_fields(
    layouts: Layouts, update_time: int, facets: Callable[[Layout], list[str]]
) -> dict[str, Storable]:
    """The fields by which lists find a session; `facets` answers its facets in one layout."""
    fields: dict[str, Storable] = {"updated": micros(update_time)}
    if FORMER in layouts:
        fields |= {"updateTime": timestamp(update_time), "facets": facets(FORMER)}
    sharded = [text for layout in layouts if not layout.is_former for text in facets(layout)]
    return {**fields, "shardFacets": list(dict.fromkeys(sharded))}


def update_time_of(found: Document) -> int:
    """When a session changed last, in nanoseconds, whatever layouts its writers knew."""
    fields = found.fields
    moments = [nanoseconds(fields[name].timestamp_value) for name in ("createTime", "updateTime")]
    return max(*moments, fields["updated"].integer_value * 1000)


def micros(nanoseconds: int) -> int:
    """Whole microseconds, as integer fields hold times."""
    return nanoseconds // 1000


def _hash(name: SessionName) -> int:
    return int(hashlib.sha256(str(name).encode()).hexdigest()[:12], 16)
