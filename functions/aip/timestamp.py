"""RFC 3339 timestamps as proto3 JSON writes them; see google.aip.dev/142."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

NANOS = 1_000_000_000
MIN_TIMESTAMP = -62_135_596_800 * NANOS
"""0001-01-01T00:00:00Z, in nanoseconds since the Unix epoch."""
MAX_TIMESTAMP = 253_402_300_800 * NANOS - 1
"""9999-12-31T23:59:59.999999999Z, in nanoseconds since the Unix epoch."""

_EPOCH = datetime(1970, 1, 1)
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def parse_timestamp(text: str) -> int:
    """Reads an RFC 3339 timestamp, with `Z` or an offset, into nanoseconds since the Unix epoch.

    Takes at most nine fractional digits and no leap seconds. In UTC the instant must lie between
    MIN_TIMESTAMP and MAX_TIMESTAMP. Raises ValueError, quoting `text`, for any other text.
    """
    try:
        return _parse(text)
    except ValueError:
        raise ValueError(
            "expected an RFC 3339 timestamp with up to 9 fractional digits, such as"
            f' "2025-01-31T11:30:00.5Z" or "2025-01-31T11:30:00+05:30", not "{text:.64}"'
        ) from None


# The same times are written again with each answer that shows a session.
@lru_cache(maxsize=4096)
def format_timestamp(ns: int) -> str:
    """Writes nanoseconds since the Unix epoch in UTC, with 0, 3, 6 or 9 fractional digits.

    Raises OverflowError beyond MIN_TIMESTAMP and MAX_TIMESTAMP.
    """
    seconds, nanos = divmod(ns, NANOS)
    if nanos % 1_000_000 and not nanos % 1_000:  # whole microseconds, as stores keep them
        return f"{_format_second(seconds)}.{nanos // 1_000:06}Z"
    return f"{_format_second(seconds)}{format_fraction(nanos)}Z"


def parse_fraction(digits: str | None) -> int:
    """Reads up to nine digits after a decimal point into nanoseconds; None is zero."""
    return int(digits.ljust(9, "0")) if digits else 0


def format_fraction(nanos: int) -> str:
    """Writes 0 to 999,999,999 ns as "" or a point with 3, 6 or 9 digits, the fewest exact ones."""
    if not nanos:
        return ""
    if nanos % 1_000:
        return f".{nanos:09}"
    if nanos % 1_000_000:
        return f".{nanos // 1_000:06}"
    return f".{nanos // 1_000_000:03}"


def _parse(text: str) -> int:
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError
    date, time, fraction, sign, hours, minutes = found.groups()
    local = datetime.fromisoformat(f"{date} {time}")
    seconds = (local - _EPOCH) // timedelta(seconds=1)
    if sign:
        seconds -= int(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)
    ns = seconds * NANOS + parse_fraction(fraction)
    if not MIN_TIMESTAMP <= ns <= MAX_TIMESTAMP:
        raise ValueError
    return ns


# The records of a page share few seconds. isoformat pads the year; on Linux strftime does not.
@lru_cache(maxsize=4096)
def _format_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()
