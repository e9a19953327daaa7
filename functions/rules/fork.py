"""A fork: a new session with the events and the state of another one up to a point."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.aip.errors import NotFound
from functions.messages.json_text import write_plain
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import join_members, members_of, split_members


class InvocationNotFound(NotFound):
    """The session has no event of the invocation."""

    def __init__(self, session: SessionName, invocation_id: str) -> None:
        super().__init__(f"Session {session} has no event of invocation {invocation_id!r:.200}.")


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the history of a session, in the order of arrival.

    Right after the event of an id, or right before the first event of an invocation; with neither,
    the end.
    """

    through_event: str = ""
    before_invocation_id: str = ""

    @property
    def is_end(self) -> bool:
        """Whether all of the history is before the point."""
        return not (self.through_event or self.before_invocation_id)


@dataclass(frozen=True, slots=True)
class Fork:
    """The fork that a request asks for; None is for fields that it has from its source.

    Another fork under the same name has another `request`. `lease_end` is the nanoseconds since the
    epoch up to which the purge leaves it alone while it is incomplete. `require_engine` says that
    the engine must exist.
    """

    name: SessionName
    source: SessionName
    point: Point
    request: str
    lease_end: int
    require_engine: bool
    user_id: str | None = None
    display_name: str | None = None
    labels: Mapping[str, str] | None = None
    expire_time: int | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def record(self, source: SessionRecord, now: int) -> SessionRecord:
        """The record of the new session, without state and counts, as `now` creates it."""
        unknown = {**split_members(source.unknown), **members_of(self.unknown)}
        return SessionRecord(
            name=self.name,
            user_id=source.user_id if self.user_id is None else self.user_id,
            display_name=source.display_name if self.display_name is None else self.display_name,
            labels=source.labels if self.labels is None else self.labels,
            create_time=now,
            update_time=now,
            expire_time=source.expire_time if self.expire_time is None else self.expire_time,
            unknown=join_members(unknown.values()),
        )

    def origin(self, last_event: str) -> str:
        """The JSON of forkedFrom; `last_event` is the id of the last event, "" if there is none."""
        origin = {"session": str(self.source)}
        if last_event:
            origin["event"] = f"{self.source}/events/{last_event}"
        return write_plain(origin)
