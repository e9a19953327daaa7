"""State as rows: a scope is the state of one session, user or engine, a member one of its keys.

A write reads and changes the members that it names, however many the scope has. The row of a small
scope also keeps the joined members, so that a read finds them in one place.
See docs/decisions/0004-state-as-member-text.md.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from functions.messages.json_text import write_json
from functions.rules.state import MemberChanges, check_state_size, join_members, member_size

_SMALL = 4_000
"""The most bytes of a small scope: its row, with the joined members, fits on one page."""

_CHANGED = "SELECT json_extract(value, '$[0]') FROM json_each(:changes)"


def joined_members(scope: str) -> str:
    """SQL for a scope's members as `join_members` joins them, "" for none.

    SQLite finds them in the order of the primary key, which is that of `join_members`: JSON texts
    of keys order as the members that they begin, since no such text begins another.
    """
    kept = f"(SELECT text FROM scopes WHERE id = {scope})"
    return f"CASE WHEN {scope} IS NULL THEN '' ELSE coalesce({kept}, {_joined(scope)}) END"


def merge(
    db: sqlite3.Connection, scope: int | None, changes: MemberChanges, *, replace: bool = False
) -> int:
    """Merges changes into a scope, or with `replace` into an empty one; raises TooLarge.

    None makes a new scope. Returns the scope's key.
    """
    rows = [_row(key, member) for key, member in changes.items()]
    size = sum(size for _, _, size in rows)
    named: dict[str, Any] = {"scope": scope, "changes": write_json(rows)}
    if scope is None:
        check_state_size(size)
        text = join_members(filter(None, changes.values())) if size <= _SMALL else None
        added = db.execute("INSERT INTO scopes (size, text) VALUES (?, ?)", (size, text))
        named["scope"] = added.lastrowid
        _put(db, named)
        return int(added.lastrowid or 0)
    if replace:
        db.execute("DELETE FROM members WHERE scope = ?", (scope,))
        db.execute("UPDATE scopes SET size = 0 WHERE id = ?", (scope,))
    named["size"] = size + _size_of_others(db, named)
    check_state_size(named["size"])
    if None in changes.values():
        db.execute(f"DELETE FROM members WHERE scope = :scope AND key IN ({_CHANGED})", named)
    _put(db, named)
    db.execute(
        "UPDATE scopes SET size = :size, "
        f"text = CASE WHEN :size <= {_SMALL} THEN {_joined(':scope')} END WHERE id = :scope",
        named,
    )
    return scope


def copy_scope(db: sqlite3.Connection, scope: int) -> int:
    """Makes a new scope with the members of another; returns its key."""
    added = db.execute(
        "INSERT INTO scopes (size, text) SELECT size, text FROM scopes WHERE id = ?", (scope,)
    )
    db.execute(
        "INSERT INTO members (scope, key, value, size) "
        "SELECT ?, key, value, size FROM members WHERE scope = ?",
        (added.lastrowid, scope),
    )
    return int(added.lastrowid or 0)


def _joined(scope: str) -> str:
    members = f"SELECT group_concat(key || ':' || value) FROM members WHERE scope = {scope}"
    return f"coalesce(({members}), '')"


def _put(db: sqlite3.Connection, named: Mapping[str, Any]) -> None:
    db.execute(
        "REPLACE INTO members (scope, key, value, size) SELECT :scope, "
        + ", ".join(f"json_extract(value, '$[{column}]')" for column in range(3))
        + " FROM json_each(:changes) WHERE json_extract(value, '$[2]') > 0",
        named,
    )


def _size_of_others(db: sqlite3.Connection, named: Mapping[str, Any]) -> int:
    """The bytes of the members that the changes do not name."""
    size: int
    (size,) = db.execute(
        "SELECT size - (SELECT coalesce(sum(size), 0) FROM members "
        f"WHERE scope = :scope AND key IN ({_CHANGED})) FROM scopes WHERE id = :scope",
        named,
    ).fetchone()
    return size


def _row(key: str, member: str | None) -> tuple[str, str, int]:
    """The JSON texts of a member's key and value, and its size; "" and 0 for one that goes."""
    name = write_json(key)
    if member is None:
        return name, "", 0
    return name, member[len(name) + 1 :], member_size(key, member)
