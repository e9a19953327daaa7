"""The rows that documents have in indexes, and the ranges of these that rise with time.

Firestore takes about 500 writes a second where the values of an index rise with time, in each range
of rows that are equal but for that value: firebase.google.com/docs/firestore/best-practices.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.firestore.indexes import CONTAINS, Index, Indexes

RISING = {"createTime", "updateTime", "updated", "expiry", "key", "arrived"}
"""Fields that are later in later writes."""

CAPACITY = 500
"""Writes a second that one range takes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of an index: the collection that it is of, if of one, and the fields' values."""

    index: Index
    collection: str
    values: tuple[str, ...]

    @property
    def range(self) -> "Row | None":
        """What it shares with the rows beside it; None where its last value does not rise."""
        if self.index.fields[-1][0] not in RISING:
            return None
        return Row(self.index, self.collection, self.values[:-1])


def rows(indexes: Indexes, document: Any) -> set[Row]:
    """Every entry that a document has."""
    parent, collection, _ = document.name.rsplit("/", 2)
    return {
        Row(index, "" if index.is_group else parent, values)
        for index in indexes.all
        if index.collection == collection
        for values in itertools.product(
            *(list(_values(document, name, mode)) for name, mode in index.fields)
        )
    }


def moved(indexes: Indexes, before: Iterable[Any], after: Iterable[Any]) -> set[Row]:
    """The entries that a write adds; it removes as many of documents that were there before."""
    old, new = (
        {row for document in documents for row in rows(indexes, document)}
        for documents in (before, after)
    )
    return new - old


def taken(ranges: list[list[Row]], offered: int, seed: int = 1) -> int:
    """How many of so many writes a second find room in all of their ranges.

    Each write is one of `ranges`, which has the ranges that each session's writes move rows in.
    """
    chance = random.Random(seed)
    load: Counter[Row] = Counter()
    count = 0
    for _ in range(offered):
        touched = chance.choice(ranges)
        if all(load[each] < CAPACITY for each in touched):
            load.update(touched)
            count += 1
    return count


def _values(document: Any, name: str, mode: str) -> Iterator[str]:
    if name not in document.fields:
        return
    field = document.fields[name]
    stored = field.array_value.values if mode == CONTAINS else [field]
    yield from (str(each) for each in stored)
