"""Documents by arrival: the order of their commits, and where a reader goes on."""

from hypothesis import given
from hypothesis import strategies as st

from functions.store.firestore.arrivals import ByPlace, place
from functions.store.firestore.protobuf import Document
from functions.store.firestore.values import nanoseconds, timestamp

COMMITS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=20
)
"""When each commit arrived, how much later it was done, and how many documents it made."""


def documents(commits: list[tuple[int, int, int]]) -> list[Document]:
    """The documents of some commits, as a query finds them: in the order in which they arrived."""
    found = []
    for number, (arrived, later, count) in enumerate(commits):
        for n in range(count):
            document = Document(name=f"{number}/{n}")
            document.create_time.CopyFrom(timestamp((arrived + later) * 100 + number))
            document.fields["arrived"].timestamp_value.CopyFrom(timestamp(arrived * 100))
            document.fields["n"].integer_value = n
            found.append(document)
    return sorted(found, key=lambda each: (arrival(each), each.name))


def arrival(document: Document) -> int:
    return nanoseconds(document.fields["arrived"].timestamp_value)


@given(COMMITS, st.integers(0, 60))
def test_a_reader_that_goes_on_misses_nothing(
    commits: list[tuple[int, int, int]], cut: int
) -> None:
    """The query from `left_since` on has all that is left, whatever overtook it."""
    found = documents(commits)
    in_order = sorted(found, key=lambda each: (place(each), each.name))
    stream = ByPlace(iter(found))
    taken = []
    for _, _, document in stream:
        taken.append(document)
        if len(taken) > cut:
            break
    assert taken == in_order[: len(taken)]
    # The last one was taken ahead.
    *read, _ = taken
    left = [each for each in found if arrival(each) >= stream.left_since]
    rest = [document for _, _, document in ByPlace(iter(left))]
    behind = place(read[-1]) if read else (-1, 0)
    assert [each for each in rest if place(each) > behind] == in_order[len(read) :]
