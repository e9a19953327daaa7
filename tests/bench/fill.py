"""Fills stores in bulk with copies of what the API itself wrote, whatever else it consists of."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from functions.store.firestore.protobuf import Write
from functions.store.firestore.queries import names_in
from functions.store.firestore.rpc import Rpc

COMMIT = 400
_THREADS = 2

Row = dict[str, Any]


def clone_rows(path: Path, table: str, clones: Callable[[Row], Iterable[Row]]) -> None:
    """Adds rows, each like the table's last one but for the columns that it gives."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA cache_size = -500000")
        last = dict(db.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone())
        marks = ", ".join(f":{column}" for column in last)
        with db:
            db.executemany(
                f"INSERT INTO {table} ({', '.join(last)}) VALUES ({marks})",
                ({**last, **clone} for clone in clones(last)),
            )
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def add_events(path: Path, count: int) -> None:
    """Adds events behind the one that was appended last, to its session."""

    def clones(last: Row) -> Iterator[Row]:
        start = int(last["timestamp_key"], 16)
        for number in range(1, count + 1):
            key = f"{start + number:018x}"
            yield {"seq": None, "timestamp_key": key, "id": f"{last['id']}{number}"}

    clone_rows(path, "events", clones)


def first_document(rpc: Rpc, parent: str, collection: str) -> Any:
    """A document of a collection, to be copied."""
    found = next(answer for answer, _ in rpc.run_query(parent, names_in(collection, 1)) if answer)
    (document,) = rpc.batch_get([found.name.removeprefix(f"{rpc.root}/")])()
    return document


def write_documents(rpc: Rpc, documents: Iterable[Any]) -> None:
    """Writes documents by batched commits."""
    rest = iter(documents)
    batches = iter(lambda: [Write(update=document) for document in islice(rest, COMMIT)], [])
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(rpc.commit, batches))


def add_event_documents(rpc: Rpc, session: str, count: int) -> None:
    """Adds events behind the only one of a session."""
    event = first_document(rpc, session, "events")
    key = event.fields["key"].string_value
    start, arrival = int(key[:18], 16), key[18:]

    def copies() -> Iterator[Any]:
        for number in range(1, count + 1):
            copy = type(event)(name=f"{event.name}{number}", fields=event.fields)
            copy.fields["key"].string_value = f"{start + number:018x}{arrival}"
            yield copy

    write_documents(rpc, copies())
