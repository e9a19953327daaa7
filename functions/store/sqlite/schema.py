"""The tables, in the steps that made them: a file has taken as many as its `user_version` says.

A released step never changes; a new version adds a step. Step 4 needs SQLite 3.35.

Times are nanoseconds since the epoch, except for expiry: `expiry` is expire_time in whole
microseconds, rounded up, and `expire_rest` the nanoseconds that rounding added. Nanoseconds of
years past 2262 do not fit in 64 bits.

`moves` keeps each update_time for an hour after a write has replaced it, so that a walk in the
order of update_time lists every session exactly once. The hour is measured by `touched`, the clock
of the server that wrote: an update_time may be ahead of it.

`members` holds the state of `scopes`: the JSON text of each key and of its value, and the bytes
that both count for; a scope's size is their sum. A scope's `text` is its joined members; it is NULL
where they are many, or where no write has changed them since step 5. A session whose scope is NULL
never had state.

`event_count`, the sums of tokens and `last_event_time` are those of a session's events; a sum is
NULL where no event says a number. `changes` holds what a creation and patches did to the session's
own state: `members` is a JSON object of member texts, null for a key that went; `is_replace` says
that all other keys went, too; `after` is the greatest `seq` of the session's events then, 0 for
none; `name` is the id that an import gave. `users` has a row for everybody who had a session or
state; one without state has no scope.
`state_time` is when app or user state changed last, NULL if no write since step 6 did.
`original` is an event's text before compaction, and `removed` the JSON list of the keys that a
rewind removed from the state; both are NULL for most events. `edits` counts the changes of a
session's events after they arrived.

An event that was deleted alone keeps its `seq` and id under its session's negated key; its text is
its state delta. A session that a fork still fills has its engine's negated key and the expiry at
which the fork's lease ends; `fork` says how far the copy has come, and afterwards which request
made it.

A deleted session has the expiry 0 and an id that no client can send. A deleted engine has the
location "" and such a name. Their rows stay until everything below them is removed. `users` says
how `erasures` and such an engine remove what a user left.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable

from functions.aip.timestamp import MIN_TIMESTAMP
from functions.messages.json_text import write_json
from functions.rules.event import counted_time
from functions.rules.state import member_size, split_members
from functions.rules.token_usage import TokenUsage, usage_of_text

_VERSION_1 = """
CREATE TABLE engines (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    create_time INTEGER,
    update_time INTEGER,
    resource TEXT,
    app TEXT NOT NULL DEFAULT ''
);
CREATE INDEX engines_by_create_time ON engines (location, create_time, name);

CREATE TABLE users (
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (engine, user_id)
) WITHOUT ROWID;

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    engine INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    labels TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    expire_rest INTEGER NOT NULL,
    state TEXT,
    unknown TEXT NOT NULL,
    UNIQUE (engine, session_id)
);
CREATE INDEX sessions_by_update_time ON sessions (engine, update_time, session_id);
CREATE INDEX sessions_by_create_time ON sessions (engine, create_time, session_id);
CREATE INDEX sessions_by_user ON sessions (engine, user_id, update_time, session_id);
CREATE INDEX sessions_by_id ON sessions (session_id);
CREATE INDEX sessions_by_expiry ON sessions (expiry);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    timestamp_key TEXT NOT NULL,
    id TEXT NOT NULL,
    author TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX events_in_order ON events (session, timestamp_key);
CREATE UNIQUE INDEX events_by_id ON events (session, id);

CREATE TABLE moves (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    time INTEGER NOT NULL,
    previous INTEGER NOT NULL
);
CREATE TRIGGER session_moves AFTER UPDATE OF update_time ON sessions BEGIN
    INSERT INTO moves (session, time, previous)
    VALUES (old.id, new.update_time, old.update_time);
    DELETE FROM moves
    WHERE seq IN (SELECT seq FROM moves ORDER BY seq LIMIT 2)
    AND time < new.update_time - 3600 * 1000000000;
END;
"""

_VERSION_2 = """
CREATE INDEX events_by_invocation ON events (session, invocation_id, timestamp_key);
CREATE INDEX events_by_arrival ON events (session);
"""

_VERSION_3 = """
ALTER TABLE sessions ADD COLUMN text TEXT NOT NULL DEFAULT '';
"""

_VERSION_4 = """
CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL
);
CREATE TABLE members (
    scope INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN scope INTEGER;
ALTER TABLE engines ADD COLUMN scope INTEGER;
ALTER TABLE users RENAME TO old_users;
CREATE TABLE users (
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    scope INTEGER NOT NULL,
    PRIMARY KEY (engine, user_id)
) WITHOUT ROWID;
"""

_VERSION_4_ENDS = """
DROP TABLE old_users;
ALTER TABLE engines DROP COLUMN app;
ALTER TABLE sessions DROP COLUMN state;
ALTER TABLE sessions DROP COLUMN text;

DROP TRIGGER session_moves;
ALTER TABLE sessions ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER session_moves AFTER UPDATE OF touched ON sessions BEGIN
    INSERT INTO moves (session, time, previous)
    VALUES (old.id, new.touched, old.update_time);
    DELETE FROM moves
    WHERE seq IN (SELECT seq FROM moves ORDER BY seq LIMIT 2)
    AND time < new.touched - 3600 * 1000000000;
END;

CREATE TRIGGER session_goes AFTER DELETE ON sessions BEGIN
    DELETE FROM scopes WHERE id = old.scope;
END;
CREATE TRIGGER user_goes AFTER DELETE ON users BEGIN
    DELETE FROM scopes WHERE id = old.scope;
END;
CREATE TRIGGER engine_goes AFTER DELETE ON engines BEGIN
    DELETE FROM scopes WHERE id = old.scope;
END;
CREATE TRIGGER scope_goes AFTER DELETE ON scopes BEGIN
    DELETE FROM members WHERE scope = old.id;
END;
"""

_VERSION_5 = """
ALTER TABLE scopes ADD COLUMN text TEXT;
"""


_VERSION_6 = """
ALTER TABLE sessions ADD COLUMN event_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN prompt_tokens INTEGER;
ALTER TABLE sessions ADD COLUMN candidate_tokens INTEGER;
ALTER TABLE sessions ADD COLUMN total_tokens INTEGER;
ALTER TABLE sessions ADD COLUMN last_event_time INTEGER;
ALTER TABLE sessions ADD COLUMN forked_from TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN fork TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN original TEXT;
ALTER TABLE engines ADD COLUMN state_time INTEGER;

CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    last INTEGER NOT NULL
);
ALTER TABLE events ADD COLUMN removed TEXT;
CREATE TRIGGER event_changes AFTER UPDATE ON events BEGIN
    UPDATE sessions SET edits = edits + 1 WHERE id = abs(old.session);
END;

CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    after INTEGER NOT NULL,
    members TEXT NOT NULL,
    is_replace INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT ''
);
CREATE INDEX changes_of_session ON changes (session);

DROP TRIGGER user_goes;
ALTER TABLE users RENAME TO old_users;
CREATE TABLE users (
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    scope INTEGER,
    state_time INTEGER,
    PRIMARY KEY (engine, user_id)
) WITHOUT ROWID;
CREATE TRIGGER user_goes AFTER DELETE ON users BEGIN
    DELETE FROM scopes WHERE id = old.scope;
END;
INSERT INTO users (engine, user_id, create_time)
SELECT engine, user_id, min(create_time) FROM sessions WHERE expiry > 0 GROUP BY engine, user_id;
INSERT INTO users (engine, user_id, create_time, scope)
SELECT engine, user_id, CAST(strftime('%s') AS INTEGER) * 1000000000, scope
FROM old_users WHERE true
ON CONFLICT DO UPDATE SET scope = excluded.scope;
DROP TABLE old_users;
"""


def _counts_of_events(db: sqlite3.Connection) -> None:
    """Counts the events that sessions have."""
    usages: defaultdict[int, TokenUsage] = defaultdict(TokenUsage)
    for session, text in db.execute(
        "SELECT session, text FROM events "
        """WHERE instr(text, '"usageMetadata"') OR instr(text, '"usage_metadata"')"""
    ):
        usages[session] = usages[session].plus(usage_of_text(text))
    rows = (
        (number, counted_time(int(last, 16) + MIN_TIMESTAMP), *usages[session], session)
        for session, number, last in db.execute(
            "SELECT session, count(*), max(timestamp_key) FROM events GROUP BY session"
        ).fetchall()
    )
    db.executemany(
        "UPDATE sessions SET event_count = ?, last_event_time = ?, prompt_tokens = ?, "
        "candidate_tokens = ?, total_tokens = ? WHERE id = ?",
        rows,
    )


def _members_as_rows(db: sqlite3.Connection) -> None:
    """Moves every scope's joined members into rows."""

    def add(text: str) -> int:
        rows = []
        for key, member in split_members(text).items():
            name = write_json(key)
            rows.append((name, member[len(name) + 1 :], member_size(key, member)))
        total = sum(size for _, _, size in rows)
        scope = int(db.execute("INSERT INTO scopes (size) VALUES (?)", (total,)).lastrowid or 0)
        db.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", ((scope, *row) for row in rows))
        return scope

    for session, text in db.execute("SELECT id, state FROM sessions WHERE state IS NOT NULL"):
        db.execute("UPDATE sessions SET scope = ? WHERE id = ?", (add(text), session))
    for engine, text in db.execute("SELECT id, app FROM engines WHERE app != ''"):
        db.execute("UPDATE engines SET scope = ? WHERE id = ?", (add(text), engine))
    for engine, user_id, text in db.execute("SELECT engine, user_id, state FROM old_users"):
        db.execute("INSERT INTO users VALUES (?, ?, ?)", (engine, user_id, add(text)))


Step = str | Callable[[sqlite3.Connection], None]

STEPS: tuple[tuple[Step, ...], ...] = (
    (_VERSION_1,),
    (_VERSION_2,),
    (_VERSION_3,),
    (_VERSION_4, _members_as_rows, _VERSION_4_ENDS),
    (_VERSION_5,),
    (_VERSION_6, _counts_of_events),
)
"""The first step makes version 1 of an empty file, the second version 2 of that, and so on.

- 2: indexes for runs, by invocation, and for watches, by arrival.
- 3: a column of sessions that step 4 drops.
- 4: state as rows. A server of version 3 that still runs fails to read or write sessions, since
  their columns of state are gone. It can still delete rows; triggers delete the state with them.
- 5: the joined members of small scopes.
- 6: what sessions count of their events, changes of state outside events, a row of every user, and
  erasures of users.
  State at creation and patches of earlier versions are not known.
"""
