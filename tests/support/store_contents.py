"""All that a store holds, in bytes, searched for a text."""

from pathlib import Path

from functions.store.firestore import FirestoreStore
from functions.store.firestore.documents import user_key
from functions.store.firestore.protobuf import Document, StructuredQuery
from functions.store.firestore.queries import documents_by_name, run_in_steps
from functions.store.protocol import Store
from functions.store.sqlite import SqliteStore

_PAGE = 1_000


def mentions(store: Store, text: str, below: str = "") -> list[str]:
    """Where a text stands: names of documents, or of tables and of the bytes of the file.

    In Firestore also where the text stands as the hash of a user. `below` leaves out the documents
    that do not have it in their names, and of SQLite whatever is not in a table.
    """
    if isinstance(store, SqliteStore):
        found = _rows(store, text, below)
        return found if below else found + _files(store, text)
    assert isinstance(store, FirestoreStore)
    needles = [text.encode(), user_key(text).encode()]
    return [
        document.name
        for document, _ in run_in_steps(store._rpcs.get(), "", _documents, _PAGE)
        if document is not None
        and below in document.name
        and any(needle in document.SerializeToString() for needle in needles)
    ]


def _documents(last: Document | None) -> StructuredQuery:
    query = documents_by_name("", (), 0, "" if last is None else last.name, everywhere=True)
    query.ClearField("select")
    return query


def _rows(store: SqliteStore, text: str, below: str) -> list[str]:
    with store._database.snapshot() as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        of_engine = "engine IN (SELECT id FROM engines WHERE name = ?)"
        found = []
        for (table,) in tables:
            columns = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
            if below and "engine" not in columns:
                continue
            joined = " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)
            condition = of_engine if below else "? = ''"
            rows = f"SELECT 1 FROM {table} WHERE instr({joined}, ?) AND {condition}"
            if db.execute(rows, (text, below)).fetchone():
                found.append(table)
    return found


def _files(store: SqliteStore, text: str) -> list[str]:
    path = Path(store._database._path)
    files = [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]
    return [file.name for file in files if file.exists() and text.encode() in file.read_bytes()]
