"""Deletes an engine and everything below it, a page at a time.

    {engine}            condemned, and nothing else
    deletions/{hash}    engine, its name

One commit writes both documents. From then on each method that reads the engine's document treats
the engine and its sessions as gone. A method that reads only the session does so once that session
is a tombstone. Any server may continue the deletion, several at once, and be killed anywhere: each
commit holds only while the mark stands, so documents that clients later write under a free name
stay. The last commit removes both documents.
"""

from collections.abc import Callable, Iterator

from functions.rules.errors import EngineBeingDeleted, ParentEngineNotFound, SessionNotFound
from functions.rules.names import EngineName, SessionName
from functions.store.firestore.deletions import entry_path, passes
from functions.store.firestore.documents import ERASING, is_engine, is_live, is_over, tombstone
from functions.store.firestore.erasure import BATCH, erase_all, removal
from functions.store.firestore.protobuf import CommitResponse, Document, StructuredQuery, Write
from functions.store.firestore.queries import documents_by_name
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import creation, document, update
from functions.store.protocol import Purged

CONDEMNED = "condemned"
"""The field of an engine's document that hides the engine."""

HIDING = (CONDEMNED, ERASING)
"""The fields of an engine's document that hide sessions."""

_PAGE = 1_000
"""Documents that one query finds."""


def is_condemned(engine: Document | None) -> bool:
    """Whether an engine is hidden, and what is below it is being removed."""
    return engine is not None and CONDEMNED in engine.fields


def hides_sessions(engine: Document) -> bool:
    """Whether some sessions below an engine are hidden, or all."""
    return is_condemned(engine) or bool(engine.fields[ERASING].map_value.fields)


def reading(rpc: Rpc, name: SessionName, *fields: str) -> Callable[[], list[Document | None]]:
    """Starts reading what tells whether a session is there, of its document and its engine's."""
    return rpc.batch_get([str(name), name.engine], ["expiry", "userId", *HIDING, *fields])


def live(
    name: SessionName,
    found: Document | None,
    now: int,
    owner: str | None = None,
    engine: Document | None = None,
) -> Document:
    """A session's document that is live and its owner's; raises SessionNotFound otherwise.

    `engine` is its engine's document, which may hide it, if that was read.
    """
    if is_condemned(engine) or not is_live(found, now, owner, engine):
        raise SessionNotFound(name)
    return found


def check_parent(name: str, engine: Document | None, *, require_engine: bool) -> None:
    """Raises an error where no session may be created below an engine.

    ParentEngineNotFound where the engine must exist, else EngineBeingDeleted while it is hidden.
    """
    if require_engine and not is_engine(engine):
        raise ParentEngineNotFound
    if is_condemned(engine):
        raise EngineBeingDeleted(name)


def condemnation(rpc: Rpc, name: EngineName, engine: Document | None) -> list[Write]:
    """The writes that hide an engine, unless its document has changed since it was read."""
    mark = creation(f"{rpc.root}/{name}", {CONDEMNED: True})
    if engine is not None:
        mark.current_document.update_time.CopyFrom(engine.update_time)
    return [mark, Write(update=document(_entry(rpc, name), {"engine": str(name)}))]


def finish_deletion(rpc: Rpc, name: EngineName, now: int, is_time_up: Callable[[], bool]) -> Purged:
    """Removes what is below a hidden engine, and then its mark, until the time is up."""
    total = Purged(0, 0, done=False)
    while True:
        (mark,) = rpc.batch_get([str(name)], [CONDEMNED])()
        if mark is None or not is_condemned(mark):
            return total._replace(done=True)
        try:
            for purged in _Deletion(rpc, name, mark).steps(now, is_time_up):
                total = total.plus(purged)
                if is_time_up():
                    return total
            rpc.commit([removal(mark), Write(delete=_entry(rpc, name))])
        except (Stale, Missing):
            # Another server goes on with the same deletion, or an append wrote app state.
            if is_time_up():
                return total
        else:
            return total._replace(done=True)


class _Deletion:
    """One server's removal of what is below a hidden engine; knows when the mark last changed."""

    def __init__(self, rpc: Rpc, name: EngineName, mark: Document) -> None:
        self._rpc = rpc
        self._name = name
        self._mark = mark

    def steps(self, now: int, is_time_up: Callable[[], bool]) -> Iterator[Purged]:
        """Removes sessions, then users; yields after each page of them.

        Raises Stale where the mark has changed.
        """
        for sessions in self._passes("sessions", ("expiry", "userId"), _PAGE):
            self._end([found for found in sessions if not is_over(found, now)])
            yield erase_all(self._rpc, sessions, now, is_time_up)
        for users in self._passes("users", (), BATCH - 1):
            self._commit([Write(delete=user.name) for user in users])
            yield Purged(0, 0, done=False)

    def _passes(
        self, collection: str, fields: tuple[str, ...], size: int
    ) -> Iterator[list[Document]]:
        def query(behind: str) -> StructuredQuery:
            return documents_by_name(collection, fields, size, behind, everywhere=False)

        return passes(self._rpc, str(self._name), query, size)

    def _end(self, sessions: list[Document]) -> None:
        """Makes tombstones of sessions, so that appends find them gone."""
        for start in range(0, len(sessions), BATCH - 1):
            some = sessions[start : start + BATCH - 1]
            answer = self._commit([Write(update=tombstone(found)) for found in some])
            for session, result in zip(some, answer.write_results, strict=False):
                session.fields["expiry"].integer_value = 0
                session.update_time.CopyFrom(result.update_time)

    def _commit(self, writes: list[Write]) -> CommitResponse:
        guard = update(self._mark.name, {}, (), changed_since=self._mark.update_time)
        answer = self._rpc.commit([*writes, guard])
        self._mark.update_time.CopyFrom(answer.write_results[-1].update_time)
        return answer


def _entry(rpc: Rpc, name: EngineName) -> str:
    return f"{rpc.root}/{entry_path(name)}"
