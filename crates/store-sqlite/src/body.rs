//! Bodies during one transaction: references are counted in memory and each body is written once, at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use store::{BodyId, StoreError};

use crate::error::from_sqlite;

/// The bodies a transaction touches.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    touched: BTreeMap<BodyId, Touched>,
    /// Those the current batch put, which need a reference by its end.
    put: Vec<BodyId>,
}

#[derive(Debug)]
struct Touched {
    /// References in the table; `None` when it is not there.
    before: Option<i64>,
    /// References now; `None` when it is not to be there.
    now: Option<i64>,
    /// The text, where it is a new one.
    text: Option<Arc<str>>,
}

impl Bodies {
    pub(crate) fn put(
        &mut self,
        connection: &Connection,
        id: BodyId,
        xml: &Arc<str>,
    ) -> Result<(), StoreError> {
        let body = self.touch(connection, id)?;
        if body.now.is_some() {
            return Err(StoreError::BodyTaken { id: id.0 });
        }
        body.now = Some(0);
        body.text = Some(Arc::clone(xml));
        self.put.push(id);
        Ok(())
    }

    /// The same of a body that is known to be new.
    pub(crate) fn put_new(&mut self, id: BodyId, xml: &Arc<str>) {
        let body = Touched {
            before: None,
            now: Some(0),
            text: Some(Arc::clone(xml)),
        };
        self.touched.insert(id, body);
        self.put.push(id);
    }

    pub(crate) fn take(&mut self, connection: &Connection, id: BodyId) -> Result<(), StoreError> {
        let body = self.touch(connection, id)?;
        let references = body.now.ok_or(StoreError::NoSuchBody { id: id.0 })?;
        body.now = Some(references + 1);
        Ok(())
    }

    pub(crate) fn give_back(
        &mut self,
        connection: &Connection,
        id: BodyId,
    ) -> Result<(), StoreError> {
        let body = self.touch(connection, id)?;
        body.now = body
            .now
            .map(|references| references - 1)
            .filter(|references| *references > 0);
        Ok(())
    }

    /// A body's text, if it is there.
    pub(crate) fn text(
        &self,
        connection: &Connection,
        id: BodyId,
    ) -> Result<Option<Arc<str>>, StoreError> {
        match self.touched.get(&id) {
            Some(Touched { now: None, .. }) => return Ok(None),
            Some(Touched {
                text: Some(text), ..
            }) => return Ok(Some(Arc::clone(text))),
            _ => {}
        }
        connection
            .prepare_cached("SELECT xml FROM body WHERE id = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([column(id)], |row| row.get(0))
                    .optional()
            })
            .map_err(from_sqlite)
    }

    /// Drops what the batch put and nothing refers to.
    pub(crate) fn end_batch(&mut self) {
        for id in self.put.drain(..) {
            if let Some(body) = self.touched.get_mut(&id) {
                body.now = body.now.filter(|references| *references > 0);
            }
        }
    }

    /// Writes what has changed.
    pub(crate) fn flush(self, connection: &Connection) -> Result<(), StoreError> {
        for (id, body) in self.touched {
            let id = column(id);
            let written = match (body.before, body.now, body.text) {
                (None, None, _) => continue,
                (Some(before), Some(now), None) if before == now => continue,
                (Some(_), None, _) => connection
                    .prepare_cached("DELETE FROM body WHERE id = ?1")
                    .and_then(|mut statement| statement.execute([id])),
                (_, Some(now), Some(text)) => connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO body (id, refs, xml) VALUES (?1, ?2, ?3)",
                    )
                    .and_then(|mut statement| statement.execute(params![id, now, &*text])),
                (_, Some(now), None) => connection
                    .prepare_cached("UPDATE body SET refs = ?2 WHERE id = ?1")
                    .and_then(|mut statement| statement.execute(params![id, now])),
            };
            written.map_err(from_sqlite)?;
        }
        Ok(())
    }

    fn touch(&mut self, connection: &Connection, id: BodyId) -> Result<&mut Touched, StoreError> {
        use std::collections::btree_map::Entry;
        match self.touched.entry(id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let before = connection
                    .prepare_cached("SELECT refs FROM body WHERE id = ?1")
                    .and_then(|mut statement| {
                        statement
                            .query_row([column(id)], |row| row.get(0))
                            .optional()
                    })
                    .map_err(from_sqlite)?;
                Ok(unknown.insert(Touched {
                    before,
                    now: before,
                    text: None,
                }))
            }
        }
    }
}

/// An id as its column holds it; one that no column holds is found nowhere.
fn column(id: BodyId) -> i64 {
    i64::try_from(id.0).unwrap_or(-1)
}
