BEGIN TRANSACTION;
CREATE TABLE engines (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    location TEXT NOT NULL,
    create_time INTEGER,
    update_time INTEGER,
    resource TEXT,
    scope INTEGER);
INSERT INTO "engines" VALUES(1,'projects/test-project/locations/us-central1/reasoningEngines/1','projects/test-project/locations/us-central1',NULL,NULL,NULL,2);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    timestamp_key TEXT NOT NULL,
    id TEXT NOT NULL,
    author TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    text TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,1,'0376d46e66ec7aca00','xwxsc5isunjpmoebsayelwp4','user','i','"author":"user","content":{},"invocationId":"i","actions":{"stateDelta":{"plain":2}},"timestamp":"2026-01-01T00:00:01Z","rawEvent":{"id":"a","usageMetadata":{"promptTokenCount":3,"total_token_count":5}}}');
INSERT INTO "events" VALUES(2,1,'0376d46e6728159400','zdvwnbuxcmlsshw2vd2lzvej','user','i','"author":"user","content":{},"invocationId":"i","actions":{},"timestamp":"2026-01-01T00:00:02Z","rawEvent":{"id":"b","usage_metadata":{"prompt_token_count":4}}}');
INSERT INTO "events" VALUES(3,1,'0376d46e66b0e00000','wrdos64bskjuhmkzwobwv4cl','user','i','"author":"user","content":{},"invocationId":"i","actions":{},"timestamp":"2026-01-01T00:00:00Z","eventMetadata":{"usageMetadata":{"candidatesTokenCount":7,"totalTokenCount":11}}}');
INSERT INTO "events" VALUES(4,3,'000000000000000000','4u72ssdzxmkogjsysb7y2ych','user','i','"author":"user","content":{},"invocationId":"i","actions":{},"timestamp":"0001-01-01T00:00:00Z"}');
INSERT INTO "events" VALUES(5,4,'0376d46e66ec7aca00','lxrsypuldxtcxs3vo2aaztjl','user','i','"author":"user","content":{},"invocationId":"i","actions":{},"timestamp":"2026-01-01T00:00:01Z"}');
CREATE TABLE members (
    scope INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
INSERT INTO "members" VALUES(1,'"patched"','true',23);
INSERT INTO "members" VALUES(2,'"app:k"','1',16);
INSERT INTO "members" VALUES(3,'"user:k"','1',18);
INSERT INTO "members" VALUES(4,'"s"','1',8);
INSERT INTO "members" VALUES(6,'"user:left"','1',24);
CREATE TABLE moves (
    seq INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    time INTEGER NOT NULL,
    previous INTEGER NOT NULL
);
INSERT INTO "moves" VALUES(1,1,1795305601000000000,1795305600000000000);
INSERT INTO "moves" VALUES(2,1,1795305601000000000,1795305601000000000);
INSERT INTO "moves" VALUES(3,1,1795305601000000000,1795305601000001000);
INSERT INTO "moves" VALUES(4,1,1795305601000000000,1795305601000002000);
INSERT INTO "moves" VALUES(5,3,1795305602000000000,1795305602000000000);
INSERT INTO "moves" VALUES(6,4,1795305602000000000,1795305602000000000);
INSERT INTO "moves" VALUES(7,5,1795305602000000000,1795305602000000000);
INSERT INTO "moves" VALUES(8,5,1795305602000000000,1795305602000001000);
CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL
, text TEXT);
INSERT INTO "scopes" VALUES(1,23,'"patched":true');
INSERT INTO "scopes" VALUES(2,16,'"app:k":1');
INSERT INTO "scopes" VALUES(3,18,'"user:k":1');
INSERT INTO "scopes" VALUES(4,8,'"s":1');
INSERT INTO "scopes" VALUES(6,24,'"user:left":1');
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
    unknown TEXT NOT NULL, scope INTEGER, touched INTEGER NOT NULL DEFAULT 0,
    UNIQUE (engine, session_id)
);
INSERT INTO "sessions" VALUES(1,1,'told','u','','{}',1795305600000000000,1795305601000003000,7258118400000000,0,'',1,1795305601000000000);
INSERT INTO "sessions" VALUES(2,1,'silent','u','','{}',1795305602000000000,1795305602000000000,7258118400000000,0,'',4,0);
INSERT INTO "sessions" VALUES(3,1,'ancient','v','','{}',1795305602000000000,1795305602000001000,7258118400000000,0,'',NULL,1795305602000000000);
INSERT INTO "sessions" VALUES(4,1,'over','w','','{}',1795305602000000000,1795305602000001000,1795305603000000,0,'',NULL,1795305602000000000);
CREATE TABLE users (
    engine INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    scope INTEGER NOT NULL,
    PRIMARY KEY (engine, user_id)
) WITHOUT ROWID;
INSERT INTO "users" VALUES(1,'u',3);
INSERT INTO "users" VALUES(1,'x',6);
CREATE INDEX engines_by_create_time ON engines (location, create_time, name);
CREATE INDEX sessions_by_update_time ON sessions (engine, update_time, session_id);
CREATE INDEX sessions_by_create_time ON sessions (engine, create_time, session_id);
CREATE INDEX sessions_by_user ON sessions (engine, user_id, update_time, session_id);
CREATE INDEX sessions_by_id ON sessions (session_id);
CREATE INDEX sessions_by_expiry ON sessions (expiry);
CREATE INDEX events_in_order ON events (session, timestamp_key);
CREATE UNIQUE INDEX events_by_id ON events (session, id);
CREATE INDEX events_by_invocation ON events (session, invocation_id, timestamp_key);
CREATE INDEX events_by_arrival ON events (session);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('sessions',5);
COMMIT;
