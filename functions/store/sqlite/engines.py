"""Reasoning engines as rows; a row may have app state and sessions before a client creates it."""

import sqlite3
from collections.abc import Callable

from functions.calls.filters import PageQuery, engine_matches, predicate
from functions.messages.json_text import read_json, utf8_size, write_json
from functions.rules.engine import EngineRecord
from functions.rules.errors import EngineHasSessions, EngineNotFound
from functions.rules.names import EngineName
from functions.store.paging import Page, checked_cursor, fill_page

_ENGINE = "SELECT name, create_time, update_time, resource FROM engines"


def add_engine(db: sqlite3.Connection, name: EngineName) -> int:
    """The key of an engine's row; adds the row if it is missing."""
    db.execute(
        "INSERT OR IGNORE INTO engines (name, location) VALUES (?, ?)", (str(name), name.location)
    )
    (engine,) = db.execute("SELECT id FROM engines WHERE name = ?", (str(name),)).fetchone()
    return int(engine)


def create_engine(db: sqlite3.Connection, record: EngineRecord) -> None:
    """Writes an engine's own columns and leaves its app state alone."""
    engine = add_engine(db, record.name)
    db.execute(
        "UPDATE engines SET create_time = ?, update_time = ?, resource = ? WHERE id = ?",
        (record.create_time, record.update_time, write_json(record.resource), engine),
    )


def get_engine(db: sqlite3.Connection, name: EngineName) -> EngineRecord:
    """Reads an engine; raises EngineNotFound."""
    row = db.execute(
        f"{_ENGINE} WHERE name = ? AND create_time IS NOT NULL", (str(name),)
    ).fetchone()
    if row is None:
        raise EngineNotFound(name)
    return _engine_record(row)


def list_engines(db: sqlite3.Connection, location: str, query: PageQuery) -> Page[EngineRecord]:
    """One page of a location's engines, oldest first."""
    rows = db.execute(
        f"{_ENGINE} WHERE location = ? AND create_time IS NOT NULL "
        "AND (create_time, name) > (?, ?) ORDER BY create_time, name",
        (location, *(checked_cursor(query.cursor, int, str) or [0, ""])),
    )
    return fill_page(
        (([row[1], row[0]], _engine_record(row)) for row in rows),
        query,
        predicate(query.filter, engine_matches),
        lambda record: utf8_size(record.to_json()),
    )


def update_engine(
    db: sqlite3.Connection, name: EngineName, change: Callable[[EngineRecord], EngineRecord]
) -> EngineRecord:
    """Replaces an engine by the answer of `change`; raises EngineNotFound."""
    record = change(get_engine(db, name))
    db.execute(
        "UPDATE engines SET update_time = ?, resource = ? WHERE name = ?",
        (record.update_time, write_json(record.resource), str(name)),
    )
    return record


def condemn_engine(db: sqlite3.Connection, name: EngineName, now: int, *, force: bool) -> int:
    """Hides an engine and everything below it, frees its name and returns its key.

    With `force` it may have been never created if it holds users or state. Returns the key of an
    engine that was hidden before under that name if there is no other one. Raises EngineNotFound,
    or EngineHasSessions without `force`.
    """
    found = db.execute(
        "SELECT id FROM engines e WHERE name = :name AND (create_time IS NOT NULL OR :force AND ("
        "EXISTS (SELECT 1 FROM users WHERE engine = e.id) "
        "OR EXISTS (SELECT 1 FROM sessions WHERE engine IN (e.id, -e.id)) "
        "OR EXISTS (SELECT 1 FROM members WHERE scope = e.scope)))",
        {"name": str(name), "force": force},
    ).fetchone()
    if found is None:
        hidden = condemned_engine(db, name)
        if hidden is None:
            raise EngineNotFound(name)
        return hidden
    (engine,) = found
    live = "SELECT 1 FROM sessions WHERE engine = ? AND expiry > ?"
    if not force and db.execute(live, (engine, now // 1000)).fetchone():
        raise EngineHasSessions(name)
    db.execute(
        "UPDATE engines SET name = ?, location = '' WHERE id = ?", (f"{name}/{engine}", engine)
    )
    return int(engine)


def condemned_engine(db: sqlite3.Connection, name: EngineName) -> int | None:
    """The key of an engine that `condemn_engine` hid and that still has a row; None for none."""
    # "0" follows "/": these are the names that begin with "{name}/".
    row = db.execute(
        "SELECT id FROM engines WHERE name > ? AND name < ? AND location = ''",
        (f"{name}/", f"{name}0"),
    ).fetchone()
    return None if row is None else int(row[0])


def _engine_record(row: tuple[str, int, int, str]) -> EngineRecord:
    name, create_time, update_time, resource = row
    return EngineRecord(
        EngineName.parse(name), create_time, update_time, read_json(resource.encode())
    )
