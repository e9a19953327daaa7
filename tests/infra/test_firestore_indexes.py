"""The rules by which Firestore finds an index, on small examples."""

import pytest

from tests.support.firestore.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    NAME,
    Index,
    Indexes,
    Shape,
)

UP, DOWN = ("time", ASCENDING), ("time", DESCENDING)
TAGGED = ("tags", "ARRAY_CONTAINS")
COMPOSITE = Index("c", False, (("tags", CONTAINS), UP))
EXEMPT = Indexes(
    frozenset({COMPOSITE}),
    {
        ("c", "*"): frozenset(),
        ("c", "time"): frozenset({Index("c", False, (UP,))}),
        ("c", "tags"): frozenset({Index("c", True, (("tags", CONTAINS),))}),
    },
)
PLAIN = Indexes(frozenset({COMPOSITE}))

SERVED = {
    "everything": (PLAIN, Shape("c")),
    "in the order of names": (PLAIN, Shape("c", orders=((NAME, ASCENDING),))),
    "one equality": (PLAIN, Shape("c", filters=(("a", "EQUAL"),))),
    "two equalities": (PLAIN, Shape("c", filters=(("a", "EQUAL"), ("b", "EQUAL")))),
    "one array": (PLAIN, Shape("c", filters=(TAGGED,))),
    "one order": (PLAIN, Shape("c", orders=(DOWN,))),
    "one order and the name": (PLAIN, Shape("c", orders=(DOWN, (NAME, DESCENDING)))),
    "a range in its order": (
        PLAIN,
        Shape("c", filters=(("time", "GREATER_THAN"), ("time", "LESS_THAN")), orders=(DOWN,)),
    ),
    "an array in an order": (PLAIN, Shape("c", filters=(TAGGED,), orders=(UP,))),
    "an array with a range": (PLAIN, Shape("c", filters=(TAGGED, ("time", "LESS_THAN")))),
    "everything where all is exempt": (EXEMPT, Shape("c")),
    "a field with an index of its own": (EXEMPT, Shape("c", orders=(UP,))),
    "a range, which is in ascending order": (EXEMPT, Shape("c", filters=(("time", "LESS_THAN"),))),
    "a group": (EXEMPT, Shape("c", True, filters=(TAGGED,))),
}
REFUSED = {
    "names backwards": (PLAIN, Shape("c", orders=((NAME, DESCENDING),))),
    "a name against the order": (PLAIN, Shape("c", orders=(DOWN, (NAME, ASCENDING)))),
    "a group without its index": (PLAIN, Shape("c", True, filters=(TAGGED,))),
    "an array in the other direction": (PLAIN, Shape("c", filters=(TAGGED,), orders=(DOWN,))),
    "an array in a group": (PLAIN, Shape("c", True, filters=(TAGGED,), orders=(UP,))),
    "another collection": (PLAIN, Shape("d", filters=(TAGGED,), orders=(UP,))),
    "two orders": (PLAIN, Shape("c", orders=(UP, ("a", ASCENDING)))),
    "an exempt field": (EXEMPT, Shape("c", filters=(("a", "EQUAL"),))),
    "a part of an exempt map": (EXEMPT, Shape("c", filters=(("a.b", "EQUAL"),))),
    "a direction that is not kept": (EXEMPT, Shape("c", orders=(DOWN,))),
    "a collection whose group alone is kept": (EXEMPT, Shape("c", filters=(TAGGED,))),
    "a group whose collection alone is kept": (EXEMPT, Shape("c", True, orders=(UP,))),
}


@pytest.mark.parametrize("case", SERVED)
def test_a_query_that_an_index_serves(case: str) -> None:
    indexes, shape = SERVED[case]
    assert indexes.serve(shape) is not None


@pytest.mark.parametrize("case", REFUSED)
def test_a_query_that_no_index_serves(case: str) -> None:
    indexes, shape = REFUSED[case]
    assert indexes.serve(shape) is None


def test_what_serves_a_query_is_named() -> None:
    ordered = Shape("c", filters=(TAGGED,), orders=(UP, (NAME, ASCENDING)))
    assert PLAIN.serve(ordered) == frozenset({COMPOSITE})
    assert PLAIN.serve(Shape("c", orders=(UP,))) == frozenset()
    assert EXEMPT.serve(Shape("c", orders=(UP,))) == EXEMPT.single["c", "time"]
