"""Which index serves a Firestore query.

The rules are those of firebase.google.com/docs/firestore/query-data/index-overview.

The emulator answers any query; production answers only those that an index serves:

- Each field has an ascending, a descending and an array index of its own collection, and none of
  its collection group, unless an exemption says otherwise: one for the field, one for a map that
  holds it, or one for `*`, in this order.
- A query that only compares for equality joins the indexes of its fields.
- A query about one field takes that field's index, which is read in its own direction only; a
  range without an order is an ascending order.
- All others take a composite index: the fields compared for equality, in any order, then those of
  the order, each in its direction.
- Every index ends in the document's name, in the direction of its last field. In the order of
  their names alone, ascending, documents come without an index.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.project import INFRA

ASCENDING, DESCENDING, CONTAINS = "ASCENDING", "DESCENDING", "CONTAINS"
NAME = "__name__"

Modes = tuple[tuple[str, str], ...]
"""Fields, each with its direction or CONTAINS."""

_EQUALITIES = {
    "EQUAL": ASCENDING,
    "IN": ASCENDING,
    "ARRAY_CONTAINS": CONTAINS,
    "ARRAY_CONTAINS_ANY": CONTAINS,
}
_DEFAULTS = frozenset((order, False) for order in (ASCENDING, DESCENDING, CONTAINS))


@dataclass(frozen=True, slots=True)
class Shape:
    """A query without its values: filters are `(field, operator)`, orders `(field, direction)`."""

    collection: str
    is_group: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    orders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """A composite index, or one entry of a field's index configuration."""

    collection: str
    is_group: bool
    fields: Modes


@dataclass(frozen=True)
class Indexes:
    """All indexes that a configuration makes, and the fields whose own ones it leaves out."""

    composite: frozenset[Index]
    single: dict[tuple[str, str], frozenset[Index]] = field(default_factory=dict)
    """(collection, field) → the only indexes of that field."""

    @property
    def all(self) -> frozenset[Index]:
        """Every index that costs something."""
        return self.composite.union(*self.single.values())

    def without(self, index: Index) -> "Indexes":
        """All but one."""
        single = {field: indexes - {index} for field, indexes in self.single.items()}
        return Indexes(self.composite - {index}, single)

    def serve(self, shape: Shape) -> frozenset[Index] | None:
        """The indexes that serve a query, none for automatic ones; None when it would fail."""
        equal, orders = _needs(shape)
        if not orders:
            return self._joined(shape, equal)
        if not equal and len(orders) == 1 and orders[0][0] != NAME:
            return self._joined(shape, orders)
        for index in self.composite:
            head, tail = index.fields[: len(equal)], index.fields[len(equal) :]
            same_place = (index.collection, index.is_group) == (shape.collection, shape.is_group)
            if same_place and frozenset(head) == frozenset(equal) and tail == orders:
                return frozenset({index})
        return None

    def unserved(self, shapes: Collection[Shape]) -> set[Shape]:
        """The queries that would fail for want of an index."""
        return {shape for shape in shapes if self.serve(shape) is None}

    def unused(self, shapes: Collection[Shape]) -> set[Index]:
        """The indexes that cost something with each write and serve no query."""
        return set(self.all.difference(*(self.serve(shape) or frozenset() for shape in shapes)))

    @property
    def exempt_collections(self) -> set[str]:
        """The collections of which no field is indexed but those that have indexes of their own."""
        return {collection for collection, field in self.single if field == "*"}

    def _joined(self, shape: Shape, fields: Modes) -> frozenset[Index] | None:
        used: frozenset[Index] = frozenset()
        for path, mode in fields:
            configured = self._configured(shape.collection, path)
            if configured is None:
                if (mode, shape.is_group) not in _DEFAULTS:
                    return None
                continue
            found = {
                index
                for index in configured
                if index.is_group == shape.is_group and index.fields[0][1] == mode
            }
            if not found:
                return None
            used |= found
        return used

    def _configured(self, collection: str, path: str) -> frozenset[Index] | None:
        parts = path.split(".")
        above = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        candidates = [self.single.get((collection, name)) for name in (*above, "*")]
        return next((found for found in candidates if found is not None), None)


def read_indexes(path: Path = INFRA / "firestore.indexes.json") -> Indexes:
    """The indexes of a file in Firebase's format."""
    document = json.loads(path.read_text())
    single = {
        (override["collectionGroup"], override["fieldPath"]): frozenset(
            _index(override, {**body, "fields": [{**body, "fieldPath": override["fieldPath"]}]})
            for body in override["indexes"]
        )
        for override in document["fieldOverrides"]
    }
    return Indexes(frozenset(_index(body, body) for body in document["indexes"]), single)


def _needs(shape: Shape) -> tuple[Modes, Modes]:
    """The fields that must be equal, and the whole order, written out."""
    equal = tuple(
        (path, _EQUALITIES[operator]) for path, operator in shape.filters if operator in _EQUALITIES
    )
    ranges = dict.fromkeys(path for path, operator in shape.filters if operator not in _EQUALITIES)
    orders = list(shape.orders)
    ordered = {path for path, _ in orders}
    orders += [(path, ASCENDING) for path in ranges if path not in ordered]
    return equal, _without_name(tuple(orders))


def _without_name(fields: Modes) -> Modes:
    """The fields but for the document's name where it stands by itself."""
    *others, (path, mode) = fields or ((NAME, ASCENDING),)
    is_implied = path == NAME and mode == (others[-1][1] if others else ASCENDING)
    return tuple(others) if is_implied else fields


def _index(place: dict[str, Any], body: dict[str, Any]) -> Index:
    fields = tuple(
        (field["fieldPath"], field.get("order") or field["arrayConfig"]) for field in body["fields"]
    )
    is_group = body["queryScope"] == "COLLECTION_GROUP"
    return Index(place["collectionGroup"], is_group, _without_name(fields))
