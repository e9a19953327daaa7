"""State as rows: a scope is the state of one session, user or engine, a member one of its keys.

A write reads and changes the members that it names, however many the scope has.
See docs/decisions/0004-state-as-member-text.md.
"""

import sqlite3
from typing import Any

from functions.messages.json_text import write_json, write_plain
from functions.rules.state import MemberChanges, check_state_size, member_size

_CHANGED = "SELECT json_extract(value, '$[0]') FROM json_each(:changes)"


def joined_members(scope: str) -> str:
    """SQL for a scope's members as `join_members` joins them, "" for none.

    SQLite finds them in the order of the primary key, which is that of `join_members`: JSON texts
    of keys order as the members that they begin, since no such text begins another.
    """
    joined = f"(SELECT group_concat(key || ':' || value) FROM members WHERE scope = {scope})"
    return f"CASE WHEN {scope} IS NULL THEN '' ELSE coalesce({joined}, '') END"


def merge(
    db: sqlite3.Connection, scope: int | None, changes: MemberChanges, *, replace: bool = False
) -> int:
    """Merges changes into a scope, or with `replace` into an empty one; raises TooLarge.

    None makes a new scope. Returns the scope's key.
    """
    rows = [_row(key, member) for key, member in changes.items()]
    size = sum(size for _, _, size in rows)
    named: dict[str, Any] = {"scope": scope, "changes": write_plain(rows)}
    if scope is None:
        check_state_size(size)
        scope = db.execute("INSERT INTO scopes (size) VALUES (?)", (size,)).lastrowid
        named["scope"] = scope
    else:
        if replace:
            db.execute("DELETE FROM members WHERE scope = ?", (scope,))
            db.execute("UPDATE scopes SET size = 0 WHERE id = ?", (scope,))
        if changes:
            _resize(db, named, size, removes=None in changes.values())
    if changes:
        db.execute(
            "REPLACE INTO members (scope, key, value, size) SELECT :scope, "
            + ", ".join(f"json_extract(value, '$[{column}]')" for column in range(3))
            + " FROM json_each(:changes) WHERE json_extract(value, '$[2]') > 0",
            named,
        )
    return int(scope or 0)


def _resize(db: sqlite3.Connection, named: dict[str, Any], added: int, *, removes: bool) -> None:
    """Updates a scope's size and deletes removed members; raises TooLarge.

    `added` is the bytes of the members that replace those of the same keys.
    """
    (size,) = db.execute(
        "SELECT size - (SELECT coalesce(sum(size), 0) FROM members "
        f"WHERE scope = :scope AND key IN ({_CHANGED})) FROM scopes WHERE id = :scope",
        named,
    ).fetchone()
    check_state_size(size + added)
    db.execute("UPDATE scopes SET size = ? WHERE id = ?", (size + added, named["scope"]))
    if removes:
        db.execute(f"DELETE FROM members WHERE scope = :scope AND key IN ({_CHANGED})", named)


def _row(key: str, member: str | None) -> tuple[str, str, int]:
    """The JSON texts of a member's key and value, and its size; "" and 0 for one that goes."""
    name = write_json(key)
    if member is None:
        return name, "", 0
    return name, member[len(name) + 1 :], member_size(key, member)
