-- Schema 4. A journal before the tables.

CREATE TABLE journal (
    store  INTEGER NOT NULL,        -- which store this is: its journal has the same number
    number INTEGER NOT NULL         -- the newest frame of the journal whose batches are in the tables
) STRICT;

INSERT INTO journal VALUES (random(), 0);
