"""Removes expired and deleted sessions: first their events, then the sessions.

Each commit of deletes is conditional: Firestore refuses it if the session's document has changed
since the server read it. So a session that a client creates again under the same id keeps its
events, and the next try finds an event that came in between.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import reduce

from functions.store.firestore.documents import expiry_of
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.queries import documents_by_name, events_between
from functions.store.firestore.rpc import Missing, Rpc, Stale
from functions.store.firestore.values import update
from functions.store.protocol import Purged

BATCH = 400
"""Deletes in one commit."""

_SLICE = 40
"""Sessions between two looks at the clock, where live ones lie between them."""

_WIDEST = 10_000
"""Events that one query finds at most."""

_THREADS = 8

WithEvents = list[tuple[Document, list[str]]]
"""Documents of sessions and the names of their events."""


def erase(
    rpc: Rpc,
    found: Document | None,
    now: int,
    batches: int | None = None,
    is_time_up: Callable[[], bool] = lambda: False,
) -> Purged:
    """Removes an expired or deleted session; after so many batches it leaves the rest.

    `found` is its document, of which only the name, the update time and the expiry matter; None
    and a live session are left alone.
    """
    deleted = 0
    behind = ""
    while found is not None and expiry_of(found) <= now // 1000:
        events = _events(rpc, found, behind)
        writes = [Write(delete=name) for name in events]
        is_last = len(events) < BATCH
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
        deleted += len(events)
        if is_last:
            return Purged(1, deleted, done=True)
        found.update_time.CopyFrom(answer.write_results[-1].update_time)
        behind = events[-1]
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
        for some in _with_events(rpc, pool, sorted(sessions, key=_place)):
            # They went on while the events of these were read.
            before, total = total, reduce(Purged.plus, erasures, total)
            if total != before and is_time_up():
                return total
            erasures = pool.map(
                lambda group: _erase_together(rpc, group, now, is_time_up), _groups(some)
            )
        return reduce(Purged.plus, erasures, total)


def _with_events(rpc: Rpc, pool: Executor, sessions: list[Document]) -> Iterator[WithEvents]:
    """All of the sessions, which are in the order of their names, some at a time.

    Reads the events of neighbours in one query, ten times as many each time. Once a live session
    shows up between them, whose events would be read in vain, each is asked for its own.
    """
    limit = BATCH
    while sessions and limit:
        some, has_met_live = _neighbours(rpc, sessions, limit)
        yield some
        sessions = sessions[len(some) :]
        limit = 0 if has_met_live else min(10 * limit, _WIDEST)
    for start in range(0, len(sessions), _SLICE):
        others = sessions[start : start + _SLICE]
        yield list(zip(others, pool.map(lambda found: _events(rpc, found), others), strict=True))


def _neighbours(rpc: Rpc, sessions: list[Document], limit: int) -> tuple[WithEvents, bool]:
    """The first of the sessions with all their events, and whether a live one ended the search.

    At least one; of one that has more events than the limit only so many.
    """
    events: dict[str, list[str]] = {found.name: [] for found in sessions}
    query = events_between(sessions[0].name, sessions[-1].name, limit)
    count, last = 0, list[str]()
    for found, _ in rpc.run_query("", query):
        if found is None:
            continue
        count, last = count + 1, _place(found)[:-2]
        owner = found.name.rpartition("/events/")[0]
        if owner not in events:
            return [(s, events[s.name]) for s in sessions if _place(s) < last], True
        events[owner].append(found.name)
    is_cut = count == limit
    complete = [s for s in sessions if not is_cut or _place(s) < last] or sessions[:1]
    return [(found, events[found.name]) for found in complete], False


def _place(found: Document) -> list[str]:
    """What documents are ordered by: their names, segment by segment."""
    return found.name.split("/")


def _groups(found: Iterable[tuple[Document, list[str]]]) -> Iterator[WithEvents]:
    """Sessions whose deletes fit in one commit; one that fills a batch by itself stays alone."""
    group: WithEvents = []
    size = 0
    for session, events in found:
        if group and size + len(events) + 1 > BATCH:
            yield group
            group, size = [], 0
        group.append((session, events))
        size += len(events) + 1
    if group:
        yield group


def _erase_together(
    rpc: Rpc, group: WithEvents, now: int, is_time_up: Callable[[], bool]
) -> Purged:
    if all(len(events) < BATCH for _, events in group):
        deletes = [Write(delete=name) for _, events in group for name in events]
        try:
            rpc.commit([*deletes, *(removal(session) for session, _ in group)])
        except (Stale, Missing):
            pass
        else:
            return Purged(len(group), len(deletes), done=False)
    total = Purged(0, 0, done=False)
    for session, _ in group:
        total = total.plus(erase(rpc, session, now, None, is_time_up))
    return total


def _events(rpc: Rpc, session: Document, behind: str = "") -> list[str]:
    """Full names of a session's next events, behind one of them.

    Without `behind`, Firestore would pass slowly over events that are deleted already.
    """
    path = session.name.removeprefix(f"{rpc.root}/")
    query = documents_by_name("events", (), BATCH, behind, everywhere=False)
    return [found.name for found, _ in rpc.run_query(path, query) if found]


def removal(found: Document) -> Write:
    """The write that deletes a document, unless it has changed since it was read."""
    write = Write(delete=found.name)
    write.current_document.update_time.CopyFrom(found.update_time)
    return write
