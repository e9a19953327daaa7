"""State as rows: a scope is what one session, one user or one engine has, its members the keys.

A write touches the members that it names and no others, however many the scope has.
"""

import sqlite3

from functions.messages.json_text import write_json, write_plain
from functions.rules.state import MemberChanges, check_state_size, member_size

_CHANGED = "SELECT json_extract(value, '$[0]') FROM json_each(:changes)"


def joined_members(scope: str) -> str:
    """SQL for a scope's members as `join_members` joins them, "" for none.

    JSON texts of keys order as the members that they begin, since no such text begins another.
    """
    return (
        "coalesce((SELECT group_concat(key || ':' || value, ',') FROM "
        f"(SELECT key, value FROM members WHERE scope = {scope} ORDER BY key)), '')"
    )


def read_members(db: sqlite3.Connection, scope: int | None) -> str:
    """A scope's joined members, "" for no scope."""
    if scope is None:
        return ""
    members: str
    (members,) = db.execute(f"SELECT {joined_members('?')}", (scope,)).fetchone()
    return members


def merge(
    db: sqlite3.Connection, scope: int | None, changes: MemberChanges, *, replace: bool = False
) -> int:
    """Merges changes into a scope, or with `replace` into an empty one; raises TooLarge.

    None makes a new scope. Returns the scope's key.
    """
    if scope is None:
        scope = int(db.execute("INSERT INTO scopes (size) VALUES (0)").lastrowid or 0)
    if replace:
        db.execute("DELETE FROM members WHERE scope = ?", (scope,))
        db.execute("UPDATE scopes SET size = 0 WHERE id = ?", (scope,))
    if not changes:
        return scope
    rows = [_row(key, member) for key, member in changes.items()]
    named = {"scope": scope, "changes": write_plain(rows)}
    (size,) = db.execute(
        "SELECT size - (SELECT coalesce(sum(size), 0) FROM members "
        f"WHERE scope = :scope AND key IN ({_CHANGED})) FROM scopes WHERE id = :scope",
        named,
    ).fetchone()
    size += sum(size for _, _, size in rows)
    check_state_size(size)
    if None in changes.values():
        db.execute(f"DELETE FROM members WHERE scope = :scope AND key IN ({_CHANGED})", named)
    db.execute(
        "REPLACE INTO members (scope, key, value, size) SELECT :scope, "
        + ", ".join(f"json_extract(value, '$[{column}]')" for column in range(3))
        + " FROM json_each(:changes) WHERE json_extract(value, '$[2]') > 0",
        named,
    )
    db.execute("UPDATE scopes SET size = ? WHERE id = ?", (size, scope))
    return scope


def _row(key: str, member: str | None) -> tuple[str, str, int]:
    """The JSON texts of a member's key and value, and its size; "" and 0 for one that goes."""
    name = write_json(key)
    if member is None:
        return name, "", 0
    return name, member[len(name) + 1 :], member_size(key, member)
