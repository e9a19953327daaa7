"""Durations as proto3 JSON writes them; see google.aip.dev/142."""

import re

from functions.aip.timestamp import NANOS, format_fraction, parse_fraction

MAX_DURATION = 315_576_000_000 * NANOS
"""The longest google.protobuf.Duration, 10,000 years, in nanoseconds."""

_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)


def parse_duration(text: str) -> int:
    """Reads seconds such as "3.5s" or "-1s" into nanoseconds.

    Takes at most nine fractional digits, and values from -MAX_DURATION to MAX_DURATION. Raises
    ValueError, quoting `text`, for any other text.
    """
    found = _DURATION.fullmatch(text)
    ns = int(found[2]) * NANOS + parse_fraction(found[3]) if found else 0
    if found is None or ns > MAX_DURATION:
        raise ValueError(
            'expected a duration in seconds such as "3.5s", with at most 9 fractional digits'
            f' and 315576000000 seconds, not "{text:.64}"'
        )
    return -ns if found[1] else ns


def format_duration(ns: int) -> str:
    """Writes nanoseconds as seconds, with 0, 3, 6 or 9 fractional digits: "3.500s"."""
    seconds, nanos = divmod(abs(ns), NANOS)
    return f"{'-' if ns < 0 else ''}{seconds}{format_fraction(nanos)}s"
