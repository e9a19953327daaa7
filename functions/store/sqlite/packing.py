"""Many rows in one step of SQLite: each column comes as one text.

Python's sqlite3 lets another thread have the interpreter at each row that it fetches. On a busy
server, a page of a hundred rows would wait for a hundred other threads.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ROW_END = "\x1e"

_PACKED_BYTES = 512 * 1024
"""Columns of more bytes are fetched row by row: beside their size, the steps cost little."""

MAX_ROWS = 128
"""Rows that one statement asks for at most: SQLite reads them twice where they are too large."""


class Columns:
    """The columns that `packed_rows` answers: first `values`, then `texts`, each as SQL.

    A value is a text, an integer or NULL. A text is never NULL and holds no control characters,
    as JSON text does not; it costs less than a value.
    """

    def __init__(self, source: str, values: Sequence[str], texts: Sequence[str]) -> None:
        """`source` is SQL for the columns that the values and texts are made of."""
        arrays = " || ',' || ".join(f"json_group_array({value})" for value in values)
        joined = [f"group_concat({text}, char({ord(_ROW_END)}))" for text in texts]
        self.source = source
        self.values = values
        self.texts = texts
        self.packed = ", ".join((f"'[' || {arrays} || ']'", *joined))
        self.plain = ", ".join((*values, *texts))


def packed_rows(
    db: sqlite3.Connection, columns: Columns, clauses: str, parameters: Mapping[str, Any]
) -> Iterator[Sequence[Any]]:
    """The columns of each row that the `clauses` find: the rest of a SELECT, from FROM on."""
    rows = f"FROM (SELECT {columns.source} {clauses}) r"
    longest = db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PACKED_BYTES)
    try:
        arrays, *texts = db.execute(f"SELECT {columns.packed} {rows}", parameters).fetchone()
    except sqlite3.DataError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
            raise
    else:
        values = json.loads(arrays)
        split = [text.split(_ROW_END) for text in texts] if values[0] else []
        return zip(*values, *split, strict=True) if values[0] else iter(())
    finally:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    return db.execute(f"SELECT {columns.plain} {rows}", parameters)
