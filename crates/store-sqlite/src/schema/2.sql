-- Schema 2. A page of a log with one peer reads no entries of others.

-- Entries that nobody asks for by peer have none and are not in it.
CREATE INDEX log_entry_peer ON log_entry (collection, owner, peer, id, at) WHERE peer <> '';
