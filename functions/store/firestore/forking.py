"""Forks a session: copies its documents, as they were at one moment, in commits of their own.

The document of the new session has a negative `expiry`, by which no method finds it, until the
commit that completes it. Meanwhile its field `fork` says how far the copy has come, so that any
server can go on with it:

    request, worker             the fork, and the call that works on it
    readTime                    the moment at which the source is read
    end, behind, since          its history: the place where the copy ends, that to which it has
                                come, and when the earliest document arrived that is left
    lastEvent, events, usage, lastTime     of the events that were copied

A commit fails if somebody else has written the new session's document since the commit before it.
An append that found the document changes it, and then the copy begins again. When the copy is
complete, `fork` has the `request` alone, by which a retry finds the new session.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from functions.aip.errors import NotFound
from functions.rules.errors import SessionAlreadyExists, SessionNotFound, StoreUnavailable
from functions.rules.event import EventRecord, counted_time
from functions.rules.fork import Fork
from functions.rules.names import SessionName
from functions.rules.session import SessionRecord
from functions.rules.state import StateChange
from functions.rules.state_history import StateHistory
from functions.rules.token_usage import NO_USAGE, TokenUsage, usage_of_text
from functions.store.firestore import arrivals, documents, values
from functions.store.firestore.condemned import check_parent, is_condemned
from functions.store.firestore.counting import COUNTED
from functions.store.firestore.erasure import erase
from functions.store.firestore.event_documents import event_record, part_copies
from functions.store.firestore.history import change_write
from functions.store.firestore.layouts import Layouts, micros, purge_shard
from functions.store.firestore.protobuf import Document, Timestamp, Value, Write
from functions.store.firestore.rpc import AlreadyExists, Missing, Refused, Rpc, Stale
from functions.store.firestore.sharing import is_registered, share, shared_writes
from functions.store.firestore.user_erasure import ended

WRITES = 398
"""Copies in one commit; it also writes the session, and at the end a new user."""

BYTES = 3 * 2**20
"""Bytes of the copies in one commit, unless one event has more. The emulator takes 4 MiB."""

_LEFT_OUT = frozenset({"arrived", "originals", "originalBytes"})
"""Fields of an event that a copy does not have: it arrives later, and has no originals."""

_Read = TypeVar("_Read")


class _Interrupted(Exception):
    """Another writer met the copy, or Firestore no longer has the moment at which it reads."""


@dataclass(slots=True)
class _Copy:
    """How far a copy has come, as the field `fork` has it."""

    request: str
    worker: str
    read_time: Timestamp | None = None
    end: arrivals.Place | None = None
    behind: arrivals.Place | None = None
    since: int | None = None
    last_event: str = ""
    events: int = 0
    usage: TokenUsage = NO_USAGE
    last_time: int | None = None

    @classmethod
    def of(cls, found: Document) -> "_Copy":
        """Reads it from the document of a session that is incomplete."""
        fields = found.fields["fork"].map_value.fields
        usage = fields["usage"].map_value.fields
        return cls(
            request=fields["request"].string_value,
            worker=fields["worker"].string_value,
            read_time=fields["readTime"].timestamp_value if "readTime" in fields else None,
            end=_place(fields.get("end")),
            behind=_place(fields.get("behind")),
            since=fields["since"].integer_value if "since" in fields else None,
            last_event=fields["lastEvent"].string_value,
            events=fields["events"].integer_value,
            usage=TokenUsage.of({name: said.integer_value for name, said in usage.items()}),
            last_time=fields["lastTime"].integer_value if "lastTime" in fields else None,
        )

    def fields(self) -> dict[str, values.Storable]:
        """What the field `fork` holds."""
        told: dict[str, values.Storable | None] = {
            "request": self.request,
            "worker": self.worker,
            "readTime": self.read_time,
            "end": self.end,
            "behind": self.behind,
            "since": self.since,
            "lastEvent": self.last_event,
            "events": self.events,
            "usage": self.usage.named(),
            "lastTime": self.last_time,
        }
        return {name: each for name, each in told.items() if each is not None}

    def add(self, event: EventRecord) -> None:
        """Counts an event that the copy gains."""
        self.last_event = event.id
        self.events += 1
        self.usage = self.usage.plus(usage_of_text(event.text))
        time = counted_time(event.timestamp)
        self.last_time = time if self.last_time is None else max(self.last_time, time)


@dataclass(slots=True)
class _Chunk:
    """The copies of one commit, and the change of state that they make together."""

    writes: list[Write] = field(default_factory=list)
    size: int = 0
    state: StateHistory = field(default_factory=lambda: StateHistory(replace=False))

    def has_room(self, writes: list[Write]) -> bool:
        """Whether the writes of one event or change belong in this commit, too."""
        size = self.size + sum(write.ByteSize() for write in writes)
        fits = len(self.writes) + len(writes) <= WRITES and size <= BYTES
        return fits or not self.writes

    def add(self, writes: list[Write]) -> None:
        """Adds the writes of one event or change, its document first."""
        for write in writes[:1]:
            write.update.fields["n"].integer_value = len(self.writes)
        self.writes += writes
        self.size += sum(write.ByteSize() for write in writes)

    def write_state(self, fields: dict[str, values.Storable], mask: list[str]) -> None:
        """Adds the change of state to the fields and the mask of the session's write."""
        members, replace = self.state.members, self.state.replace
        if replace or members:
            fields["state"] = {key: each for key, each in members.items() if each is not None}
        if replace:
            mask.append("state")
        else:
            mask.extend(f"state.`{key}`" for key in members)


class ForkCopy:
    """One call's work on a fork."""

    def __init__(
        self,
        rpc: Rpc,
        fork: Fork,
        now: int,
        is_time_up: Callable[[], bool],
        owner: str | None,
        layouts: Layouts,
    ) -> None:
        self._rpc, self._fork, self._now, self._is_time_up = rpc, fork, now, is_time_up
        self._owner, self._layouts = owner, layouts
        self._path = f"{rpc.root}/{fork.name}"
        self._worker = secrets.token_hex(8)
        self._since = Timestamp()
        """When this call last wrote the document of the new session."""

    def run(self) -> SessionRecord | None:
        """The complete session, or None where the time is up or another call has taken over."""
        while True:
            try:
                copy = self._begin()
                if copy is None or isinstance(copy, SessionRecord):
                    return copy
                return self._go_on(copy)
            except NotFound:
                self._discard()
                raise
            except _Interrupted:
                if not self._discard() or self._is_time_up():
                    return None

    def _begin(self) -> "SessionRecord | _Copy | None":
        """The complete session where there is one, else the copy, which is now this call's.

        None where an earlier session of the name is too large to be removed in time.
        """
        fork, rpc, now = self._fork, self._rpc, self._now
        paths = [str(fork.name), str(fork.source), fork.source.engine]
        found, source, engine = rpc.batch_get(paths)()
        if documents.is_live(found, now, None, engine) and not is_condemned(engine):
            is_own = self._owner in (None, documents.user_id_of(found))
            if not is_own or _request_of(found) != fork.request:
                raise SessionAlreadyExists(str(fork.name))
            return self._shown(found, engine)
        if is_condemned(engine) or not documents.is_live(source, now, self._owner, engine):
            raise SessionNotFound(fork.source)
        check_parent(fork.source.engine, engine, require_engine=fork.require_engine)
        if found is not None and documents.is_erased(engine, found):
            found = ended(rpc, found)
        if found is not None and not documents.is_over(found, now):
            if _request_of(found) != fork.request:
                raise SessionAlreadyExists(str(fork.name))
            if _was_met(found):
                raise _Interrupted
            copy = _Copy.of(found)
            copy.worker, self._since = self._worker, found.update_time
            moment = self._commit(copy, _Chunk())
            copy.read_time = copy.read_time or moment
            return copy
        if found is not None and not erase(rpc, found, now, is_time_up=self._is_time_up).done:
            return None
        record = fork.record(documents.session_record(fork.source, source), now)
        copy = _Copy(fork.request, self._worker)
        fields: dict[str, values.Storable] = {
            # The erasure of the user, and the purge, find the session by these.
            "userId": record.user_id,
            "purgeShard": purge_shard(fork.name),
            "state": {},
            **self._hidden(copy),
        }
        copy.read_time = self._write([values.creation(self._path, fields)])
        return copy

    def _go_on(self, copy: _Copy) -> SessionRecord | None:
        fork, at = self._fork, copy.read_time
        paths = [str(fork.source), fork.source.engine]
        source, engine = self._read(self._rpc.batch_get(paths, (), at))
        if not documents.is_live(source, self._now, self._owner, engine):
            raise SessionNotFound(fork.source)
        if copy.end is None and not fork.point.is_end:
            copy.end = self._read(
                lambda: arrivals.place_before(self._rpc, fork.source, fork.point, at)
            )
        chunk = _Chunk()
        history = arrivals.History(
            self._rpc, fork.source, copy.end, at, behind=copy.behind, since=copy.since
        )
        entries = iter(history)
        while (found := self._read(lambda: next(entries, None))) is not None:
            event = event_record(self._rpc, found, at) if arrivals.is_event(found) else None
            writes = self._copies(found, event)
            if not chunk.has_room(writes):
                copy.since = history.left_since
                self._commit(copy, chunk)
                if self._is_time_up():
                    return None
                chunk = _Chunk()
            chunk.add(writes)
            copy.behind = arrivals.place(found)
            if event is not None:
                copy.add(event)
            if not fork.point.is_end:
                changes, replace = arrivals.changes_of(found, event)
                chunk.state.apply(changes, replace=replace)
        return self._complete(copy, chunk, source)

    def _complete(self, copy: _Copy, chunk: _Chunk, source: Document) -> SessionRecord:
        """Writes the last copies and shows the session, all in one commit."""
        fork, engine_name = self._fork, self._fork.name.engine
        record = fork.record(documents.session_record(fork.source, source), self._now)
        user_path = documents.user_path(engine_name, record.user_id)
        engine, user = self._rpc.batch_get([engine_name, user_path])()
        if is_condemned(engine) or documents.is_erased(engine, source):
            raise SessionNotFound(fork.source)
        record.forked_from = fork.origin(copy.last_event)
        fields: dict[str, values.Storable] = {
            **documents.session_fields(record, self._worker, self._layouts),
            "fork": {"request": fork.request},
            COUNTED: True,
            "eventCount": copy.events,
            "usage": copy.usage.named(),
        }
        if copy.last_time is not None:
            fields["lastEventTime"] = copy.last_time
        mask = list(fields)
        if "state" not in source.fields:
            mask.append("state")
        elif fork.point.is_end:
            fields["state"] = values.members_of(source, "state")
            mask.append("state")
        else:
            chunk.write_state(fields, mask)
        since = None if is_registered(user) else self._now
        shared = shared_writes(self._rpc, engine_name, engine, record.user_id, StateChange(), since)
        session = values.update(self._path, fields, mask, changed_since=self._since)
        self._write([session, *chunk.writes, *shared])
        (found,) = self._rpc.batch_get([str(fork.name)])()
        if not documents.is_live(found, self._now, None, engine):
            raise SessionNotFound(fork.name)
        return self._shown(found, engine)

    def _shown(self, found: Document, engine: Document | None) -> SessionRecord:
        record = documents.session_record(self._fork.name, found)
        share(self._rpc, [record], {record.name.engine: engine})
        return record

    def _copies(self, found: Document, event: EventRecord | None) -> list[Write]:
        """The writes that add an event or a change to the copy, the document itself first."""
        if event is None:
            changes, replace = arrivals.changes_of(found, None)
            is_change = replace or bool(changes)
            return [change_write(self._path, changes, replace=replace)] if is_change else []
        source = f"{self._rpc.root}/{self._fork.source}"
        path = f"{self._path}{found.name.removeprefix(source)}"
        write = _creation(path, found)
        values.stamp(write, "arrived")
        return [write, *self._read(lambda: part_copies(event, path))]

    def _hidden(self, copy: _Copy) -> dict[str, values.Storable]:
        return {"expiry": -micros(self._fork.lease_end), "fork": copy.fields()}

    def _commit(self, copy: _Copy, chunk: _Chunk) -> Timestamp:
        """Adds a chunk to the copy, and says how far the copy has come; returns the moment."""
        fields = self._hidden(copy)
        mask = list(fields)
        chunk.write_state(fields, mask)
        session = values.update(self._path, fields, mask, changed_since=self._since)
        return self._write([session, *chunk.writes])

    def _write(self, writes: list[Write]) -> Timestamp:
        try:
            answer = self._rpc.commit(writes)
        except (AlreadyExists, Missing, Stale) as error:
            raise _Interrupted from error
        self._since = answer.write_results[0].update_time
        return answer.commit_time

    @staticmethod
    def _read(read: Callable[[], _Read]) -> _Read:
        try:
            return read()
        except (Refused, Stale) as error:
            raise _Interrupted from error

    def _discard(self) -> bool:
        """Gives up the incomplete session; False where another call works on the same fork."""
        fields = ["expiry", "fork", "updated", "userId"]
        (found,) = self._rpc.batch_get([str(self._fork.name)], fields)()
        if found is None or documents.expiry_of(found) >= 0:
            return True
        copy = _Copy.of(found)
        if copy.request != self._fork.request:
            return True
        if copy.worker != self._worker and not _was_met(found):
            return False
        # What cannot be removed now goes with the next call or the purge.
        with suppress(StoreUnavailable):
            erase(self._rpc, ended(self._rpc, found), self._now, batches=1)
        return True


def is_forking(rpc: Rpc, name: SessionName, now: int, owner: str | None) -> bool:
    """Whether a session of that name, and of the owner if one is given, is still incomplete."""
    (found,) = rpc.batch_get([str(name)], ["expiry", "userId"])()
    if found is None or documents.expiry_of(found) >= 0 or documents.is_over(found, now):
        return False
    return owner in (None, documents.user_id_of(found))


def _request_of(found: Document) -> str:
    """The digest of the request that made a session, "" where none did."""
    return found.fields["fork"].map_value.fields["request"].string_value


def _was_met(found: Document) -> bool:
    """Whether an append has met an incomplete session, and left an event below it."""
    return "updated" in found.fields


def _creation(path: str, found: Document) -> Write:
    """The write of an event's document like the one that was found, at another path."""
    write = Write()
    write.update.name = path
    for name, item in found.fields.items():
        if name not in _LEFT_OUT:
            write.update.fields[name].CopyFrom(item)
    write.update.fields[COUNTED].boolean_value = True
    write.current_document.exists = False
    return write


def _place(found: Value | None) -> arrivals.Place | None:
    if found is None:
        return None
    created, number = found.array_value.values
    return created.integer_value, number.integer_value
