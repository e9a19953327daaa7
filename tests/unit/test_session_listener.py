"""A listener's messages add up to consistent moments, in whatever order the server sends them."""

from collections.abc import Sequence
from typing import Any

import pytest

from functions.store.firestore.protobuf import ListenResponse as Answer
from functions.store.firestore.session_listener import consistent_windows


def change(kind: str, *targets: int) -> Any:
    answer = Answer()
    kinds = answer.target_change.TargetChangeType
    answer.target_change.target_change_type = kinds.Value(kind)
    answer.target_change.target_ids.extend(targets)
    return answer


def found(name: str, *, targets: Sequence[int] = (1,)) -> Any:
    answer = Answer()
    answer.document_change.document.name = name
    answer.document_change.target_ids.extend(targets)
    return answer


def gone(name: str) -> Any:
    answer = Answer()
    answer.document_remove.document = name
    return answer


def counted(count: int) -> Any:
    answer = Answer()
    answer.filter.count = count
    return answer


ADD, RESET, CURRENT = change("ADD", 1), change("RESET", 1), change("CURRENT", 1)
MOMENT = change("NO_CHANGE")
MOMENT.target_change.read_time.seconds = 1
A, B, C = map(found, "abc")


@pytest.mark.parametrize(
    ("answers", "moments"),
    [
        ([ADD, A, B, CURRENT, MOMENT], ["ab"]),
        ([ADD, CURRENT, MOMENT], [""]),
        ([ADD, A, MOMENT, B, CURRENT, MOMENT], ["ab"]),
        ([ADD, A, CURRENT, MOMENT, MOMENT, B, C, gone("a"), MOMENT], ["a", "bc"]),
        ([ADD, A, CURRENT, change("NO_CHANGE", 1), B, MOMENT], ["ab"]),
        ([ADD, A, CURRENT, change("NO_CHANGE"), B, Answer(), MOMENT], ["ab"]),
        ([ADD, A, CURRENT, MOMENT, RESET, B, MOMENT, A, CURRENT, MOMENT], ["a", "ab"]),
        ([ADD, A, RESET, C, CURRENT, MOMENT, B, A, CURRENT, MOMENT], ["abc"]),
        ([ADD, A, CURRENT, CURRENT, MOMENT, RESET, B, MOMENT, CURRENT, MOMENT], ["a", "b"]),
        ([ADD, A, CURRENT, found("a", targets=()), MOMENT], [""]),
    ],
    ids=[
        "a start",
        "nothing there",
        "a moment before the start is over",
        "changes",
        "a moment of one target",
        "nothing new, at no moment",
        "begun again",
        "begun again before the start is over, which is told late",
        "told twice",
        "no longer in the query",
    ],
)
def test_a_moment_is_told_once_it_is_whole(answers: list[Any], moments: list[str]) -> None:
    assert ["".join(sorted(window)) for window in consistent_windows(answers)] == moments


@pytest.mark.parametrize("end", [change("REMOVE", 1), counted(2)], ids=["removed", "miscounted"])
def test_a_listener_that_lost_count_is_followed_no_further(end: Any) -> None:
    answers = [ADD, A, CURRENT, MOMENT, counted(1), end, B, MOMENT]
    assert [sorted(window) for window in consistent_windows(answers)] == [["a"]]
