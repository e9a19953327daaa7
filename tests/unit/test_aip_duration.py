"""Durations in seconds, exact to the nanosecond."""

import pytest

from functions.aip.duration import MAX_DURATION, format_duration, parse_duration

SECOND = 1_000_000_000

PARSED = {
    "0s": 0,
    "-0s": 0,
    "3s": 3 * SECOND,
    "3.5s": 3 * SECOND + 500_000_000,
    "-3.5s": -3 * SECOND - 500_000_000,
    "-0.000000001s": -1,
    "0.000000001s": 1,
    "86400s": 86_400 * SECOND,
    "315576000000s": MAX_DURATION,
    "-315576000000s": -MAX_DURATION,
}


@pytest.mark.parametrize("text", PARSED)
def test_a_duration_is_read_exactly(text: str) -> None:
    assert parse_duration(text) == PARSED[text]


@pytest.mark.parametrize(
    "text",
    [
        *("", "s", "3", "3m", "3 s", "+3s", "--3s", ".5s", "3.s", "1e3s", "3.5S", "3s\n", "٣s"),
        *("1.0123456789s", "315576000001s", "315576000000.1s", "-315576000001s", "9" * 5000 + "s"),
    ],
)
def test_anything_else_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration in seconds") as error:
        parse_duration(text)
    assert f'not "{text:.64}"' in str(error.value)


FORMATTED = {
    0: "0s",
    86_400 * SECOND: "86400s",
    3 * SECOND + 500_000_000: "3.500s",
    -3 * SECOND - 500_000_000: "-3.500s",
    1_000: "0.000001s",
    -1: "-0.000000001s",
    MAX_DURATION: "315576000000s",
}


@pytest.mark.parametrize("ns", FORMATTED)
def test_a_duration_has_the_fewest_of_0_3_6_or_9_digits_that_are_exact(ns: int) -> None:
    assert format_duration(ns) == FORMATTED[ns]
