"""Many rows as one text, so that a page of them costs one step of SQLite.

Python's sqlite3 lets another thread have the interpreter at each row that it fetches: on a busy
server a page of a hundred rows would wait for a hundred others.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

_ROW_END = "\x1e"
_COLUMN_END = "\x1f"

_PACKED_BYTES = 512 * 1024
"""Rows of more bytes together are fetched one by one: beside their size, the steps cost little."""

MAX_ROWS = 128
"""Rows that one statement should ask for: where they turn out too large, it read them in vain."""


def packed(*columns: str) -> str:
    """SQL for one text of a row's columns, "" for NULL.

    No column may hold a control character; `json_quote` makes text so that may.
    """
    marks = _COLUMN_END.join("%s" for _ in columns)
    return f"printf('{marks}', {', '.join(columns)})"


def unpack(row: str) -> list[str]:
    """The columns of a text that `packed` made."""
    return row.split(_COLUMN_END)


def unquoted(text: str) -> str:
    """The text that `json_quote` quoted."""
    if "\\" not in text:
        return text[1:-1]
    from functions.messages.json_text import read_json

    value: str = read_json(text.encode())
    return value


def packed_rows(
    db: sqlite3.Connection, row: str, clauses: str, parameters: Mapping[str, Any]
) -> Iterator[list[str]]:
    """The columns of each row; `row` is SQL that `packed` made, `clauses` the rest of a SELECT."""
    select = f"SELECT {row} AS row {clauses}"
    longest = db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PACKED_BYTES)
    try:
        joined, missing = db.execute(
            f"SELECT group_concat(row, char({ord(_ROW_END)})), count(*) - count(row) "
            f"FROM ({select})",
            parameters,
        ).fetchone()
    except sqlite3.DataError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
            raise
        is_too_large = True
    else:
        # printf makes NULL of a row beyond the limit, all else an error.
        is_too_large = missing > 0
    finally:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    if is_too_large:
        return (row.split(_COLUMN_END) for (row,) in db.execute(select, parameters))
    return (row.split(_COLUMN_END) for row in joined.split(_ROW_END)) if joined else iter(())
