"""The tables, in the steps that made them: a file has taken as many as its `user_version` says.

A step that files have taken never changes; what a new version needs is one more.

Times are nanoseconds since the epoch, but for expiry: `expiry` is expire_time in whole
microseconds, rounded up, and `expire_rest` the nanoseconds that this added, since years past 2262
in nanoseconds do not fit in 64 bits.

`moves` remembers for an hour where in the order of update_time a session stood before each
write, so that a walk through that order sees every session exactly once.
"""

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

STEPS = (_VERSION_1, _VERSION_2, _VERSION_3)
"""The first makes an empty file one of version 1, and so on. The indexes of the second are for
runs, which are looked up by invocation, and for watchers, who go by arrival. What the third adds
is SessionRecord.text, of which lists are joined; "" in sessions that version 2 wrote last."""
