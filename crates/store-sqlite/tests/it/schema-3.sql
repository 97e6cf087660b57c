-- What a server of schema 3 wrote for the story of upgrade.rs, as `sqlite3` dumps it. Never changed.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE collection (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,   -- feature.what
    shape   TEXT NOT NULL,          -- map | log
    version INTEGER NOT NULL        -- the newest version values were written with
) STRICT;
INSERT INTO collection VALUES(1,'test.counts','map',1);
INSERT INTO collection VALUES(2,'test.notes','map',2);
INSERT INTO collection VALUES(3,'test.messages','log',1);
INSERT INTO collection VALUES(4,'test.events','log',1);
CREATE TABLE owner (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE       -- account:juliet@example.org, host:example.org, server, ...
) STRICT;
INSERT INTO owner VALUES(1,'account:juliet@example.org');
INSERT INTO owner VALUES(2,'account:romeo@example.org');
INSERT INTO owner VALUES(3,'host:example.org');
INSERT INTO owner VALUES(4,'server');
CREATE TABLE map_value (
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    key        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    expires    INTEGER,             -- microseconds since 1970 UTC
    value      TEXT NOT NULL,       -- JSON
    PRIMARY KEY (collection, owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO map_value VALUES(1,1,'rosters',1,NULL,'3');
INSERT INTO map_value VALUES(1,2,'rosters',1,NULL,'5');
INSERT INTO map_value VALUES(2,3,'motd',2,NULL,'"Ay me!"');
INSERT INTO map_value VALUES(2,4,'invitation',2,1767225601000000,'"It is the east"');
CREATE TABLE body (
    id   INTEGER PRIMARY KEY,
    refs INTEGER NOT NULL,
    xml  TEXT NOT NULL
) STRICT;
INSERT INTO body VALUES(1,2,'<body>What light through yonder window breaks</body>');
INSERT INTO body VALUES(2,1,'<body>O Romeo, Romeo, wherefore art thou Romeo</body>');
INSERT INTO body VALUES(4,1,'<body>I take thee at thy word</body>');
INSERT INTO body VALUES(5,2,'<body>How camest thou hither, tell me, and wherefore</body>');
INSERT INTO body VALUES(6,1,'<body>Madam</body>');
INSERT INTO body VALUES(7,2,'<body>With love''s light wings did I o''er-perch these walls</body>');
INSERT INTO body VALUES(8,2,'<body>If they do see thee, they will murder thee</body>');
INSERT INTO body VALUES(9,1,'<body>Anon, good nurse</body>');
INSERT INTO body VALUES(10,2,'<body>Lady, by yonder blessed moon I swear</body>');
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
INSERT INTO log_entry VALUES(3,1,1,1767225600000001,'romeo@example.org','romeo@example.org/balcony','m1',1,0,0,1,1,'"line 1"','<message/>');
INSERT INTO log_entry VALUES(3,2,1,1767225600000001,'juliet@example.org','romeo@example.org/balcony','m1',1,0,0,1,1,'"line 1"','<message/>');
INSERT INTO log_entry VALUES(3,2,2,1767225600000002,'juliet@example.org','juliet@example.org/balcony','m2',1,0,0,2,1,'"line 2"','<message/>');
INSERT INTO log_entry VALUES(3,1,3,1767225600000003,'nurse@example.org','nurse@example.org/balcony','',2,0,1,NULL,1,'"line 3"','');
INSERT INTO log_entry VALUES(3,1,4,1767225600000004,'romeo@example.org','romeo@example.org/balcony','',1,0,1,NULL,1,'"line 4"','<message><retracted/></message>');
INSERT INTO log_entry VALUES(3,2,4,1767225600000004,'juliet@example.org','romeo@example.org/balcony','m4',1,0,0,4,1,'"line 4"','<message/>');
INSERT INTO log_entry VALUES(3,1,5,1767225600000005,'romeo@example.org','juliet@example.org/balcony','m5',1,0,0,5,1,'"line 5"','<message/>');
INSERT INTO log_entry VALUES(3,2,5,1767225600000005,'juliet@example.org','juliet@example.org/balcony','m5',1,0,0,5,1,'"line 5"','<message/>');
INSERT INTO log_entry VALUES(3,1,6,1767225600000006,'nurse@example.org','nurse@example.org/balcony','m6',1,0,0,6,1,'"line 6"','<message/>');
INSERT INTO log_entry VALUES(3,1,7,1767225600000007,'romeo@example.org','romeo@example.org/balcony','m7',1,0,0,7,1,'"line 7"','<message/>');
INSERT INTO log_entry VALUES(3,2,7,1767225600000007,'juliet@example.org','romeo@example.org/balcony','m7',1,0,0,7,1,'"line 7"','<message/>');
INSERT INTO log_entry VALUES(3,1,8,1767225600000008,'romeo@example.org','juliet@example.org/balcony','m8',1,0,0,8,1,'"line 8"','<message/>');
INSERT INTO log_entry VALUES(3,2,8,1767225600000008,'juliet@example.org','juliet@example.org/balcony','m8',1,0,0,8,1,'"line 8"','<message/>');
INSERT INTO log_entry VALUES(3,1,9,1767225600000009,'nurse@example.org','nurse@example.org/balcony','m9',1,0,0,9,1,'"line 9"','<message/>');
INSERT INTO log_entry VALUES(3,1,10,1767225600000010,'romeo@example.org','romeo@example.org/balcony','m10',1,0,0,10,1,'"line 10"','<message/>');
INSERT INTO log_entry VALUES(3,2,10,1767225600000010,'juliet@example.org','romeo@example.org/balcony','m10',1,0,0,10,1,'"line 10"','<message/>');
INSERT INTO log_entry VALUES(3,1,11,1767225600000011,'','','',2,1,0,NULL,1,'"waits"','<message><headline/></message>');
INSERT INTO log_entry VALUES(4,3,1,1767225600000000,'','','',0,0,0,NULL,1,'"event 1"','');
CREATE TABLE log_head (
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    newest     INTEGER NOT NULL,
    PRIMARY KEY (collection, owner)
) STRICT, WITHOUT ROWID;
INSERT INTO log_head VALUES(4,3,3);
CREATE TABLE searched (
    id         INTEGER PRIMARY KEY, -- the upper part of the rowids of its words
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    stamp      INTEGER NOT NULL,    -- which words the index was made with; of others it is made anew
    through    INTEGER NOT NULL,    -- the newest entry whose words are in it
    UNIQUE (collection, owner)
) STRICT;
INSERT INTO searched VALUES(1,3,1,65537,7);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','words','words',0,'CREATE VIRTUAL TABLE words USING fts5(text, content='''', columnsize=0, tokenize=''ascii'')');
CREATE TABLE IF NOT EXISTS 'words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO words_data VALUES(1,X'0423');
INSERT INTO words_data VALUES(10,X'000000020101010001010101');
INSERT INTO words_data VALUES(137438953473,X'000001840430616e64a0808080800502090104626f6479a080808080010402090404020b010402040104020f02057265616b73a080808080010208010663616d657374a0808080800502040103646964a08080808007020801026572a08080808007020b0106686974686572a08080808005020602026f77a080808080050203010169a08080808007020901056c69676874a08080808001020406020602036f7665a08080808007020401056d6164616da080808080060203020165a08080808005020801016fa08080808007020a01057065726368a08080808007020c010173a080808080070205010474656c6ca080808080050207020468657365a08080808007020d03026f75a0808080800502050305726f756768a080808080010205010577616c6c73a08080808007020e0203686174a0808080800102030307657265666f7265a08080808005020a0205696e646f77a08080808001020704026773a08080808007020703027468a0808080800702030106796f6e646572a080808080010206040d1b0f100d0c100c0b120d0f0b0b0f0b0e0e0c0f0f0d110f0c0c');
CREATE TABLE IF NOT EXISTS 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO words_idx VALUES(1,X'',2);
CREATE TABLE IF NOT EXISTS 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('secure-delete',1);
INSERT INTO words_config VALUES('version',5);
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
CREATE INDEX log_entry_peer ON log_entry (collection, owner, peer, id, at) WHERE peer <> '';
PRAGMA writable_schema=OFF;
COMMIT;
PRAGMA application_id = 1131441268;
PRAGMA user_version = 3;
