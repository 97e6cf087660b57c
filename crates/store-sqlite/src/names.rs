//! The numbers of owners and collections, remembered by the writer.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use store::{Declared, Owner, Shape, StoreError};

use crate::error::from_sqlite;
use crate::limits::REMEMBERED_MAX;

/// What the writer knows without asking the tables. Forgotten as a whole when a transaction is rolled back.
#[derive(Debug, Default)]
pub(crate) struct Names {
    collections: BTreeMap<&'static str, (i64, u16)>,
    owners: BTreeMap<Owner, i64>,
}

impl Names {
    /// The number of an owner, if it has one.
    pub(crate) fn owner(
        &mut self,
        connection: &Connection,
        owner: &Owner,
    ) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self.owners.get(owner) {
            return Ok(Some(*id));
        }
        let id = connection
            .prepare_cached("SELECT id FROM owner WHERE name = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([owner.to_string()], |row| row.get(0))
                    .optional()
            })
            .map_err(from_sqlite)?;
        if let Some(id) = id {
            self.remember(owner, id);
        }
        Ok(id)
    }

    /// The number of an owner, given now if it has none.
    pub(crate) fn owner_or_new(
        &mut self,
        connection: &Connection,
        owner: &Owner,
    ) -> Result<i64, StoreError> {
        if let Some(id) = self.owner(connection, owner)? {
            return Ok(id);
        }
        let id = connection
            .prepare_cached("INSERT INTO owner (name) VALUES (?1)")
            .and_then(|mut statement| statement.insert([owner.to_string()]))
            .map_err(from_sqlite)?;
        self.remember(owner, id);
        Ok(id)
    }

    /// Forgets an owner that was removed.
    pub(crate) fn forget_owner(&mut self, owner: &Owner) {
        self.owners.remove(owner);
    }

    /// The number of a collection, if it has one.
    pub(crate) fn collection(
        &mut self,
        connection: &Connection,
        declared: &Declared,
    ) -> Result<Option<i64>, StoreError> {
        if let Some((id, _)) = self.collections.get(declared.name) {
            return Ok(Some(*id));
        }
        let found: Option<(i64, u16)> = connection
            .prepare_cached("SELECT id, version FROM collection WHERE name = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([declared.name], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(from_sqlite)?;
        if let Some(known) = found {
            self.collections.insert(declared.name, known);
        }
        Ok(found.map(|(id, _)| id))
    }

    /// The number of a collection that is written to; its version on disk becomes at least the declared one.
    pub(crate) fn collection_or_new(
        &mut self,
        connection: &Connection,
        declared: &Declared,
    ) -> Result<i64, StoreError> {
        let version = declared.version.0;
        let id = match self.collection(connection, declared)? {
            Some(id)
                if self
                    .collections
                    .get(declared.name)
                    .is_some_and(|(_, known)| *known >= version) =>
            {
                return Ok(id);
            }
            Some(id) => {
                connection
                    .execute(
                        "UPDATE collection SET version = ?2 WHERE id = ?1",
                        params![id, version],
                    )
                    .map_err(from_sqlite)?;
                id
            }
            None => {
                let shape = match declared.shape {
                    Shape::Map => "map",
                    Shape::Log => "log",
                };
                connection
                    .prepare_cached(
                        "INSERT INTO collection (name, shape, version) VALUES (?1, ?2, ?3)",
                    )
                    .and_then(|mut statement| {
                        statement.insert(params![declared.name, shape, version])
                    })
                    .map_err(from_sqlite)?
            }
        };
        self.collections.insert(declared.name, (id, version));
        Ok(id)
    }

    fn remember(&mut self, owner: &Owner, id: i64) {
        if self.owners.len() >= REMEMBERED_MAX {
            self.owners.clear();
        }
        self.owners.insert(owner.clone(), id);
    }
}
