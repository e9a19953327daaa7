"""The purge: finds expired and deleted sessions by an index, and removes them.

    schema/purge-{i}-{n}      scanned, expiry, name

`expiry` and `name` are the last session that part i of n removed. The next purge starts behind it,
because Firestore scans slowly over deleted index entries. Deleted sessions have the expiry 0; a
query of its own finds them. `scanned` is when a purge last started at the beginning of the index.
A purge does so once an hour, and then finds sessions that a server with a slow clock put before
the last place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from functions.rules.names import EngineName
from functions.store.firestore.condemned import finish_deletion
from functions.store.firestore.deletions import entries
from functions.store.firestore.documents import expiry_of, is_over
from functions.store.firestore.erasure import erase_all
from functions.store.firestore.layouts import PURGE_SHARDS
from functions.store.firestore.protobuf import Document, Write
from functions.store.firestore.queries import expired_sessions
from functions.store.firestore.rpc import Rpc
from functions.store.firestore.user_erasure import finish_erasure
from functions.store.firestore.values import Storable, document
from functions.store.protocol import Backlog, Part, Purged

_ROUND = 1_000
"""Expired sessions found by one query."""

_HOUR = 3_600 * 10**9

_Place = tuple[int, str] | None
"""Expiry in microseconds and full name of a session; None is the start of the index."""


def purge(rpc: Rpc, now: int, part: Part, is_time_up: Callable[[], bool]) -> Purged:
    """Removes what is over in a part of the database, until nothing is left or the time is up."""
    path = f"schema/purge-{part.number}-{part.of}"
    (found,) = rpc.batch_get([path])()
    scanned, place = _read(found, now)
    is_due = scanned is None
    shards = range(part.number, PURGE_SHARDS, part.of)
    expired, deleted = _Search(rpc, shards, now // 1000, place), _Search(rpc, shards, 0, None)
    # Firestore works on both queries at once. Without a place, the query for expired sessions finds
    # the deleted ones, too.
    both = [expired] if place is None else [expired, deleted]
    of_expired, *of_deleted = map(list, [search.begin() for search in both])
    total, last = Purged(0, 0, done=False), place
    for sessions in of_deleted:
        removed, _ = _purge_behind(deleted, sessions, now, is_time_up)
        total = removed._replace(done=False)
    if place is None or not (total.sessions or total.events) or not is_time_up():
        more, last = _purge_behind(expired, of_expired, now, is_time_up)
        total = total.plus(more)._replace(done=more.done)
    if is_due or last != place:
        fields: dict[str, Storable] = {"scanned": (now if scanned is None else scanned) // 1000}
        if last is not None:
            fields |= {"expiry": last[0], "name": last[1]}
        rpc.commit([Write(update=document(f"{rpc.root}/{path}", fields))])
    return total


def finish_deletions(rpc: Rpc, now: int, is_time_up: Callable[[], bool]) -> Purged:
    """Goes on with the removal of hidden engines and users, until all are gone or time is up."""
    total = Purged(0, 0, done=False)
    for entry in entries(rpc):
        if "userId" in entry.fields:
            purged = finish_erasure(rpc, entry, now, is_time_up)
        else:
            name = EngineName.parse(entry.fields["engine"].string_value)
            purged = finish_deletion(rpc, name, now, is_time_up)
        total = total.plus(purged)
        if not purged.done:
            return total
    return total._replace(done=True)


def count_expired(rpc: Rpc, now: int, most: int) -> Backlog:
    """Up to `most` sessions of the whole database that have expired; tombstones do not count.

    Nor do sessions of an earlier version that the migration to WITH_SHARDS has not reached: until
    it is through, the count may be too low.
    """
    query = expired_sessions(range(PURGE_SHARDS), now // 1000, most + 1, None, since=0)
    expiries = [expiry_of(found) for found in rpc.find("", query)]
    oldest = expiries[0] * 1000 if expiries else None
    return Backlog(min(len(expiries), most), oldest, len(expiries) > most)


@dataclass
class _Search:
    """Finds sessions of some shards behind a place that expire up to `until`, in microseconds."""

    rpc: Rpc
    shards: range
    until: int
    place: _Place

    def begin(self) -> Iterator[Document]:
        """Starts the query for the next sessions, _ROUND at most."""
        query = expired_sessions(self.shards, self.until, _ROUND, self.place)
        return self.rpc.find("", query)


def _purge_behind(
    search: _Search, sessions: list[Document], now: int, is_time_up: Callable[[], bool]
) -> tuple[Purged, _Place]:
    """Erases the sessions, then all that the search finds, until the time is up.

    Also returns the place up to which no session is left.
    """
    total = Purged(0, 0, done=False)
    while True:
        over = [found for found in sessions if is_over(found, now)]
        total = total.plus(erase_all(search.rpc, over, now, is_time_up))
        if sessions and is_time_up():
            return total, search.place
        if sessions:
            search.place = expiry_of(sessions[-1]), sessions[-1].name
        if len(sessions) < _ROUND:
            return total._replace(done=True), search.place
        sessions = list(search.begin())


def _read(found: Document | None, now: int) -> tuple[int | None, _Place]:
    """When a purge last began at the start and where the next goes on; None where it begins."""
    if found is None:
        return None, None
    fields = found.fields
    scanned = fields["scanned"].integer_value * 1000
    if not scanned <= now < scanned + _HOUR:
        return None, None
    name = fields["name"].string_value
    return scanned, (fields["expiry"].integer_value, name) if name else None
