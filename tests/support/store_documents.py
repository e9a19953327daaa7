"""The documents that a store holds of an engine, also those that the API does not show."""

from collections import Counter
from collections.abc import Sequence

from functions.store.firestore import FirestoreStore
from functions.store.firestore.queries import names_in
from functions.store.protocol import Store
from functions.store.sqlite import SqliteStore

COLLECTIONS = ("sessions", "events")


def documents_below(
    store: Store, engine: str, collections: Sequence[str] = COLLECTIONS
) -> Counter[str]:
    """How many sessions and events an engine has in the store, expired and deleted ones too."""
    if isinstance(store, SqliteStore):
        below = _rows_below(store, engine)
        return Counter({name: below[name] for name in collections if below[name]})
    assert isinstance(store, FirestoreStore)
    rpc = store._rpcs.get()
    found: Counter[str] = Counter()
    for collection in collections:
        query = names_in(collection, 0)
        query.from_[0].all_descendants = True
        names = [document.name for document, _ in rpc.run_query("", query) if document]
        found[collection] = sum(f"/{engine}/" in name for name in names)
    return +found


def sessions_stored(store: Store, engine: str, ids: Sequence[str]) -> int:
    """How many sessions of these ids the store still has, hidden ones included.

    In SQLite, no other engine may have sessions of these ids.
    """
    if isinstance(store, SqliteStore):
        marks = ", ".join("?" * len(ids))
        query = f"SELECT count(*) FROM sessions WHERE session_id IN ({marks})"
        with store._database.snapshot() as db:
            (count,) = db.execute(query, ids).fetchone()
        return int(count)
    assert isinstance(store, FirestoreStore)
    names = [f"{engine}/sessions/{each}" for each in ids]
    found = store._rpcs.get().batch_get(names, ["expiry"])()
    return sum(each is not None for each in found)


def _rows_below(store: SqliteStore, engine: str) -> Counter[str]:
    with store._database.snapshot() as db:
        # One that a fork still fills has its engine's negated key.
        of_engine = "SELECT s.id FROM sessions s JOIN engines e ON e.id = abs(s.engine) "
        # One that was deleted has a name below its own until it is gone.
        of_engine += "WHERE e.name = :name OR e.name GLOB :name || '/*'"
        name = {"name": engine}
        (sessions,) = db.execute(f"SELECT count(*) FROM ({of_engine})", name).fetchone()
        (events,) = db.execute(
            f"SELECT count(*) FROM events WHERE abs(session) IN ({of_engine})", name
        ).fetchone()
        (orphans,) = db.execute(
            "SELECT count(*) FROM events WHERE abs(session) NOT IN (SELECT id FROM sessions)"
        ).fetchone()
    assert orphans == 0
    return +Counter(sessions=sessions, events=events)
