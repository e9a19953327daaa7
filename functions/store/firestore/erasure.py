"""Takes away sessions that are over: their events, and then or with the last of them themselves.

A commit of deletes holds only if the session's document has not changed since it was read. So a
session that was made anew under the same id keeps its events, and an event that came in between
is found by the next try.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from functions.store.firestore.documents import expiry_of
from functions.store.firestore.queries import expired_sessions, names_in
from functions.store.firestore.rpc import Missing, Rpc, Stale, Write
from functions.store.firestore.values import update
from functions.store.protocol import Purged

BATCH = 400
"""Deletes in one commit."""

_ROUND = 400
"""Expired sessions found by one query."""

_SLICE = 40
"""Sessions between two looks at the clock."""

_THREADS = 8


def erase(rpc: Rpc, found: Any, now: int, batches: int | None = None) -> Purged:
    """Removes an expired or deleted session; after so many batches it leaves the rest.

    `found` is its document, of which only the name, the update time and the expiry matter; None
    and a live session are left alone.
    """
    return _erase(rpc, found, now, batches, lambda: False)


def purge(rpc: Rpc, now: int, is_time_up: Callable[[], bool]) -> Purged:
    """Removes what is over in the whole database, until nothing is left or the time is up."""
    total = Purged(0, 0, done=False)
    with ThreadPoolExecutor(_THREADS) as pool:
        while not is_time_up():
            answers = rpc.run_query("", expired_sessions(now, _ROUND))
            sessions = [found for found, _ in answers if found is not None]
            if not sessions:
                return Purged(total.sessions, total.events, done=True)
            for start in range(0, len(sessions), _SLICE):
                if is_time_up():
                    return total
                some = sessions[start : start + _SLICE]
                events = pool.map(lambda found: _events(rpc, found), some)
                groups = _groups(zip(some, events, strict=True))
                for purged in pool.map(
                    lambda group: _erase_together(rpc, group, now, is_time_up), groups
                ):
                    total = total.plus(purged)
    return total


def _groups(found: Iterable[tuple[Any, list[str]]]) -> Iterator[list[tuple[Any, list[str]]]]:
    """Sessions whose deletes fit in one commit; one that fills a batch by itself stays alone."""
    group: list[tuple[Any, list[str]]] = []
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
    rpc: Rpc,
    group: list[tuple[Any, list[str]]],
    now: int,
    is_time_up: Callable[[], bool],
) -> Purged:
    if all(len(events) < BATCH for _, events in group):
        deletes = [Write(delete=name) for _, events in group for name in events]
        try:
            rpc.commit([*deletes, *(_removal(session) for session, _ in group)])
        except (Stale, Missing):
            pass
        else:
            return Purged(len(group), len(deletes), done=False)
    total = Purged(0, 0, done=False)
    for session, _ in group:
        total = total.plus(_erase(rpc, session, now, None, is_time_up))
    return total


def _erase(
    rpc: Rpc,
    found: Any,
    now: int,
    batches: int | None,
    is_time_up: Callable[[], bool],
) -> Purged:
    deleted = 0
    while found is not None and expiry_of(found) <= now // 1000:
        if is_time_up() or batches == 0:
            return Purged(0, deleted, done=False)
        events = _events(rpc, found)
        writes = [Write(delete=name) for name in events]
        is_last = len(events) < BATCH
        if is_last:
            writes.append(_removal(found))
        else:
            fields, since = {"erasing": True}, found.update_time
            writes.append(update(found.name, fields, fields, changed_since=since))
        try:
            answer = rpc.commit(writes)
        except (Stale, Missing):
            (found,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")], ["expiry"])()
            continue
        deleted += len(events)
        if is_last:
            return Purged(1, deleted, done=True)
        found.update_time.CopyFrom(answer.write_results[-1].update_time)
        batches = None if batches is None else batches - 1
    return Purged(0, deleted, done=True)


def _events(rpc: Rpc, session: Any) -> list[str]:
    path = session.name.removeprefix(f"{rpc.root}/")
    return [found.name for found, _ in rpc.run_query(path, names_in("events", BATCH)) if found]


def _removal(session: Any) -> Any:
    removal = Write(delete=session.name)
    removal.current_document.update_time.CopyFrom(session.update_time)
    return removal
