"""Many rows in one step of SQLite: each column comes as one text.

Python's sqlite3 lets another thread have the interpreter at each row that it fetches. On a busy
server, a page of a hundred rows would wait for a hundred other threads.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

Record = TypeVar("Record")

_ROW_END = "\x1e"

_PACKED_BYTES = 512 * 1024
"""Columns of more bytes are fetched row by row: beside their size, the steps cost little."""

MAX_ROWS = 128
"""Rows that one statement asks for at most: SQLite reads them twice where they are too large."""


class Columns:
    """The columns that `packed_rows` answers: first `values`, then `texts`, then `shared`.

    A value is any text, an integer or NULL. A text is JSON text, an id, a number or "": it has no
    control character and is never NULL, so that SQLite joins texts without quoting them, which
    takes less time. All rows have the same value of a shared column, which SQLite reads once.
    """

    def __init__(
        self,
        source: str,
        values: Sequence[str] = (),
        texts: Sequence[str] = (),
        shared: Sequence[str] = (),
    ) -> None:
        """`values` and `texts` are SQL over the columns of `source`, whose rows are called `r`.

        `shared` is SQL over no columns.
        """
        arrays = " || ',' || ".join(f"json_group_array({value})" for value in values) or "''"
        joined = [f"group_concat({text}, '{_ROW_END}')" for text in texts]
        self.source = source
        self.values = values
        self.texts = texts
        self.packed = ", ".join(("count(*)", f"'[' || {arrays} || ']'", *joined, *shared))
        self.plain = ", ".join((*values, *texts, *shared))


def packed_rows(
    db: sqlite3.Connection, columns: Columns, clauses: str, parameters: Mapping[str, Any]
) -> Iterable[Sequence[Any]]:
    """The columns of each row that the `clauses` select, which are SQL from FROM on.

    Small rows are in a list; SQLite yields large ones one by one. An integer among the texts may be
    a text.
    """
    rows = f"FROM (SELECT {columns.source} {clauses}) r"
    longest = db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PACKED_BYTES)
    try:
        found = db.execute(f"SELECT {columns.packed} {rows}", parameters).fetchone()
    except sqlite3.DataError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
            raise
    else:
        count, arrays, *others = found
        if not count:
            return []
        texts, shared = others[: len(columns.texts)], others[len(columns.texts) :]
        return list(
            zip(
                *json.loads(arrays),
                *(text.split(_ROW_END) for text in texts),
                *(repeat(value, count) for value in shared),
                strict=True,
            )
        )
    finally:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    return db.execute(f"SELECT {columns.plain} {rows}", parameters)


def with_records(
    rows: Iterable[Sequence[Any]], record: Callable[[Sequence[Any]], Record]
) -> Iterable[tuple[Sequence[Any], Record]]:
    """Each row with its record, in a list if the rows are in one."""
    if isinstance(rows, list):
        return [(row, record(row)) for row in rows]
    return ((row, record(row)) for row in rows)
