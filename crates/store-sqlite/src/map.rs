//! Map operations of a transaction.

use rusqlite::params;
use store::{Declared, Owner, StoreError, Stored};

use crate::error::from_sqlite;
use crate::tables::Writing;

impl Writing<'_> {
    pub(crate) fn put(
        &mut self,
        map: &Declared,
        owner: &Owner,
        key: &str,
        value: &Stored,
        expires: Option<i64>,
    ) -> Result<(), StoreError> {
        let map = self.names.collection_or_new(self.connection, map)?;
        let owner = self.names.owner_or_new(self.connection, owner)?;
        let sql = "INSERT OR REPLACE INTO map_value (collection, owner, key, version, expires, value) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(
            sql,
            params![map, owner, key, value.version, expires, &*value.json],
        )
    }

    pub(crate) fn delete(
        &mut self,
        map: &Declared,
        owner: &Owner,
        key: &str,
    ) -> Result<(), StoreError> {
        let Some((map, owner)) = self.known(map, owner)? else {
            return Ok(());
        };
        let sql = "DELETE FROM map_value WHERE collection = ?1 AND owner = ?2 AND key = ?3";
        self.execute(sql, params![map, owner, key])
    }

    pub(crate) fn clear(
        &mut self,
        map: &Declared,
        owner: &Owner,
        prefix: &str,
    ) -> Result<(), StoreError> {
        let Some((map, owner)) = self.known(map, owner)? else {
            return Ok(());
        };
        match after_prefix(prefix) {
            Some(end) => {
                let sql = "DELETE FROM map_value WHERE collection = ?1 AND owner = ?2 AND key >= ?3 AND key < ?4";
                self.execute(sql, params![map, owner, prefix, end])
            }
            None => {
                let sql =
                    "DELETE FROM map_value WHERE collection = ?1 AND owner = ?2 AND key >= ?3";
                self.execute(sql, params![map, owner, prefix])
            }
        }
    }

    pub(crate) fn expire(&mut self, now: i64) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM map_value WHERE expires IS NOT NULL AND expires <= ?1",
            params![now],
        )
    }

    /// Removes everything of an owner, and the owner.
    pub(crate) fn delete_owner(&mut self, owner: &Owner) -> Result<(), StoreError> {
        let Some(id) = self.names.owner(self.connection, owner)? else {
            return Ok(());
        };
        let collections: Vec<i64> = self
            .connection
            .prepare_cached("SELECT id FROM collection")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(from_sqlite)?;
        for collection in collections {
            let of = params![collection, id];
            self.execute(
                "DELETE FROM map_value WHERE collection = ?1 AND owner = ?2",
                of,
            )?;
            self.unindex_owner(collection, id)?;
            self.delete_entries(
                "DELETE FROM log_entry WHERE collection = ?1 AND owner = ?2 RETURNING body",
                of,
            )?;
            self.execute(
                "DELETE FROM log_head WHERE collection = ?1 AND owner = ?2",
                of,
            )?;
            self.heads.remove(&(collection, id));
        }
        self.execute("DELETE FROM owner WHERE id = ?1", params![id])?;
        self.names.forget_owner(owner);
        Ok(())
    }
}

/// The least text above every text that starts with `prefix`; `None` when there is none.
pub(crate) fn after_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_ends_right_after_its_last_text() {
        check("a", Some("b"));
        check("ab", Some("ac"));
        check("", None);
        check("a\u{10ffff}", Some("b"));
        check("\u{10ffff}", None);
        check("\u{d7ff}", Some("\u{e000}"));
    }

    #[track_caller]
    fn check(prefix: &str, end: Option<&str>) {
        assert_eq!(after_prefix(prefix).as_deref(), end, "{prefix:?}");
    }
}
