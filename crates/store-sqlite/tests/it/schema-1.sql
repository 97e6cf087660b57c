-- What schema 1 wrote for one batch of `disk::pair(7)`. Never changed.
BEGIN TRANSACTION;
CREATE TABLE body (
    id   INTEGER PRIMARY KEY,
    refs INTEGER NOT NULL,
    xml  TEXT NOT NULL
) STRICT;
INSERT INTO "body" VALUES(7,1,'<body>7</body>');
CREATE TABLE collection (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,   -- feature.what
    shape   TEXT NOT NULL,          -- map | log
    version INTEGER NOT NULL        -- the newest version values were written with
) STRICT;
INSERT INTO "collection" VALUES(1,'test.messages','log',1);
INSERT INTO "collection" VALUES(2,'test.counts','map',1);
CREATE TABLE log_entry (
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    id         INTEGER NOT NULL,    -- position in the owner's log, only growing
    at         INTEGER NOT NULL,    -- microseconds since 1970 UTC
    peer       TEXT NOT NULL,
    sender     TEXT NOT NULL,
    message_id TEXT NOT NULL,
    class      INTEGER NOT NULL,
    due        INTEGER NOT NULL,    -- 1: somebody has yet to act on it
    tombstone  INTEGER NOT NULL,    -- 1: retracted; xml says so
    body       INTEGER,
    version    INTEGER NOT NULL,
    data       TEXT NOT NULL,       -- JSON
    xml        TEXT NOT NULL
) STRICT;
INSERT INTO "log_entry" VALUES(1,1,7,0,'','','',0,0,0,7,1,'null','<entry/>');
CREATE TABLE log_head (
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    newest     INTEGER NOT NULL,
    PRIMARY KEY (collection, owner)
) STRICT, WITHOUT ROWID;
CREATE TABLE map_value (
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    key        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    expires    INTEGER,             -- microseconds since 1970 UTC
    value      TEXT NOT NULL,       -- JSON
    PRIMARY KEY (collection, owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "map_value" VALUES(2,1,'number',1,NULL,'7');
CREATE TABLE owner (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE       -- account:juliet@example.org, host:example.org, server, ...
) STRICT;
INSERT INTO "owner" VALUES(1,'account:juliet@example.org');
CREATE INDEX map_value_expires ON map_value (expires) WHERE expires IS NOT NULL;
CREATE UNIQUE INDEX log_entry_id ON log_entry (collection, owner, id, at);
CREATE INDEX log_entry_due ON log_entry (collection, owner, id) WHERE due = 1;
CREATE VIEW map AS
    SELECT c.name AS collection, o.name AS owner, v.key, v.value, v.version,
           datetime(v.expires / 1000000, 'unixepoch') AS expires
    FROM map_value v JOIN collection c ON c.id = v.collection JOIN owner o ON o.id = v.owner;
CREATE VIEW log AS
    SELECT c.name AS collection, o.name AS owner, e.id, datetime(e.at / 1000000, 'unixepoch') AS at,
           e.peer, e.sender, e.message_id, e.class, e.due, e.tombstone, e.data, e.xml, b.xml AS body
    FROM log_entry e JOIN collection c ON c.id = e.collection JOIN owner o ON o.id = e.owner
    LEFT JOIN body b ON b.id = e.body;
COMMIT;
PRAGMA application_id = 1131441268;
PRAGMA user_version = 1;
