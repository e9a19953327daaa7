"""The times that all stores keep."""

from functions.aip.timestamp import format_timestamp

END_OF_TIMES = 9_214_646_400 * 10**9
"""2262-01-01T00:00:00Z; nanoseconds since the epoch have 64 bits in SQLite."""


def kept_time(what: str, time: int) -> int:
    """Returns nanoseconds since the epoch in whole microseconds, which all stores keep.

    Raises ValueError for a time that not all stores keep: a sentence about `what` with the bounds.
    """
    if not 0 <= time < END_OF_TIMES:
        bounds = f"{format_timestamp(0)} and {format_timestamp(END_OF_TIMES)}"
        raise ValueError(f"{what} must lie between {bounds}")
    return time // 1000 * 1000
