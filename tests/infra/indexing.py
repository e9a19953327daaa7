"""Queries held against indexes."""

from collections.abc import Collection

from tests.infra.firestore_indexes import Index, Indexes, Shape


def unserved(indexes: Indexes, shapes: Collection[Shape]) -> set[Shape]:
    """The queries that would fail for want of an index."""
    return {shape for shape in shapes if indexes.serve(shape) is None}


def unused(indexes: Indexes, shapes: Collection[Shape]) -> set[Index]:
    """The indexes that cost something with each write and serve no query."""
    served = [indexes.serve(shape) or frozenset() for shape in shapes]
    return set(indexes.all.difference(*served))


def exempt_collections(indexes: Indexes) -> set[str]:
    """The collections of which no field is indexed but those that have indexes of their own."""
    return {collection for collection, field in indexes.single if field == "*"}
