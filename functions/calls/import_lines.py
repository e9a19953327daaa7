"""The body of an import: newline-delimited JSON, as an export writes it."""

from collections.abc import Iterator
from typing import Any

from functions.aip.errors import InvalidArgument
from functions.calls.request import Request
from functions.messages.json_text import read_json
from functions.messages.message import Message
from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.messages.state import State
from functions.rules.event_rules import new_event
from functions.rules.import_line import HistoryLine, ImportLine, SessionLine, StateLine
from functions.rules.names import EngineName, SessionName, UserName, is_resource_id, unspell
from functions.rules.session_rules import imported_session
from functions.rules.shared_state import StateOwner, prefix_of
from functions.rules.state import (
    MemberChanges,
    StateChange,
    members_of,
    merge_members,
)

_OF_SESSION = {"etag", "eventCount", "usage", "lastEventTime"}
_OF_EVENT = {"eventType"}
"""Fields that the full view adds; the server counts for itself."""

_ENDS = {"end", "nextPageToken"}


class StateChangeLine(Message):
    """A change of a session's own state outside all events."""

    id: str | None = ""
    after_event: str | None = ""
    state: dict[str, Any] | None = None
    removed: list[str] | None = []
    replace: bool | None = False


class ForkedFrom(Message):
    """The session that another is a fork of, and the last event of the copy."""

    session: str | None = ""
    event: str | None = ""


def read_lines(request: Request, now: int) -> list[ImportLine]:
    """Reads all lines; raises InvalidArgument naming the first line that is wrong, from 0 on.

    `now` is nanoseconds since the epoch; a session without expireTime lives a year from then on.
    """
    reader = _Reader(request, now)
    lines: list[ImportLine] = []
    for number, text in enumerate(request.body.split(b"\n")):
        if text.strip():
            lines.extend(reader.read(f"lines[{number}]", text))
    return lines


class _Reader:
    """Reads one line after the other, and keeps the session that the next events belong to."""

    def __init__(self, request: Request, now: int) -> None:
        self._request, self._now = request, now
        self._settings = request.settings
        self._session: SessionName | None = None

    def read(self, where: str, text: bytes) -> Iterator[ImportLine]:
        """The line, none for an export's last one."""
        line = read_json(text, max_depth=self._settings.max_json_depth)
        if not isinstance(line, dict) or len(line) != 1:
            raise InvalidArgument(f"{where} must be an object with one field, such as session.")
        ((kind, value),) = line.items()
        where = f"{where}.{kind}"
        if kind in ("appState", "userState"):
            yield self._state(where, value, is_of_user=kind == "userState")
        elif kind == "session":
            yield self._session_line(where, value)
        elif kind == "event":
            yield self._event(where, value)
        elif kind == "stateChange":
            yield self._change(where, value)
        elif kind not in _ENDS:
            raise InvalidArgument(
                f"{where} is unknown: a line is appState, userState, session, event, stateChange "
                "or end."
            )

    def _state(self, where: str, value: object, *, is_of_user: bool) -> StateLine:
        message = State.read(value, where)
        segments = (message.name or "").split("/")
        engine = self._engine(where, segments)
        owner: StateOwner = engine
        if is_of_user:
            user = segments[-2] if segments[-3:-2] == ["users"] else ""
            try:
                owner = UserName(engine, unspell(user))
            except UnicodeError:
                user = ""
            if not user:
                raise InvalidArgument(f"{where}.name must end in users/USER/state.")
        prefix = prefix_of(owner)
        members = members_of(
            {f"{prefix}{key}": each for key, each in (message.state or {}).items()}
        )
        merge_members({}, dict(members))
        return StateLine(owner, dict(members), message.update_time)

    def _session_line(self, where: str, value: object) -> SessionLine:
        fields, forked_from = _without(value, _OF_SESSION | {"forkedFrom"}), ""
        if isinstance(value, dict) and (origin := value.get("forkedFrom")) is not None:
            read = ForkedFrom.read(origin, f"{where}.forkedFrom")
            forked_from = read.write() if read.session else ""
        message = Session.read(fields, where, self._settings.unknown_fields)
        segments = (message.name or "").split("/")
        session = segments[-1]
        if segments[-2:-1] != ["sessions"] or not is_resource_id(session):
            raise InvalidArgument(f"{where}.name must end in sessions/SESSION.")
        self._session = SessionName(str(self._engine(where, segments)), session)
        says_expiry = message.expire_time is not None
        imported = imported_session(self._session, message, forked_from, self._now, where)
        return SessionLine(*imported, says_expiry)

    def _event(self, where: str, value: object) -> HistoryLine:
        fields = _without(value, _OF_EVENT)
        message = SessionEvent.read(fields, where, self._settings.unknown_fields)
        segments = (message.name or "").split("/")
        event = segments[-1]
        if segments[-2:-1] != ["events"] or not is_resource_id(event):
            raise InvalidArgument(f"{where}.name must end in events/EVENT.")
        if self._session is None or segments[-3:-2] != [self._session.session]:
            raise InvalidArgument(f"{where} must follow the line of its session in the same body.")
        record, _ = new_event(message, "")
        record.id = event
        return HistoryLine(record)

    def _change(self, where: str, value: object) -> HistoryLine:
        if self._session is None:
            raise InvalidArgument(f"{where} must follow the line of its session in the same body.")
        message = StateChangeLine.read(value, where)
        if not is_resource_id(message.id or ""):
            raise InvalidArgument(f"{where}.id must be an id of [A-Za-z0-9_-].")
        members: MemberChanges = dict.fromkeys(message.removed or ())
        members |= members_of(message.state or {})
        merge_members({}, members)
        change = StateChange(session=members, replace=bool(message.replace))
        return HistoryLine(None, change, message.id or "", message.after_event or "")

    def _engine(self, where: str, segments: list[str]) -> EngineName:
        """The engine of the request, or for `-` the one that a line's name has."""
        engine = self._request.engine_or_all
        if not engine.is_wildcard:
            return engine
        ids = dict(zip(segments[::2], segments[1::2], strict=False))
        named = ids.get("reasoningEngines", "")
        if not is_resource_id(named):
            raise InvalidArgument(f"{where}.name must name its reasoning engine.")
        return EngineName(engine.location, named)


def _without(value: object, names: set[str]) -> object:
    if not isinstance(value, dict):
        return value
    return {name: each for name, each in value.items() if name not in names}
