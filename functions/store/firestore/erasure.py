"""Removes expired and deleted sessions: first all that is below them, then the sessions.

Each commit of deletes is conditional: Firestore refuses it if the session's document has changed
since the server read it. So a session that a client creates again under the same id keeps its
events, and the next try finds an event that came in between. A session that a fork still fills
stays until the fork's lease is over.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import reduce
from itertools import groupby

from functions.store.firestore.documents import is_over
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.queries import DELETED, documents_below
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import update
from functions.store.protocol import Purged

BATCH = 400
"""Deletes in one commit."""

_SLICE = 40
"""Sessions between two looks at the clock, where live ones lie between them."""

_WIDEST = 10_000
"""Documents that one query finds at most."""

_THREADS = 8

WithContents = list[tuple[Document, list[Document]]]
"""Documents of sessions, each with the documents below it."""


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
    total = Purged(0, 0, done=False)
    erasures: Iterator[Purged] = iter(())
    with ThreadPoolExecutor(_THREADS) as pool:
        for _, of_engine in groupby(sorted(sessions, key=_place), _collection):
            for some in _with_contents(rpc, pool, list(of_engine)):
                # They went on while the contents of these were read.
                before, total = total, reduce(Purged.plus, erasures, total)
                if total != before and is_time_up():
                    return total
                erasures = pool.map(
                    lambda group: _erase_together(rpc, group, now, is_time_up), _groups(some)
                )
        return reduce(Purged.plus, erasures, total)


def _with_contents(rpc: Rpc, pool: Executor, sessions: list[Document]) -> Iterator[WithContents]:
    """All of the sessions, which are of one engine and in the order of their names, some at a time.

    Reads what is below neighbours in one query, ten times as much each time. Once a live session
    stands between them, each has a query of its own, so that no event of the live one is read.
    """
    limit = 2 * BATCH
    while sessions and limit:
        some, has_met_live = _neighbours(rpc, sessions, limit)
        yield some
        sessions = sessions[len(some) :]
        limit = 0 if has_met_live else min(10 * limit, _WIDEST)
    for start in range(0, len(sessions), _SLICE):
        others = sessions[start : start + _SLICE]
        yield list(zip(others, pool.map(lambda found: _contents(rpc, found), others), strict=True))


def _neighbours(rpc: Rpc, sessions: list[Document], limit: int) -> tuple[WithContents, bool]:
    """The first of the sessions with all that is below them, and whether it met a live session.

    At least one; of one that has more below it than the limit only so much.
    """
    contents: dict[str, list[Document]] = {found.name: [] for found in sessions}
    collection = _collection(sessions[0])
    engine = collection.removeprefix(f"{rpc.root}/").removesuffix("/sessions")
    query = documents_below("", limit, from_=sessions[0].name, to=sessions[-1].name)
    count, last = 0, list[str]()
    for found, _ in rpc.run_query(engine, query):
        if found is None:
            continue
        session_id, _, path = found.name.removeprefix(f"{collection}/").partition("/")
        owner = f"{collection}/{session_id}"
        count, last = count + 1, owner.split("/")
        if owner not in contents:
            return [(s, contents[s.name]) for s in sessions if _place(s) < last], True
        if path:
            contents[owner].append(found)
    is_cut = count == limit
    complete = [s for s in sessions if not is_cut or _place(s) < last] or sessions[:1]
    return [(found, contents[found.name]) for found in complete], False


def _place(found: Document) -> list[str]:
    """What documents are ordered by: their names, segment by segment."""
    return found.name.split("/")


def _collection(found: Document) -> str:
    return str(found.name).rpartition("/")[0]


def _is_event(found: Document) -> bool:
    """Whether a document is that of an event which the session still had."""
    return _collection(found).endswith("/events") and DELETED not in found.fields


def _groups(found: Iterable[tuple[Document, list[Document]]]) -> Iterator[WithContents]:
    """Sessions whose deletes fit in one commit; one that fills a batch by itself stays alone."""
    group: WithContents = []
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
    rpc: Rpc, group: WithContents, now: int, is_time_up: Callable[[], bool]
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
    answers = rpc.run_query(path, documents_below(behind, BATCH))
    return [found for found, _ in answers if found is not None]


def removal(found: Document) -> Write:
    """The write that deletes a document, unless it has changed since it was read."""
    write = Write(delete=found.name)
    write.current_document.update_time.CopyFrom(found.update_time)
    return write
