"""When a session ends: exactly at its expire_time, however it was given."""

from functions.aip.duration import format_duration
from functions.aip.errors import InvalidArgument
from functions.aip.timestamp import MAX_TIMESTAMP, format_timestamp
from functions.messages.session import Session

DEFAULT_TTL = 365 * 86400 * 10**9
"""Nanoseconds; what a session gets that asks for nothing."""


def chosen_expire_time(message: Session, create_time: int, now: int, min_ttl: int) -> int | None:
    """The expire_time that the message asks for, or None; all in nanoseconds.

    Raises InvalidArgument when it is in the past, sooner than `min_ttl` after creation, or
    beyond the year 9999.
    """
    if message.ttl is not None:
        if message.ttl < min_ttl:
            raise _too_soon("session.ttl", format_duration(message.ttl), min_ttl)
        if now + message.ttl > MAX_TIMESTAMP:
            raise InvalidArgument(
                f"session.ttl reaches beyond the year 9999: {format_duration(message.ttl)}."
            )
        return now + message.ttl
    if message.expire_time is not None:
        sent = format_timestamp(message.expire_time)
        if message.expire_time <= now:
            raise InvalidArgument(f"session.expire_time is in the past: {sent}.")
        if message.expire_time < create_time + min_ttl:
            raise _too_soon("session.expire_time", sent, min_ttl)
    return message.expire_time


def _too_soon(field: str, sent: str, min_ttl: int) -> InvalidArgument:
    return InvalidArgument(
        f"{field} must be at least {format_duration(min_ttl)} after the session's creation: {sent}."
    )
