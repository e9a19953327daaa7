"""POST {engine}:import: adds sessions, events and state that an export wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from functions.calls.import_lines import read_lines
from functions.calls.request import Request
from functions.messages.json_text import write_plain
from functions.rules.errors import SessionAlreadyExists, SessionNotFound
from functions.rules.import_line import HistoryLine, ImportLine, SessionLine, StateLine
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.shared_state import SharedStateChange, engine_of
from functions.store.protocol import Store

_TOGETHER = 500
"""Lines that SQLite commits together: other writers wait for them."""


def import_sessions(request: Request, store: Store, now: int) -> str:
    """Answers `{"importedSessions", "importedEvents", "skipped", "conflicts"}`.

    The body is newline-delimited JSON up to MAX_BODY_BYTES; clients send a large export in several
    bodies, each of which repeats the session whose events it goes on with. Sessions keep their ids,
    times and state, events their ids, times and order. Each line lands whole. A line that is there
    already is skipped, so that the same body sent again completes an import. `conflicts` names what
    the store has with another content, or a fork still fills, and leaves as it is. Sessions that
    have expired are skipped.

    Raises InvalidArgument naming the first wrong line, before anything is stored, AfterNoEvent,
    ParentEngineNotFound and PermissionDenied.
    """
    store.begin_import(request.engine_or_all)
    work = _Import(store, now, require_engine=request.settings.require_engine)
    lines = read_lines(request, now)
    for start in range(0, len(lines), _TOGETHER):
        with store.together():
            work.add(lines[start : start + _TOGETHER])
    return write_plain(
        {
            "importedSessions": work.sessions,
            "importedEvents": work.events,
            "skipped": work.skipped,
            "conflicts": list(dict.fromkeys(work.conflicts)),
        }
    )


@dataclass(slots=True)
class _Import:
    """The counts of one import, and the session whose history follows, None if that is left out."""

    store: Store
    now: int
    require_engine: bool
    sessions: int = 0
    events: int = 0
    skipped: int = 0
    conflicts: list[str] = field(default_factory=list)
    current: SessionName | None = None

    def add(self, lines: Sequence[ImportLine]) -> None:
        """Adds some lines; those of one session's history go to the store together."""
        for is_history, some in groupby(lines, lambda line: isinstance(line, HistoryLine)):
            if is_history:
                self.history([line for line in some if isinstance(line, HistoryLine)])
                continue
            for line in some:
                if isinstance(line, StateLine):
                    self.state(line)
                elif isinstance(line, SessionLine):
                    self.session(line)

    def state(self, line: StateLine) -> None:
        """Sets app or user state that is empty."""
        # Users write their own state, but they do not import it.
        self.store.begin_import(engine_of(line.owner))
        found = sorted(self.store.get_shared_state(line.owner).members)
        wanted = sorted(member for member in line.members.values() if member is not None)
        if found == wanted:
            self.skipped += 1
        elif found:
            self.conflicts.append(f"{line.owner}/state")
        else:
            change = SharedStateChange(line.members, update_time=line.update_time)
            self.store.update_shared_state(
                line.owner, change, self.now, require_engine=self.require_engine
            )

    def session(self, line: SessionLine) -> None:
        """Creates a session that is missing."""
        record, self.current = line.record, None
        if record.expire_time <= self.now:
            self.skipped += 1
            return
        try:
            self.store.create_session(
                record,
                line.state,
                self.now,
                require_engine=self.require_engine,
                keeps_change=False,
            )
            self.sessions += 1
        except SessionAlreadyExists:
            if not self._is_there(line):
                self.conflicts.append(str(record.name))
                return
            self.skipped += 1
        self.current = record.name

    def history(self, lines: list[HistoryLine]) -> None:
        """Adds events and changes that are missing to the current session."""
        if self.current is None:
            self.skipped += len(lines)
            return
        added = self.store.import_history(self.current, lines, self.now)
        self.events += added.events
        self.skipped += added.skipped
        self.conflicts += [f"{self.current}/events/{event}" for event in added.conflicts]

    def _is_there(self, line: SessionLine) -> bool:
        """Whether the store has the session of a line, and not one that a fork still fills."""
        try:
            return _is_same(self.store.get_session(line.record.name, self.now), line)
        except SessionNotFound:
            return False


def _is_same(found: SessionRecord, line: SessionLine) -> bool:
    """Whether a stored session is that of a line, in the times that the line says."""
    record = line.record
    return (
        found.user_id == record.user_id
        and all(getattr(found, time) == getattr(record, time) for time in line.said)
        and found.display_name == record.display_name
        and dict(found.labels) == dict(record.labels)
        and found.unknown == record.unknown
        and (found.state or "") == line.state_text
    )
