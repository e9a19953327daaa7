"""Removes expired and deleted sessions: first all that is below them, then the sessions.

Each commit of deletes is conditional: Firestore refuses it if the session's document has changed
since the server read it. So a session that a client creates again under the same id keeps its
events, and the next try finds an event that came in between. A session that a fork still fills
stays until the fork's lease is over.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import reduce
from itertools import groupby

from functions.store.firestore.documents import is_over
from functions.store.firestore.protobuf import Document, StructuredQuery, Write
from functions.store.firestore.queries import DELETED, documents_below, sessions_between
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import update
from functions.store.protocol import Purged

BATCH = 400
"""Deletes in one commit."""

_FEW = 40
"""Sessions so few that a query for each costs less than a count of their neighbours may save."""

_WIDEST = 20_000
"""Documents that one query finds at most. It is read to its end, also when the time is up."""

_THREADS = 8

WithContents = tuple[Document, list[Document]]
"""A session's document, and the documents below it."""


def erase(
    rpc: Rpc,
    found: Document | None,
    now: int,
    batches: int | None = None,
    is_time_up: Callable[[], bool] = lambda: False,
) -> Purged:
    """Removes an expired or deleted session; after so many batches it leaves the rest.

    `found` is its document, of which only the name, the update time and the expiry matter; None,
    a live session, and one under a fork's lease are left alone.
    """
    deleted = 0
    behind = ""
    while found is not None and is_over(found, now):
        contents = _contents(rpc, found, behind)
        writes = [Write(delete=each.name) for each in contents]
        is_last = len(contents) < BATCH
        if is_last:
            writes.append(removal(found))
        else:
            fields, since = {"erasing": True}, found.update_time
            writes.append(update(found.name, fields, fields, changed_since=since))
        try:
            answer = rpc.commit(writes)
        except (Stale, Missing):
            (found,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")], ["expiry"])()
            behind = ""
            continue
        deleted += sum(map(_is_event, contents))
        if is_last:
            return Purged(1, deleted, done=True)
        found.update_time.CopyFrom(answer.write_results[-1].update_time)
        behind = contents[-1].name
        batches = None if batches is None else batches - 1
        if batches == 0 or is_time_up():
            return Purged(0, deleted, done=False)
    return Purged(0, deleted, done=True)


def erase_all(
    rpc: Rpc, sessions: list[Document], now: int, is_time_up: Callable[[], bool]
) -> Purged:
    """Removes many sessions that are over, as `erase` does each, until the time is up.

    Does not say whether all are gone: `done` is False.
    """
    erasures: list[Future[Purged]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in _groups(_with_contents(rpc, pool, sessions)):
            erasures.append(pool.submit(_erase_together, rpc, group, now, is_time_up))
            if len(erasures) == 1:
                # A purge removes something however little time it has. Only the first commit is
                # waited for: the query that still runs has a deadline.
                erasures[0].result()
            if is_time_up():
                break
        return reduce(Purged.plus, (each.result() for each in erasures), Purged(0, 0, done=False))


def _with_contents(rpc: Rpc, pool: Executor, sessions: list[Document]) -> Iterator[WithContents]:
    """Yields each session with all documents below it, or with the first ones, at least BATCH."""
    for _, group in groupby(sorted(sessions, key=_place), _collection):
        of_engine = list(group)
        limit = 2 * BATCH
        if len(of_engine) < limit:
            # One query may find everything; it reads at most `limit` documents of live sessions.
            some = list(_of_neighbours(rpc, of_engine, limit, are_alone=False))
            yield from some
            of_engine = of_engine[len(some) :]
        yield from _of_many(rpc, pool, of_engine)


def _of_many(rpc: Rpc, pool: Executor, sessions: list[Document]) -> Iterator[WithContents]:
    """Yields the same as `_with_contents`, for sessions of one engine in the order of their names.

    A count tells whether live sessions lie between them. If not, queries read all that is below
    them. Otherwise each half is treated in the same way, down to _FEW sessions.
    """
    count = len(sessions)
    if count <= _FEW:
        yield from _of_each(rpc, pool, sessions)
        return
    between = sessions_between(sessions[0].name, sessions[-1].name, count + 1)
    if rpc.count(_engine(rpc, sessions[0]), between) > count:
        yield from _of_many(rpc, pool, sessions[: count // 2])
        yield from _of_many(rpc, pool, sessions[count // 2 :])
        return
    while sessions:
        met = 0
        for session in _of_neighbours(rpc, sessions, _WIDEST, are_alone=True):
            yield session
            met += 1
        sessions = sessions[met:]


def _of_each(rpc: Rpc, pool: Executor, sessions: list[Document]) -> Iterator[WithContents]:
    """Yields the same by a query for each session, which reads no event of a live session."""
    for start in range(0, len(sessions), _FEW):
        some = sessions[start : start + _FEW]
        yield from zip(some, pool.map(lambda found: _contents(rpc, found), some), strict=True)


def _of_neighbours(
    rpc: Rpc, sessions: list[Document], limit: int, *, are_alone: bool
) -> Iterator[WithContents]:
    """Yields the same by one query, for as many of the sessions as it finds whole.

    Also ends at a live session; `are_alone` says that none lies between these. If the first session
    has more than `limit` documents, yields that one with the first `limit`.
    """
    prefix = f"{_collection(sessions[0])}/"
    ids = {found.name.removeprefix(prefix): found for found in sessions}
    engine = _engine(rpc, sessions[0])
    query = documents_below("", limit, from_=sessions[0].name, to=sessions[-1].name)
    documents = rpc.find(engine, query) if are_alone else _streamed(rpc, engine, query)
    waiting, contents, count = deque(ids), list[Document](), 0
    for found in documents:
        count += 1
        session_id, _, path = found.name.removeprefix(prefix).partition("/")
        while waiting[0] < session_id:
            yield ids[waiting.popleft()], contents
            contents = []
        if session_id not in ids:
            return
        if path:
            contents.append(found)
    is_cut = count == limit
    if not is_cut or len(waiting) == len(ids):
        yield ids[waiting.popleft()], contents
    if not is_cut:
        yield from ((ids[session_id], []) for session_id in waiting)


def _place(found: Document) -> list[str]:
    """What documents are ordered by: their names, segment by segment."""
    return found.name.split("/")


def _collection(found: Document) -> str:
    return str(found.name).rpartition("/")[0]


def _engine(rpc: Rpc, session: Document) -> str:
    return _collection(session).removeprefix(f"{rpc.root}/").removesuffix("/sessions")


def _is_event(found: Document) -> bool:
    """Whether a document is that of an event which the session still had."""
    return _collection(found).endswith("/events") and DELETED not in found.fields


def _groups(found: Iterable[WithContents]) -> Iterator[list[WithContents]]:
    """Sessions whose deletes fit in one commit; one that fills a batch by itself stays alone."""
    group: list[WithContents] = []
    size = 0
    for session, contents in found:
        if group and size + len(contents) + 1 > BATCH:
            yield group
            group, size = [], 0
        group.append((session, contents))
        size += len(contents) + 1
    if group:
        yield group


def _erase_together(
    rpc: Rpc, group: list[WithContents], now: int, is_time_up: Callable[[], bool]
) -> Purged:
    if all(len(contents) < BATCH for _, contents in group):
        below = [each for _, contents in group for each in contents]
        deletes = [Write(delete=each.name) for each in below]
        try:
            rpc.commit([*deletes, *(removal(session) for session, _ in group)])
        except (Stale, Missing):
            pass
        else:
            return Purged(len(group), sum(map(_is_event, below)), done=False)
    total = Purged(0, 0, done=False)
    for session, _ in group:
        total = total.plus(erase(rpc, session, now, None, is_time_up))
    return total


def _contents(rpc: Rpc, session: Document, behind: str = "") -> list[Document]:
    """The next documents below a session, behind a full name.

    Without `behind`, Firestore would pass slowly over events that are deleted already.
    """
    path = session.name.removeprefix(f"{rpc.root}/")
    return list(rpc.find(path, documents_below(behind, BATCH)))


def _streamed(rpc: Rpc, parent: str, query: StructuredQuery) -> Iterator[Document]:
    """The documents that a query finds; the caller need not read all of them."""
    return (found for found, _ in rpc.run_query(parent, query) if found is not None)


def removal(found: Document) -> Write:
    """The write that deletes a document, unless it has changed since it was read."""
    write = Write(delete=found.name)
    write.current_document.update_time.CopyFrom(found.update_time)
    return write
