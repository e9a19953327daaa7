"""Forks a session: copies its rows in small transactions to a session that no method finds.

The new session has its engine's negated key until it is complete. Its column `fork` says how far
the copy has come, so that any server can go on with it. SQLite has no view of the past: the copy
ends with the last row at its beginning, and begins again once one of those rows has changed, which
the source's `edits` tell. When the copy is complete, `fork` is the digest of the request, by which
a retry finds the session that it made.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum, auto

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import utf8_size, write_plain
from functions.rules.errors import ParentEngineNotFound, SessionAlreadyExists, SessionNotFound
from functions.rules.event import counted_time
from functions.rules.event_text import whole_text
from functions.rules.fork import Fork
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import MemberChanges
from functions.rules.state_history import StateHistory
from functions.rules.token_usage import NO_USAGE, TokenUsage, usage_of_text
from functions.store.sqlite.database import Database
from functions.store.sqlite.erasing import BYTES, ROWS, Erasure, condemn_session
from functions.store.sqlite.history import START, Place, Row, changes_of, is_change, place_of, rows
from functions.store.sqlite.members import copy_scope, merge
from functions.store.sqlite.rows import (
    SessionKeys,
    add_user,
    insert,
    live_session,
    session_row,
    split_expiry,
)


@dataclass(slots=True)
class _Copy:
    """The state of a copy, which `fork` holds as JSON.

    `request` and `worker` tell the fork and the call that works on it. The copy goes from `behind`
    to `end` of the history of `source`, whose `edits` must stay. `after` is the `seq` of the last
    event of the copy, `last_event` its id; the others are for the complete session.
    """

    request: str
    worker: str
    source: int
    edits: int
    is_whole: bool
    expire_time: int
    end: Place
    behind: Place = START
    after: int = 0
    last_event: str = ""
    events: int = 0
    usage: TokenUsage = NO_USAGE
    last_time: int | None = None

    @classmethod
    def read(cls, text: str) -> "_Copy":
        copy = cls(**json.loads(text))
        copy.end, copy.behind = Place(*copy.end), Place(*copy.behind)
        copy.usage = TokenUsage(*copy.usage)
        return copy

    def write(self) -> str:
        return json.dumps(asdict(self))


class _Outcome(Enum):
    """What one step of a copy found out; GONE and EXISTS end it."""

    MORE = auto()
    AGAIN = auto()
    TAKEN = auto()
    GONE = auto()
    EXISTS = auto()


def fork_session(
    database: Database,
    fork: Fork,
    now: int,
    is_time_up: Callable[[], bool],
    owner: str | None,
) -> SessionRecord | None:
    """Begins a fork or goes on with it, until it is complete or the time is up; see the protocol.

    Of two calls that work on one fork, the later one goes on and the other stops.
    """
    worker = secrets.token_hex(8)
    while True:
        with database.write() as db:
            begun = _begin(db, fork, worker, now, owner)
        if isinstance(begun, SessionRecord):
            return begun
        found: SessionRecord | _Outcome = _Outcome.MORE
        while found is _Outcome.MORE:
            database.let_others_write()
            with database.write() as db:
                found = _Step(db, fork, begun, worker, now).run()
            if found is _Outcome.MORE and is_time_up():
                return None
        if isinstance(found, SessionRecord):
            return found
        if found is _Outcome.TAKEN:
            return None
        if found is _Outcome.GONE:
            raise SessionNotFound(fork.source)
        if found is _Outcome.EXISTS:
            raise SessionAlreadyExists(str(fork.name))


def is_forking(db: sqlite3.Connection, name: SessionName, now: int, owner: str | None) -> bool:
    """Whether a session of that name, and of the owner if one is given, is still incomplete."""
    found = db.execute(
        "SELECT 1 FROM sessions s JOIN engines e ON e.id = -s.engine WHERE e.name = ? "
        "AND s.session_id = ? AND s.expiry > ? AND coalesce(?, s.user_id) = s.user_id",
        (name.engine, name.session, now // 1000, owner),
    ).fetchone()
    return found is not None


def _begin(
    db: sqlite3.Connection, fork: Fork, worker: str, now: int, owner: str | None
) -> SessionRecord | int:
    """The complete session where there is one, else the key of the session to fill."""
    complete = _complete(db, fork, now, owner)
    if complete is not None:
        return complete
    keys, source = live_session(db, fork.source, now)
    if owner not in (None, source.user_id):
        raise SessionNotFound(fork.source)
    (engine_time,) = db.execute(
        "SELECT create_time FROM engines WHERE id = ?", (keys.engine,)
    ).fetchone()
    if fork.require_engine and engine_time is None:
        raise ParentEngineNotFound
    found = db.execute(
        "SELECT id, expiry, fork FROM sessions WHERE engine = ? AND session_id = ?",
        (-keys.engine, fork.name.session),
    ).fetchone()
    if found is not None:
        session, lease_end, text = found
        copy = _Copy.read(text)
        if copy.request == fork.request:
            copy.worker = worker
            db.execute(
                "UPDATE sessions SET fork = ?, expiry = ? WHERE id = ?",
                (copy.write(), fork.lease_end // 1000, session),
            )
            return int(session)
        if lease_end > now // 1000:
            raise SessionAlreadyExists(str(fork.name))
        _condemn(db, session, now)
    return _create(db, fork, worker, keys, source, now)


def _complete(
    db: sqlite3.Connection, fork: Fork, now: int, owner: str | None
) -> SessionRecord | None:
    """The session that an earlier call of this fork has made; raises SessionAlreadyExists."""
    try:
        keys, record = live_session(db, fork.name, now)
    except SessionNotFound:
        return None
    (request,) = db.execute("SELECT fork FROM sessions WHERE id = ?", (keys.session,)).fetchone()
    if request != fork.request or owner not in (None, record.user_id):
        raise SessionAlreadyExists(str(fork.name))
    return record


def _create(
    db: sqlite3.Connection,
    fork: Fork,
    worker: str,
    keys: SessionKeys,
    source: SessionRecord,
    now: int,
) -> int:
    record = fork.record(source, now)
    end = place_of(db, fork.source, keys.session, fork.point)
    (edits,) = db.execute("SELECT edits FROM sessions WHERE id = ?", (keys.session,)).fetchone()
    is_whole = fork.point.is_end
    scope = keys.own
    if scope is not None:
        scope = copy_scope(db, scope) if is_whole else merge(db, None, {})
    copy = _Copy(fork.request, worker, keys.session, edits, is_whole, record.expire_time, end)
    return insert(
        db,
        "sessions",
        {
            **session_row(record),
            "engine": -keys.engine,
            "session_id": fork.name.session,
            "user_id": record.user_id,
            "create_time": now,
            "update_time": now,
            "expiry": fork.lease_end // 1000,
            "expire_rest": 0,
            "scope": scope,
            "fork": copy.write(),
        },
    )


def _condemn(db: sqlite3.Connection, session: int, now: int) -> None:
    """Frees the name of an incomplete copy; the purge removes what is not removed here."""
    condemn_session(db, session, now)
    Erasure(db, now).session(session)


class _Step:
    """One transaction of a copy to the session of the key `session`."""

    def __init__(
        self, db: sqlite3.Connection, fork: Fork, session: int, worker: str, now: int
    ) -> None:
        self._db, self._fork, self._session = db, fork, session
        self._worker, self._now = worker, now

    def run(self) -> "SessionRecord | _Outcome":
        """Copies some rows, and with the last of them completes the session."""
        db, name, now = self._db, self._fork.source, self._now
        found = db.execute(
            "SELECT fork, scope, engine FROM sessions WHERE id = ? AND expiry > 0",
            (self._session,),
        ).fetchone()
        if found is None:
            return _Outcome.AGAIN
        text, scope, hidden = found
        copy = _Copy.read(text)
        if copy.worker != self._worker:
            return _Outcome.TAKEN
        source = db.execute(
            "SELECT s.engine, s.edits FROM sessions s JOIN engines e ON e.id = s.engine "
            "WHERE s.id = ? AND e.name = ? AND s.expiry > ?",
            (copy.source, name.engine, now // 1000),
        ).fetchone()
        # The erasure of the new session's user has taken it away.
        is_erased = source is not None and hidden != -source[0]
        if source is None or is_erased or source[1] != copy.edits:
            _condemn(db, self._session, now)
            return _Outcome.GONE if source is None else _Outcome.AGAIN
        some, is_last = self._some(copy)
        self._add(copy, scope, some)
        if is_last:
            return self._complete(copy, source[0])
        db.execute("UPDATE sessions SET fork = ? WHERE id = ?", (copy.write(), self._session))
        return _Outcome.MORE

    def _some(self, copy: _Copy) -> tuple[list[Row], bool]:
        """The next rows of the source, and whether they are the last ones."""
        some: list[Row] = []
        size = 0
        for row in rows(self._db, copy.source, copy.behind, copy.end):
            some.append(row)
            size += sum(utf8_size(each) for each in row.values() if isinstance(each, str))
            if len(some) >= ROWS or size >= BYTES:
                return some, False
        return some, True

    def _add(self, copy: _Copy, scope: int | None, some: list[Row]) -> None:
        history = StateHistory(replace=False)
        for row in some:
            place = {"change": row["id"]} if is_change(row) else {"seq": row["seq"]}
            copy.behind = copy.behind._replace(**place)
            is_event = "seq" in place and row["session"] > 0
            # A whole copy has the state already: most events need not be parsed.
            changes, replace = ({}, False) if is_event and copy.is_whole else changes_of(row)
            if is_event:
                self._add_event(copy, row)
            elif changes or replace:
                self._add_change(copy, changes, replace=replace)
            if not copy.is_whole:
                history.apply(changes, replace=replace)
        if history.members or history.replace:
            scope = merge(self._db, scope, history.members, replace=history.replace)
            self._db.execute("UPDATE sessions SET scope = ? WHERE id = ?", (scope, self._session))

    def _add_event(self, copy: _Copy, row: Row) -> None:
        kept = {column: each for column, each in row.items() if column not in ("seq", "original")}
        copy.after = insert(self._db, "events", {**kept, "session": self._session})
        copy.last_event = row["id"]
        copy.events += 1
        copy.usage = copy.usage.plus(usage_of_text(whole_text(row["text"])))
        time = counted_time(int(row["timestamp_key"], 16) + MIN_TIMESTAMP)
        copy.last_time = time if copy.last_time is None else max(copy.last_time, time)

    def _add_change(self, copy: _Copy, changes: MemberChanges, *, replace: bool) -> None:
        change = {"members": write_plain(changes), "is_replace": replace}
        insert(self._db, "changes", {"session": self._session, "after": copy.after, **change})

    def _complete(self, copy: _Copy, engine: int) -> "SessionRecord | _Outcome":
        """Shows the session, unless another one has taken its name after the end of the lease."""
        db, fork, now = self._db, self._fork, self._now
        other = db.execute(
            "SELECT id, expiry FROM sessions WHERE engine = ? AND session_id = ?",
            (engine, fork.name.session),
        ).fetchone()
        if other is not None and other[1] > now // 1000:
            _condemn(db, self._session, now)
            return _Outcome.EXISTS
        if other is not None:
            _condemn(db, other[0], now)
        expiry, expire_rest = split_expiry(copy.expire_time)
        prompt, candidates, total = copy.usage
        db.execute(
            "UPDATE sessions SET engine = :engine, create_time = :now, update_time = :now, "
            "expiry = :expiry, expire_rest = :expire_rest, event_count = :events, "
            "prompt_tokens = :prompt, candidate_tokens = :candidates, total_tokens = :total, "
            "last_event_time = :last, forked_from = :origin, fork = :request WHERE id = :id",
            {
                "id": self._session,
                "engine": engine,
                "now": now,
                "expiry": expiry,
                "expire_rest": expire_rest,
                "events": copy.events,
                "last": copy.last_time,
                "prompt": prompt,
                "candidates": candidates,
                "total": total,
                "origin": fork.origin(copy.last_event),
                "request": fork.request,
            },
        )
        add_user(db, self._session)
        return live_session(db, fork.name, now)[1]
