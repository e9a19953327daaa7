"""What the bench makes of its figures."""

import pytest

from tests.bench.figures import Comparison, Figure, constant, interleaved


def test_a_ratio_is_taken_round_by_round() -> None:
    """A round in which everything is slow does not change the ratio."""
    ratio = Figure((10, 100, 30)).over(Figure((5, 50, 10)))
    assert ratio.values == (2, 2, 3)
    assert (ratio.median, ratio.low, ratio.high) == (2, 2, 3)


def test_what_was_never_asked_for_is_no_part_of_nothing() -> None:
    assert Figure((0,)).over(Figure((0,))).values == (0,)
    assert Figure((1,)).over(Figure((0,))).values == (float("inf"),)


@pytest.mark.parametrize(
    ("limits", "target", "is_met"),
    [
        ({"at_least": 2.0}, "at least 2.00", True),
        ({"at_least": 2.1}, "at least 2.10", False),
        ({"at_most": 2.0}, "at most 2.00", True),
        ({"at_most": 1.9}, "at most 1.90", False),
        ({}, "", True),
    ],
)
def test_a_target_is_met_by_the_median(limits: dict[str, float], target: str, is_met: bool) -> None:
    row = Comparison("a", Figure((1, 2, 9)), "b", constant(1, 3), "ms", **limits)
    assert (row.target, row.is_met) == (target, is_met)


def test_rounds_take_turns_and_the_first_warms_up() -> None:
    """Each round begins with another measure, and only rounds after the first count."""
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return len(order)

    found = interleaved({name: lambda name=name: measure(name) for name in "abc"}, 2)
    assert "".join(order) == "abcbcacab"
    assert found == {"a": Figure((6, 8)), "b": Figure((4, 9)), "c": Figure((5, 7))}
