//! Full text: which entries are in the index, and their way in and out.
//!
//! An indexed log has a number; the rowid of an entry's words is that number and the entry's position, so that one
//! owner's hits lie together and are found in the order of their log.

use rusqlite::{OptionalExtension, Params, params};
use store::{
    BodyId, Declared, EntryId, Owner, Searchable, Spoken, StoreError, limits::UNINDEX_ALL,
};

use crate::error::from_sqlite;
use crate::limits::{POSITION_BITS, SEARCHED_MAX};
use crate::tables::Writing;

/// How far a log is indexed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Indexed {
    id: i64,
    stamp: u32,
    through: i64,
}

/// Entries whose words go: a part of a `WHERE` over `log_entry e`, whose first values are collection and owner.
const SPOKEN: &str = "SELECT e.id, e.class, e.xml, e.body FROM log_entry e INDEXED BY log_entry_id \
                      WHERE e.collection = ?1 AND e.owner = ?2 AND e.tombstone = 0";

/// An entry as its words are taken from it.
struct Row {
    id: i64,
    class: u8,
    xml: String,
    body: Option<i64>,
}

impl Writing<'_> {
    /// Puts the words of further entries into the index.
    pub(crate) fn index(
        &mut self,
        log: &Declared,
        owner: &Owner,
        entries_max: u32,
    ) -> Result<(), StoreError> {
        let Some(searchable) = log.searchable else {
            return Ok(());
        };
        let Some((log, owner)) = self.known(log, owner)? else {
            return Ok(());
        };
        let Some(indexed) = self.index_of(log, owner, searchable)? else {
            return Ok(());
        };
        // Tombstones are passed, too, so that a run of them holds nothing up.
        let last: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT max(id) FROM (SELECT id FROM log_entry INDEXED BY log_entry_id \
                 WHERE collection = ?1 AND owner = ?2 AND id > ?3 ORDER BY id LIMIT ?4)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![log, owner, indexed.through, entries_max], |row| {
                    row.get(0)
                })
            })
            .map_err(from_sqlite)?;
        let Some(last) = last else {
            return Ok(());
        };
        let sql = format!("{SPOKEN} AND e.id > ?3 AND e.id <= ?4 ORDER BY e.id");
        let rows = self.spoken(&sql, params![log, owner, indexed.through, last])?;
        for row in rows {
            self.words(indexed, searchable, &row, INSERT)?;
        }
        self.set_through(
            log,
            owner,
            Indexed {
                through: last,
                ..indexed
            },
        )
    }

    /// Takes words out of the index, the newest first.
    pub(crate) fn unindex(
        &mut self,
        log: &Declared,
        owner: &Owner,
        entries_max: u32,
    ) -> Result<(), StoreError> {
        let Some(searchable) = log.searchable.filter(|_| entries_max > 0) else {
            return Ok(());
        };
        let Some((log, owner)) = self.known(log, owner)? else {
            return Ok(());
        };
        let Some(indexed) = self.indexed(log, owner, searchable)? else {
            return Ok(());
        };
        if entries_max == UNINDEX_ALL {
            return self.drop_index();
        }
        let sql = format!("{SPOKEN} AND e.id <= ?3 ORDER BY e.id DESC LIMIT ?4");
        let rows = self.spoken(&sql, params![log, owner, indexed.through, entries_max])?;
        for row in &rows {
            self.words(indexed, searchable, row, DELETE)?;
        }
        match rows.last() {
            Some(row) if rows.len() as u64 == u64::from(entries_max) => self.set_through(
                log,
                owner,
                Indexed {
                    through: row.id - 1,
                    ..indexed
                },
            ),
            _ => self.forget_indexed(log, owner),
        }
    }

    /// Takes the words of entries that are about to go out of the index. `filter` is over `log_entry e`, its values are
    /// the third and fourth.
    pub(crate) fn unindex_where(
        &mut self,
        declared: &Declared,
        (log, owner): (i64, i64),
        filter: &str,
        (third, fourth): (i64, i64),
    ) -> Result<(), StoreError> {
        let Some(searchable) = declared.searchable else {
            // From a journal, or not searched at all.
            return self.unindex_owner(log, owner);
        };
        let Some(indexed) = self.indexed(log, owner, searchable)? else {
            return Ok(());
        };
        let sql = format!("{SPOKEN} AND {filter} AND e.id <= ?5");
        let rows = self.spoken(&sql, params![log, owner, third, fourth, indexed.through])?;
        for row in rows {
            self.words(indexed, searchable, &row, DELETE)?;
        }
        Ok(())
    }

    /// Takes all words of an owner's log out of the index, whichever log it is: by their rowids alone, because what
    /// their text was only the log's declaration knows.
    pub(crate) fn unindex_owner(&mut self, log: i64, owner: i64) -> Result<(), StoreError> {
        let found = self.indexed_row(log, owner)?;
        match found {
            // Without the texts, one log's words cannot be told from the others'. What is searched again is indexed again.
            Some(_) => self.drop_index(),
            None => Ok(()),
        }
    }

    /// How far a log is indexed with today's words; one of other words is dropped.
    fn indexed(
        &mut self,
        log: i64,
        owner: i64,
        searchable: Searchable,
    ) -> Result<Option<Indexed>, StoreError> {
        match self.indexed_row(log, owner)? {
            Some(indexed) if indexed.stamp != searchable.stamp() => {
                self.drop_index()?;
                Ok(None)
            }
            found => Ok(found),
        }
    }

    /// The same, begun now if it is not yet; `None` when there are too many.
    fn index_of(
        &mut self,
        log: i64,
        owner: i64,
        searchable: Searchable,
    ) -> Result<Option<Indexed>, StoreError> {
        if let Some(indexed) = self.indexed(log, owner, searchable)? {
            return Ok(Some(indexed));
        }
        let sql = "INSERT INTO searched (collection, owner, stamp, through) VALUES (?1, ?2, ?3, 0)";
        self.execute(sql, params![log, owner, searchable.stamp()])?;
        let id = self.connection.last_insert_rowid();
        if id > SEARCHED_MAX {
            self.forget_indexed(log, owner)?;
            return Ok(None);
        }
        let begun = Indexed {
            id,
            stamp: searchable.stamp(),
            through: 0,
        };
        self.searched.insert((log, owner), Some(begun));
        Ok(Some(begun))
    }

    fn indexed_row(&mut self, log: i64, owner: i64) -> Result<Option<Indexed>, StoreError> {
        if let Some(known) = self.searched.get(&(log, owner)) {
            return Ok(*known);
        }
        let sql = "SELECT id, stamp, through FROM searched WHERE collection = ?1 AND owner = ?2";
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok(Indexed {
                        id: row.get(0)?,
                        stamp: row.get(1)?,
                        through: row.get(2)?,
                    })
                };
                statement.query_row(params![log, owner], read).optional()
            })
            .map_err(from_sqlite)?;
        self.remember_searched(log, owner, found);
        Ok(found)
    }

    fn set_through(&mut self, log: i64, owner: i64, indexed: Indexed) -> Result<(), StoreError> {
        let sql = "UPDATE searched SET through = ?3 WHERE collection = ?1 AND owner = ?2";
        self.execute(sql, params![log, owner, indexed.through])?;
        self.remember_searched(log, owner, Some(indexed));
        Ok(())
    }

    fn forget_indexed(&mut self, log: i64, owner: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM searched WHERE collection = ?1 AND owner = ?2";
        self.execute(sql, params![log, owner])?;
        self.remember_searched(log, owner, None);
        Ok(())
    }

    fn drop_index(&mut self) -> Result<(), StoreError> {
        self.execute("INSERT INTO words (words) VALUES ('delete-all')", [])?;
        self.execute("DELETE FROM searched", [])?;
        self.searched.clear();
        Ok(())
    }

    fn spoken(&mut self, sql: &str, of: impl Params) -> Result<Vec<Row>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Row {
                id: row.get(0)?,
                class: row.get(1)?,
                xml: row.get(2)?,
                body: row.get(3)?,
            })
        };
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(of, read)?.collect())
            .map_err(from_sqlite)
    }

    fn words(
        &mut self,
        indexed: Indexed,
        searchable: Searchable,
        row: &Row,
        sql: &str,
    ) -> Result<(), StoreError> {
        let Some(rowid) = rowid(indexed.id, row.id) else {
            return Ok(());
        };
        let body = match row.body {
            Some(id) => self
                .bodies
                .text(self.connection, BodyId(id.cast_unsigned()))?,
            None => None,
        };
        let words = searchable.words(&Spoken {
            class: row.class,
            xml: &row.xml,
            body: body.as_deref(),
        });
        if words.is_empty() {
            return Ok(());
        }
        self.execute(sql, params![rowid, words.join(" ")])
    }

    fn remember_searched(&mut self, log: i64, owner: i64, indexed: Option<Indexed>) {
        if self.searched.len() >= crate::limits::REMEMBERED_MAX {
            self.searched.clear();
        }
        self.searched.insert((log, owner), indexed);
    }
}

const INSERT: &str = "INSERT INTO words (rowid, text) VALUES (?1, ?2)";
const DELETE: &str = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?1, ?2)";

/// The row of an entry's words; one that has no row is not found.
fn rowid(searched: i64, entry: i64) -> Option<i64> {
    (entry >> POSITION_BITS == 0).then_some(searched << POSITION_BITS | entry)
}

/// The rows that a page with these bounds may have, of a log with this number.
pub(crate) fn rowids(searched: i64, after: Option<EntryId>, before: Option<EntryId>) -> (i64, i64) {
    let last = (1 << POSITION_BITS) - 1;
    let position = |id: EntryId| i64::try_from(id.0).unwrap_or(i64::MAX).min(last);
    let low = after.map_or(0, position);
    let high = before.map_or(last, position);
    (
        searched << POSITION_BITS | low,
        searched << POSITION_BITS | high,
    )
}

/// What a search asks, as FTS5 reads it.
pub(crate) fn matching(needle: &store::Needle) -> Option<String> {
    let terms = needle.terms().iter().map(|term| {
        let star = if term.is_prefix { "*" } else { "" };
        format!("\"{}\"{star}", term.words.join(" "))
    });
    let terms: Vec<String> = terms.collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}
