"""Erases a user below one engine: all sessions that were there when it began, and the state.

    {engine}            erasing, a map of the user's hash to the time at which the erasure began
    deletions/{hash}    engine, its name, userId, erased: the same time

One commit writes both, in microseconds of Firestore's own clock, and deletes the user's document
with the state. From then on each method that reads the engine's document treats sessions as gone
that Firestore had created by then for that user. Then every such session becomes a tombstone, so
that methods that read only the session find it gone, too. After that the tombstones and all
documents below them are removed. Any server may continue, several at once, and be killed anywhere.
The last commit removes the mark and the entry.

A session that a client creates meanwhile is younger than the mark and stays. Each tombstone is
written on condition, because such a session may have an id of one that was erased.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

from functions.rules.errors import StoreUnavailable
from functions.rules.names import EngineName, UserName
from functions.store.firestore.deletions import entries, entry_path, one_pass, passes
from functions.store.firestore.documents import (
    ERASING,
    expiry_of,
    tombstone,
    user_key,
    user_path,
)
from functions.store.firestore.erasure import BATCH, erase_all, removal
from functions.store.firestore.protobuf import Document, StructuredQuery, Timestamp, Write
from functions.store.firestore.queries import LAST_NAME, documents_by_name, documents_of_user
from functions.store.firestore.retries import Retries
from functions.store.firestore.rpc import AlreadyExists, Missing, Rpc, Stale
from functions.store.firestore.values import Storable, absence, creation, nanoseconds, update
from functions.store.protocol import Purged, all_together

_PAGE = 1_000
"""Sessions that one query finds."""

_KEPT = 10_000
"""Sessions that one server keeps between hiding and removing them, to read them once."""

_PATIENCE = 10.0
"""Seconds for a session that appends keep changing."""


def erase_user(
    rpc: Rpc, user: UserName, now: int, is_time_up: Callable[[], bool], retries: Retries
) -> Purged:
    """Hides a user's sessions, of one engine or of all of a location, then removes them.

    All are hidden before the first is removed.
    """
    begun = [
        entry
        for name in _of_each_engine(rpc, user)
        if (entry := _begin(rpc, name, retries)) is not None
    ]
    # All is hidden already; what cannot be removed now goes with the next call or purge.
    with suppress(StoreUnavailable):
        return all_together([finish_erasure(rpc, entry, now, is_time_up) for entry in begun])
    return Purged(0, 0, done=False)


def count_user(rpc: Rpc, user: UserName, is_time_up: Callable[[], bool]) -> Purged:
    """Counts the sessions and events that `erase_user` would remove."""
    total = Purged(0, 0, done=False)
    for name in _of_each_engine(rpc, user):
        for page in one_pass(rpc, "", _sessions(rpc, name, "counted", "eventCount"), _PAGE):
            events = sum(_count_events(rpc, session) for session in page)
            total = total.plus(Purged(len(page), events, done=False))
            if is_time_up():
                return total
    return total._replace(done=True)


def finish_erasure(rpc: Rpc, entry: Document, now: int, is_time_up: Callable[[], bool]) -> Purged:
    """Removes what an entry names, and then the entry, until the time is up."""
    erasure = _Erasure(rpc, entry)
    total = Purged(0, 0, done=False)
    for purged in erasure.steps(now, is_time_up):
        total = total.plus(purged)
        if is_time_up():
            return total
    erasure.finish()
    return total._replace(done=True)


def ended(rpc: Rpc, found: Document) -> Document:
    """Makes a tombstone of a session that was erased, unless another writer has changed it."""
    with suppress(Stale, Missing):
        _make_tombstones(rpc, [found])
    return found


class _Erasure:
    """What one server removes for an entry."""

    def __init__(self, rpc: Rpc, entry: Document) -> None:
        fields = entry.fields
        self._rpc = rpc
        self._entry = entry
        engine = EngineName.parse(fields["engine"].string_value)
        self._user = UserName(engine, fields["userId"].string_value)
        self._began = fields["erased"].integer_value

    def steps(self, now: int, is_time_up: Callable[[], bool]) -> Iterator[Purged]:
        """Makes tombstones of all sessions, then removes them; yields after each page of these."""
        query = _sessions(self._rpc, self._user, "expiry", "userId")
        kept: list[Document] = []
        for page in one_pass(self._rpc, "", query, _PAGE):
            some = [found for found in page if self._is_meant(found)]
            self._hide(some)
            kept += some if len(kept) < _KEPT else []
        if kept:
            yield erase_all(self._rpc, kept, now, is_time_up)
        for some in passes(self._rpc, "", query, _PAGE, self._is_meant):
            self._hide(some)
            yield erase_all(self._rpc, some, now, is_time_up)

    def finish(self) -> None:
        """Removes the mark and the entry, unless another server has done so."""
        engine, key = str(self._user.engine), user_key(self._user.user_id)
        path = self._entry.name.removeprefix(f"{self._rpc.root}/")
        while True:
            entry, found = self._rpc.batch_get([path, engine], [ERASING])()
            if entry is None or entry.update_time != self._entry.update_time:
                return
            writes = [removal(entry)]
            if found is not None:
                mark = update(found.name, {}, [f"{ERASING}.`{key}`"])
                writes.append(mark)
            with suppress(Stale, Missing):
                self._rpc.commit(writes)
                return

    def _is_meant(self, session: Document) -> bool:
        return _micros(session.create_time) <= self._began

    def _hide(self, sessions: list[Document]) -> None:
        live = [found for found in sessions if expiry_of(found)]
        for start in range(0, len(live), BATCH):
            some = live[start : start + BATCH]
            try:
                _make_tombstones(self._rpc, some)
            except (Stale, Missing):
                for found in some:
                    self._hide_alone(found)

    def _hide_alone(self, session: Document) -> None:
        retries = Retries(session.name, _PATIENCE)
        path = session.name.removeprefix(f"{self._rpc.root}/")
        while True:
            (found,) = self._rpc.batch_get([path], ["expiry", "userId"])()
            if found is None or not self._is_meant(found):
                return
            session.CopyFrom(found)
            if not expiry_of(session):
                return
            with suppress(Stale, Missing):
                _make_tombstones(self._rpc, [session])
                return
            retries.wait()


def _begin(rpc: Rpc, user: UserName, retries: Retries) -> Document | None:
    """Hides a user and returns the entry; an erasure under way has one already.

    None if the engine holds nothing of the user. Firestore's time of the query is the mark: every
    session that it had created by then was there.
    """
    engine, path = str(user.engine), entry_path(user)
    paths = [path, user_path(engine, user.user_id)]
    while True:
        entry, state = rpc.batch_get(paths, ["engine", "userId", "erased"])()
        if entry is not None:
            return entry
        query = _sessions(rpc, user)("")
        query.limit.value = 1
        *_, (session, read_time) = rpc.run_query("", query)
        if session is None and state is None:
            return None
        began = _micros(read_time)
        mark = Write(update=Document(name=f"{rpc.root}/{engine}"))
        key = user_key(user.user_id)
        mark.update.fields[ERASING].map_value.fields[key].integer_value = began
        mark.update_mask.field_paths.append(f"{ERASING}.`{key}`")
        fields: dict[str, Storable] = {"engine": engine, "userId": user.user_id, "erased": began}
        begun = creation(f"{rpc.root}/{path}", fields)
        gone = absence(f"{rpc.root}/{paths[1]}") if state is None else removal(state)
        try:
            answer = rpc.commit([begun, mark, gone])
        except (AlreadyExists, Missing, Stale):
            retries.wait()
            continue
        begun.update.update_time.CopyFrom(answer.write_results[0].update_time)
        return begun.update


def _of_each_engine(rpc: Rpc, user: UserName) -> list[UserName]:
    """The user of each engine of the location that holds anything of it, if all are asked for."""
    if not user.engine.is_wildcard:
        return [user]
    below = f"{rpc.root}/{user.engine.location}/reasoningEngines"
    engines = set[str]()
    for collection in ("sessions", "users"):
        behind = f"{below}/-/{collection}/-"
        while behind:
            last = f"{below}/{LAST_NAME}/{collection}/{LAST_NAME}"
            query = documents_of_user(user.user_id, collection, behind, last, (), 1)
            ((found, _),) = rpc.run_query("", query)
            behind = ""
            if found is not None:
                path = found.name.rpartition(f"/{collection}/")[0]
                engines.add(path.removeprefix(f"{rpc.root}/"))
                behind = f"{path}/{collection}/{LAST_NAME}"
    for entry in entries(rpc):
        engine = entry.fields["engine"].string_value
        is_of_user = entry.fields["userId"].string_value == user.user_id
        if is_of_user and EngineName.parse(engine).location == user.engine.location:
            engines.add(engine)
    return [UserName(EngineName.parse(engine), user.user_id) for engine in sorted(engines)]


def _sessions(rpc: Rpc, user: UserName, *fields: str) -> Callable[[str], StructuredQuery]:
    """A page of the user's sessions below the engine behind a name, tombstones included."""
    below = f"{rpc.root}/{user.engine}/sessions"

    def query(behind: str) -> StructuredQuery:
        first = behind or f"{below}/-"
        return documents_of_user(
            user.user_id, "sessions", first, f"{below}/{LAST_NAME}", fields, _PAGE
        )

    return query


def _count_events(rpc: Rpc, session: Document) -> int:
    if "counted" in session.fields:
        return session.fields["eventCount"].integer_value
    path = session.name.removeprefix(f"{rpc.root}/")
    query = documents_by_name("events", (), 0, "", everywhere=False)
    return sum(found is not None for found, _ in rpc.run_query(path, query))


def _make_tombstones(rpc: Rpc, sessions: list[Document]) -> None:
    """Makes tombstones of sessions, whose documents then say so; raises Stale and Missing."""
    writes = []
    for found in sessions:
        write = Write(update=tombstone(found))
        write.current_document.update_time.CopyFrom(found.update_time)
        writes.append(write)
    answer = rpc.commit(writes)
    for session, result in zip(sessions, answer.write_results, strict=True):
        session.fields["expiry"].integer_value = 0
        session.update_time.CopyFrom(result.update_time)


def _micros(stamp: Timestamp) -> int:
    return nanoseconds(stamp) // 1000
