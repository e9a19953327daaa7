"""The rules that make a record of a Session message and a change of an update."""

from collections.abc import Sequence

from functions.aip.duration import format_duration
from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.aip.timestamp import MAX_TIMESTAMP, format_timestamp
from functions.messages.session import Session
from functions.rules.errors import InvalidFields
from functions.rules.labels import masked_labels, sorted_labels
from functions.rules.names import SessionName
from functions.rules.session import SessionChange, SessionRecord, check_length
from functions.rules.state import (
    StateChange,
    join_members,
    members_of,
    state_change,
)
from functions.rules.times import kept_time

DEFAULT_TTL = 365 * 86400 * 10**9
"""Nanoseconds that a session lives if its message sets neither ttl nor expireTime."""

OUTPUT_ONLY = frozenset({"name", "create_time", "update_time"})
MUTABLE = frozenset({"display_name", "labels", "session_state", "expire_time", "ttl"})


def new_session(
    name: SessionName, message: Session, now: int, min_ttl: int
) -> tuple[SessionRecord, StateChange]:
    """Returns the record of a new session and its first state; raises for a broken rule."""
    if not message.user_id:
        raise InvalidFields([("session.user_id", "Required field is not set.")])
    labels = sorted_labels(message.labels)
    record = SessionRecord(
        name=name,
        user_id=message.user_id,
        display_name=message.display_name or "",
        labels=labels,
        create_time=now,
        update_time=now,
        expire_time=chosen_expire_time(message, now, now, min_ttl) or now + DEFAULT_TTL,
        state=None if message.session_state is None else "",
        unknown=join_members(members_of(message.unknown_fields()).values()),
    )
    check_length("session.user_id", record.user_id)
    check_length("session.display_name", record.display_name)
    check_length("unknown fields", record.unknown)
    state = state_change(message.session_state or {})
    # Checked before the store is asked, so that all stores raise the same error.
    state.check_size()
    return record, state


def imported_session(
    name: SessionName, message: Session, forked_from: str, now: int, where: str
) -> tuple[SessionRecord, StateChange]:
    """Returns the record of a session that is imported, with its own times, and its own state.

    Times are those of the message in whole microseconds, by default `now` and a year later.
    `forked_from` is what the full view says as JSON, "" for no fork. Raises as `new_session` does,
    and InvalidArgument for keys of app and user state and for times that no store keeps.
    """
    shared = [key for key in message.session_state or {} if key.startswith(("app:", "user:"))]
    if shared:
        raise InvalidArgument(
            f"{where}.sessionState has {shared[0]!r:.64}: app and user state have their own lines."
        )
    expire_time, message.expire_time = message.expire_time, None
    record, state = new_session(name, message, now, 0)
    record.create_time = imported_time(f"{where}.createTime", message.create_time or now)
    update_time = imported_time(f"{where}.updateTime", message.update_time or now)
    record.update_time = max(record.create_time, update_time)
    record.expire_time = expire_time or record.expire_time
    record.forked_from = forked_from
    check_length(f"{where}.forkedFrom", record.forked_from)
    return record, state


def imported_time(field: str, time: int) -> int:
    """Returns a time of an import in whole microseconds, which all stores keep.

    Raises InvalidArgument naming the field for a time that not all stores can keep.
    """
    try:
        return kept_time(field, time)
    except ValueError as error:
        raise InvalidArgument(f"{error}: {format_timestamp(time)}.") from None


def changed_session(
    record: SessionRecord, message: Session, mask: Sequence[FieldPath], now: int, min_ttl: int
) -> SessionChange:
    """Returns the change that the mask and the message make; raises for a broken rule."""
    if message.user_id and message.user_id != record.user_id:
        raise InvalidArgument("session.user_id is immutable.")
    fields = {path.field for path in mask}
    change = SessionChange(state=_changed_state(message, mask), unknown=message.unknown_fields())
    if "display_name" in fields:
        change.display_name = message.display_name or ""
        check_length("session.display_name", change.display_name)
    if "labels" in fields:
        labels = masked_labels(record.labels, message.labels, mask)
        change.labels = sorted_labels(labels)
    if fields & {"ttl", "expire_time"}:
        change.expire_time = chosen_expire_time(message, record.create_time, now, min_ttl)
        if change.expire_time is None:
            raise InvalidArgument("updateMask names ttl or expire_time, but the body sets neither.")
    return change


def check_update_mask(mask: Sequence[FieldPath], message: Session) -> Sequence[FieldPath]:
    """Returns the paths to change: those of the mask, or else the fields that the message sets.

    Raises InvalidArgument naming a path that is unknown, output-only or immutable.
    """
    populated = [
        FieldPath(name, None, name)
        for name in sorted(MUTABLE & message.model_fields_set)
        if getattr(message, name) is not None
    ]
    if not mask:
        return populated
    for path in mask:
        if path.field in OUTPUT_ONLY:
            raise InvalidArgument(f"updateMask names an output-only field: {path.text!r}.")
        if path.field not in MUTABLE | {"user_id", "*"}:
            raise InvalidArgument(f"updateMask names an unknown field: {path.text!r}.")
        if path.key is not None and path.field not in ("session_state", "labels"):
            raise InvalidArgument(
                f"updateMask can name keys of session_state and labels only: {path.text!r}."
            )
    if any(path.field == "*" for path in mask):
        expiration = [path for path in populated if path.field in {"ttl", "expire_time"}]
        always = ("display_name", "labels", "session_state")
        return [*(FieldPath(name, None, name) for name in always), *expiration]
    return mask


def chosen_expire_time(message: Session, create_time: int, now: int, min_ttl: int) -> int | None:
    """The expire_time that the message sets, or None; all times are in nanoseconds.

    Raises InvalidArgument if it is in the past, less than `min_ttl` after the creation, or beyond
    the year 9999.
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


def _changed_state(message: Session, mask: Sequence[FieldPath]) -> StateChange:
    paths = [path for path in mask if path.field == "session_state"]
    if not paths:
        return StateChange()
    values = message.session_state or {}
    if any(path.key is None for path in paths):
        return state_change(values, replace=True)
    keys = {path.key for path in paths if path.key is not None}
    kept = {key: values[key] for key in keys & values.keys()}
    return state_change(kept, sorted(keys - values.keys()))
