"""The rules that make a fork of a request."""

import hashlib

from functions.messages.json_text import write_plain
from functions.messages.session import Session
from functions.rules.errors import InvalidFields
from functions.rules.fork import Fork, Point
from functions.rules.labels import sorted_labels
from functions.rules.names import SessionName
from functions.rules.session import check_length
from functions.rules.session_rules import chosen_expire_time
from functions.rules.state import join_members, members_of

_LEASE = 600 * 10**9
"""Nanoseconds that a fork may lie unfinished behind the time that its request may take."""


def new_fork(
    source: SessionName,
    session_id: str,
    point: Point,
    message: Session,
    now: int,
    *,
    min_ttl: int,
    time_limit: int,
    require_engine: bool,
) -> Fork:
    """Returns the fork that a message asks for; raises for a broken rule.

    `min_ttl` and `time_limit`, the time that the request may take, are in nanoseconds.
    """
    if message.session_state is not None:
        fault = "A fork has the state of its source: leave this field out."
        raise InvalidFields([("session.session_state", fault)])
    sent = {name for name in message.model_fields_set if getattr(message, name) is not None}
    told = [str(source), point.through_event, point.before_invocation_id, message.write()]
    fork = Fork(
        name=SessionName(source.engine, session_id),
        source=source,
        point=point,
        request=hashlib.sha256(write_plain(told).encode()).hexdigest()[:32],
        lease_end=now + time_limit + _LEASE,
        require_engine=require_engine,
        user_id=message.user_id or None,
        display_name=message.display_name if "display_name" in sent else None,
        labels=sorted_labels(message.labels) if "labels" in sent else None,
        expire_time=chosen_expire_time(message, now, now, min_ttl),
        unknown=message.unknown_fields(),
    )
    check_length("session.user_id", fork.user_id or "")
    check_length("session.display_name", fork.display_name or "")
    check_length("unknown fields", join_members(members_of(fork.unknown).values()))
    return fork
