//! Log operations of a transaction.

use rusqlite::{OptionalExtension, Params, params};
use store::{BodyId, Declared, Entry, EntryId, Owner, StoreError, Stored, Trim, check_append};

use crate::error::from_sqlite;
use crate::limits::REMEMBERED_MAX;
use crate::tables::Writing;

impl Writing<'_> {
    pub(crate) fn append(
        &mut self,
        log: &Declared,
        owner: &Owner,
        entry: &Entry<Stored>,
    ) -> Result<(), StoreError> {
        let collection = self.names.collection_or_new(self.connection, log)?;
        let owner = self.names.owner_or_new(self.connection, owner)?;
        check_append(log, entry.id, self.head(collection, owner)?)?;
        if let Some(body) = entry.body {
            self.bodies.take(self.connection, body)?;
        }
        let sql = "INSERT INTO log_entry (collection, owner, id, at, peer, sender, message_id, class, due, tombstone, \
                   body, version, data, xml) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)";
        let values = params![
            collection,
            owner,
            column(entry.id),
            entry.at,
            &*entry.peer,
            &*entry.sender,
            &*entry.message_id,
            entry.class,
            entry.due,
            entry.body.map(|body| body.0.cast_signed()),
            entry.data.version,
            &*entry.data.json,
            &*entry.xml,
        ];
        self.execute(sql, values)?;
        self.remember_head(collection, owner, entry.id);
        Ok(())
    }

    pub(crate) fn trim(
        &mut self,
        log: &Declared,
        owner: &Owner,
        which: Trim,
    ) -> Result<(), StoreError> {
        let declared = log;
        let Some((log, owner)) = self.known(log, owner)? else {
            return Ok(());
        };
        let Some(head) = self.head(log, owner)? else {
            return Ok(());
        };
        const DELETE: &str =
            "DELETE FROM log_entry INDEXED BY log_entry_id WHERE collection = ?1 AND owner = ?2";
        let (filter, bound, last) = match which {
            Trim::One(id) => ("id = ?3 AND ?4 = 0", column(id), 0),
            Trim::Range(first, last) => ("id BETWEEN ?3 AND ?4", column(first), column(last)),
            Trim::Through(id) => ("id <= ?3 AND ?4 = 0", column(id), 0),
            Trim::Before(time) => ("at < ?3 AND ?4 = 0", time, 0),
            Trim::All => ("?3 = ?4", 0, 0),
        };
        self.unindex_where(declared, (log, owner), filter, (bound, last))?;
        let sql = format!("{DELETE} AND {filter} RETURNING body");
        if self.delete_entries(&sql, params![log, owner, bound, last])? {
            // Of a log without its newest entry the table of heads knows the newest id.
            let lost_head = match which {
                Trim::One(id) => id == head,
                Trim::Range(first, last) => (first..=last).contains(&head),
                _ => self.newest_there(log, owner)? != Some(head),
            };
            if lost_head {
                self.set_head(log, owner, head)?;
            }
        }
        Ok(())
    }

    /// Keeps the newest id of a log whose newest entry came and went.
    pub(crate) fn keep_head(
        &mut self,
        log: &Declared,
        owner: &Owner,
        newest: EntryId,
    ) -> Result<(), StoreError> {
        let log = self.names.collection_or_new(self.connection, log)?;
        let owner = self.names.owner_or_new(self.connection, owner)?;
        self.remember_head(log, owner, newest);
        self.set_head(log, owner, newest)
    }

    fn set_head(&self, log: i64, owner: i64, newest: EntryId) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO log_head (collection, owner, newest) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![log, owner, column(newest)])
    }

    pub(crate) fn done(
        &mut self,
        log: &Declared,
        owner: &Owner,
        first: EntryId,
        last: EntryId,
    ) -> Result<(), StoreError> {
        let Some((log, owner)) = self.known(log, owner)? else {
            return Ok(());
        };
        let sql = "UPDATE log_entry SET due = 0 WHERE collection = ?1 AND owner = ?2 AND id BETWEEN ?3 AND ?4 AND due = 1";
        self.execute(sql, params![log, owner, column(first), column(last)])
    }

    pub(crate) fn tombstone(
        &mut self,
        log: &Declared,
        owner: &Owner,
        id: EntryId,
        xml: &str,
        class: Option<u8>,
    ) -> Result<(), StoreError> {
        let declared = log;
        let Some((log, owner)) = self.known(log, owner)? else {
            return Ok(());
        };
        let one = (column(id), 0);
        self.unindex_where(declared, (log, owner), "id = ?3 AND ?4 = 0", one)?;
        let of = params![log, owner, column(id)];
        let sql = "SELECT body FROM log_entry WHERE collection = ?1 AND owner = ?2 AND id = ?3";
        let body: Option<Option<i64>> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(of, |row| row.get(0)).optional())
            .map_err(from_sqlite)?;
        if let Some(body) = body.flatten() {
            self.bodies
                .give_back(self.connection, BodyId(body.cast_unsigned()))?;
        }
        let sql = "UPDATE log_entry SET tombstone = 1, body = NULL, message_id = '', xml = ?4, \
                   class = ifnull(?5, class) WHERE collection = ?1 AND owner = ?2 AND id = ?3";
        self.execute(sql, params![log, owner, column(id), xml, class])
    }

    /// Runs a `DELETE ... RETURNING body` and gives the references back; says whether anything was there.
    pub(crate) fn delete_entries(
        &mut self,
        sql: &str,
        of: impl Params,
    ) -> Result<bool, StoreError> {
        let bodies: Vec<Option<i64>> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(of, |row| row.get(0))?.collect())
            .map_err(from_sqlite)?;
        for body in bodies.iter().flatten() {
            self.bodies
                .give_back(self.connection, BodyId(body.cast_unsigned()))?;
        }
        Ok(!bodies.is_empty())
    }

    /// The newest id a log ever had.
    pub(crate) fn head(&mut self, log: i64, owner: i64) -> Result<Option<EntryId>, StoreError> {
        if let Some(head) = self.heads.get(&(log, owner)) {
            return Ok(Some(*head));
        }
        let there = self.newest_there(log, owner)?;
        let gone = self
            .connection
            .prepare_cached("SELECT newest FROM log_head WHERE collection = ?1 AND owner = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![log, owner], |row| row.get(0))
                    .optional()
            })
            .map_err(from_sqlite)?
            .map(|newest: i64| EntryId(newest.cast_unsigned()));
        let head = there.max(gone);
        if let Some(head) = head {
            self.remember_head(log, owner, head);
        }
        Ok(head)
    }

    /// The newest id of the entries that are there.
    fn newest_there(&self, log: i64, owner: i64) -> Result<Option<EntryId>, StoreError> {
        let sql = "SELECT id FROM log_entry WHERE collection = ?1 AND owner = ?2 ORDER BY id DESC LIMIT 1";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_row(params![log, owner], |row| row.get(0))
                    .optional()
            })
            .map(|id| id.map(|id: i64| EntryId(id.cast_unsigned())))
            .map_err(from_sqlite)
    }

    fn remember_head(&mut self, log: i64, owner: i64, head: EntryId) {
        if self.heads.len() >= REMEMBERED_MAX {
            self.heads.clear();
        }
        self.heads.insert((log, owner), head);
    }
}

/// An id as its column holds it; ids past [`store::limits::ID_MAX`] are above all that are stored.
fn column(id: EntryId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}
