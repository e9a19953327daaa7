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
        field, sent, chosen = "ttl", format_duration(message.ttl), now + message.ttl
    elif message.expire_time is not None:
        field, sent, chosen = (
            "expire_time",
            format_timestamp(message.expire_time),
            message.expire_time,
        )
    else:
        return None
    if chosen > MAX_TIMESTAMP:
        raise InvalidArgument(f"session.{field} reaches beyond the year 9999: {sent}.")
    if chosen < create_time + min_ttl:
        raise InvalidArgument(
            f"session.{field} must let the session live at least {format_duration(min_ttl)} "
            f"from its creation: {sent}."
        )
    if chosen <= now:
        raise InvalidArgument(f"session.{field} must end the session in the future: {sent}.")
    return chosen
