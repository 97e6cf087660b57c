-- Schema 3. Full text: which logs are indexed, and how far; and the index.

CREATE TABLE searched (
    id         INTEGER PRIMARY KEY, -- the upper part of the rowids of its words
    collection INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    stamp      INTEGER NOT NULL,    -- which words the index was made with; of others it is made anew
    through    INTEGER NOT NULL,    -- the newest entry whose words are in it
    UNIQUE (collection, owner)
) STRICT;

-- Holds no text, only which word stands where. The words come ready, with spaces between them, so that "ascii", which
-- takes everything beyond ASCII for a part of a word, tells them apart as they were.
CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, tokenize='ascii');

-- A word that goes is taken out of the pages it stands in, not only marked as gone.
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
