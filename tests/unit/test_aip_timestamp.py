"""RFC 3339 in and out, exact to the nanosecond."""

import pytest

from functions.aip.timestamp import (
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    format_timestamp,
    parse_timestamp,
)

SECOND = 1_000_000_000
NOON = 1_738_323_000 * SECOND  # 2025-01-31T11:30:00Z

PARSED = {
    "1970-01-01T00:00:00Z": 0,
    "2025-01-31T11:30:00Z": NOON,
    "2025-01-31t11:30:00z": NOON,
    "2025-01-31 11:30:00Z": NOON,
    "2025-01-31T07:30:00-04:00": NOON,
    "2025-01-31T17:00:00+05:30": NOON,
    "2025-01-31T11:00:00-00:30": NOON,
    "2025-01-31T11:30:00-00:00": NOON,
    "2025-01-31T11:30:00.1Z": NOON + 100_000_000,
    "2025-01-31T11:30:00.000000001Z": NOON + 1,
    "2025-01-31T11:30:00.123456789+00:00": NOON + 123_456_789,
    "1969-12-31T23:59:59.999999999Z": -1,
    "2024-02-29T00:00:00Z": 1_709_164_800 * SECOND,
    "0001-01-01T00:00:00Z": MIN_TIMESTAMP,
    "9999-12-31T23:59:59.999999999Z": MAX_TIMESTAMP,
}


@pytest.mark.parametrize("text", PARSED)
def test_a_timestamp_is_read_exactly(text: str) -> None:
    assert parse_timestamp(text) == PARSED[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-01-31",
        "2025-01-31T11:30:00",
        "2025-01-31T11:30Z",
        "2025-01-31T11:30:00.Z",
        "2025-01-31T11:30:00.0123456789Z",
        "2025-01-31T11:30:60Z",
        "2025-01-31T24:00:00Z",
        "2025-01-31T11:60:00Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2025-01-31T11:30:00+24:00",
        "2025-01-31T11:30:00+05:60",
        "2025-01-31T11:30:00+0530",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        " 2025-01-31T11:30:00Z",
        "2025-01-31T11:30:00Z\n",
        "２０２５-01-31T11:30:00Z",
        "2025-01-31T11:30:00.٣Z",
    ],
)
def test_anything_else_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected an RFC 3339 timestamp") as error:
        parse_timestamp(text)
    assert f'not "{text}"' in str(error.value)


def test_a_refusal_does_not_echo_megabytes() -> None:
    with pytest.raises(ValueError, match="expected") as error:
        parse_timestamp("x" * 1_000_000)
    assert len(str(error.value)) < 300


FORMATTED = {
    0: "1970-01-01T00:00:00Z",
    NOON + 500_000_000: "2025-01-31T11:30:00.500Z",
    NOON + 123_000: "2025-01-31T11:30:00.000123Z",
    NOON + 120: "2025-01-31T11:30:00.000000120Z",
    -1: "1969-12-31T23:59:59.999999999Z",
    -SECOND: "1969-12-31T23:59:59Z",
    MIN_TIMESTAMP: "0001-01-01T00:00:00Z",
    MAX_TIMESTAMP: "9999-12-31T23:59:59.999999999Z",
}


@pytest.mark.parametrize("ns", FORMATTED)
def test_a_timestamp_has_the_fewest_of_0_3_6_or_9_digits_that_are_exact(ns: int) -> None:
    assert format_timestamp(ns) == FORMATTED[ns]


@pytest.mark.parametrize("ns", [MIN_TIMESTAMP - 1, MAX_TIMESTAMP + 1])
def test_no_year_has_five_digits_or_a_sign(ns: int) -> None:
    with pytest.raises(OverflowError):
        format_timestamp(ns)
