//! The reading half: a connection of its own, beside the writer.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, params, params_from_iter};
use store::{
    Answer, BodyId, Declared, Entries, Entry, EntryId, Found, Offers, Owner, Page, Query, Reader,
    Size, StoreError, Stored, ranked,
};

use crate::error::from_sqlite;
use crate::limits::{BUSY_WAIT_MS, READER_CACHE_KIB, STATEMENTS_MAX};
use crate::map::after_prefix;
use crate::page::{Statement, Words, bounded};
use crate::shared::Shared;
use crate::tables::keep_plans;
use crate::words::{matching, rowids};

/// A text that is nowhere.
struct Nothing;

/// Answers queries from what is stored.
pub struct SqliteReader {
    connection: Connection,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteReader").finish_non_exhaustive()
    }
}

impl SqliteReader {
    pub(crate) fn open(file: &Path, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(from_sqlite)?;
        connection
            .busy_timeout(Duration::from_millis(BUSY_WAIT_MS))
            .map_err(from_sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        keep_plans(&connection).map_err(from_sqlite)?;
        connection
            .pragma_update(None, "cache_size", -READER_CACHE_KIB)
            .map_err(from_sqlite)?;
        Ok(Self { connection, shared })
    }

    fn answer(&self, query: &Query) -> Result<Answer, StoreError> {
        match query {
            Query::Get {
                collection,
                owner,
                key,
            } => self.get(collection, owner, key),
            Query::Range {
                collection,
                owner,
                prefix,
            } => self.range(collection, owner, prefix),
            Query::Count { collection, owner } => self.count(collection, owner),
            Query::Holders { collection, key } => self.holders(collection, key),
            Query::Owners { collection } => self.owners(OWNERS, collection),
            Query::OwnersDue { collection } => self.owners(OWNERS_DUE, collection),
            Query::Page {
                collection,
                owner,
                page,
            } => self.page(collection, owner, page),
            Query::PageCount {
                collection,
                owner,
                page,
            } => self.page_count(collection, owner, page),
            Query::PageSize {
                collection,
                owner,
                page,
            } => self.page_size(collection, owner, page),
            Query::Best {
                collection,
                owner,
                page,
            } => match self.page(collection, owner, &page.hits())? {
                Answer::Entries(hits) => Ok(Answer::Entries(ranked(collection, page, hits))),
                other => Ok(other),
            },
            Query::Indexed { collection, owner } => self.indexed(collection, owner),
            Query::IndexedOfAll => {
                let count: Option<i64> =
                    self.one("SELECT ifnull(sum(through), 0) FROM searched", [])?;
                Ok(Answer::Count(count.unwrap_or(0).cast_unsigned()))
            }
            Query::Offers => Ok(Answer::Offers(Offers { full_text: true })),
            Query::Newest { collection, owner } => self.newest(collection, owner),
            Query::Body { id } => self.body(*id),
            Query::NewestBody => {
                let newest: Option<i64> = self.one("SELECT max(id) FROM body", [])?.flatten();
                Ok(Answer::Newest(newest.map(i64::cast_unsigned)))
            }
            Query::Collections => {
                let sql = "SELECT name, version FROM collection ORDER BY name";
                Ok(Answer::Collections(
                    self.rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?,
                ))
            }
            // `Query` may grow; a back end that does not know one must not pretend.
            other => Err(StoreError::Damaged {
                detail: format!("this back end does not know {other:?}"),
            }),
        }
    }

    fn get(&self, map: &Declared, owner: &Owner, key: &str) -> Result<Answer, StoreError> {
        let sql = "SELECT version, value FROM map_value WHERE collection = (SELECT id FROM collection WHERE name = ?1) \
                   AND owner = (SELECT id FROM owner WHERE name = ?2) AND key = ?3";
        let values = self.rows(sql, params![map.name, owner.to_string(), key], |row| {
            stored(row, 0)
        })?;
        Ok(Answer::Value(values.into_iter().next()))
    }

    fn range(&self, map: &Declared, owner: &Owner, prefix: &str) -> Result<Answer, StoreError> {
        const SELECT: &str = "SELECT version, value, key FROM map_value \
                              WHERE collection = (SELECT id FROM collection WHERE name = ?1) \
                              AND owner = (SELECT id FROM owner WHERE name = ?2) AND key >= ?3";
        let read = |row: &Row<'_>| Ok((row.get(2)?, stored(row, 0)?));
        let owner = owner.to_string();
        let values = match after_prefix(prefix) {
            Some(end) => {
                let sql = format!("{SELECT} AND key < ?4 ORDER BY key");
                self.rows(&sql, params![map.name, owner, prefix, end], read)?
            }
            None => self.rows(
                &format!("{SELECT} ORDER BY key"),
                params![map.name, owner, prefix],
                read,
            )?,
        };
        Ok(Answer::Values(values))
    }

    fn count(&self, map: &Declared, owner: &Owner) -> Result<Answer, StoreError> {
        let sql = "SELECT count(*) FROM map_value WHERE collection = (SELECT id FROM collection WHERE name = ?1) \
                   AND owner = (SELECT id FROM owner WHERE name = ?2)";
        let count: Option<i64> = self.one(sql, params![map.name, owner.to_string()])?;
        Ok(Answer::Count(count.unwrap_or(0).cast_unsigned()))
    }

    /// One look-up per owner: an index by key would make every put dearer.
    fn holders(&self, map: &Declared, key: &str) -> Result<Answer, StoreError> {
        let sql = "SELECT v.version, v.value, o.name FROM owner o CROSS JOIN map_value v \
                   WHERE v.collection = (SELECT id FROM collection WHERE name = ?1) AND v.owner = o.id AND v.key = ?2 \
                   ORDER BY o.name";
        let holders = self.rows(sql, params![map.name, key], |row| {
            Ok((row.get(2)?, stored(row, 0)?))
        })?;
        let holders = holders
            .into_iter()
            .map(|(name, value): (String, _)| Ok((owner_of(&name)?, value)));
        Ok(Answer::Holders(holders.collect::<Result<_, StoreError>>()?))
    }

    fn owners(&self, sql: &str, collection: &Declared) -> Result<Answer, StoreError> {
        let names: Vec<String> = self.rows(sql, [collection.name], |row| row.get(0))?;
        Ok(Answer::Owners(
            names
                .iter()
                .map(|name| owner_of(name))
                .collect::<Result<_, _>>()?,
        ))
    }

    fn page(&self, log: &Declared, owner: &Owner, page: &Page) -> Result<Answer, StoreError> {
        let page = &*self.bounded(log, owner, page)?;
        let Ok(words) = self.words(log, owner, page)? else {
            return Ok(Answer::Entries(Entries {
                found: Vec::new(),
                more: false,
            }));
        };
        let statement = Statement::page(log.name, owner, page, words);
        let mut select = self
            .connection
            .prepare_cached(&statement.sql)
            .map_err(from_sqlite)?;
        let rows = select
            .query_map(params_from_iter(statement.values), found)
            .map_err(from_sqlite)?;
        Ok(Answer::Entries(page.fill(rows).map_err(from_sqlite)?))
    }

    fn page_count(&self, log: &Declared, owner: &Owner, page: &Page) -> Result<Answer, StoreError> {
        let page = &*self.bounded(log, owner, page)?;
        let Ok(words) = self.words(log, owner, page)? else {
            return Ok(Answer::Count(0));
        };
        let statement = Statement::count(log.name, owner, page, words);
        let count: Option<i64> = self.one(&statement.sql, params_from_iter(statement.values))?;
        Ok(Answer::Count(count.unwrap_or(0).cast_unsigned()))
    }

    fn page_size(&self, log: &Declared, owner: &Owner, page: &Page) -> Result<Answer, StoreError> {
        let page = &*self.bounded(log, owner, page)?;
        let Ok(words) = self.words(log, owner, page)? else {
            return Ok(Answer::Size(Size::default()));
        };
        let statement = Statement::size(log.name, owner, page, words);
        let sizes = self.rows(&statement.sql, params_from_iter(statement.values), |row| {
            Ok(Size {
                entries: row.get::<_, i64>(0)?.cast_unsigned(),
                bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })?;
        Ok(Answer::Size(sizes.into_iter().next().unwrap_or_default()))
    }

    fn indexed(&self, log: &Declared, owner: &Owner) -> Result<Answer, StoreError> {
        let through = self
            .searched(log, owner)?
            .map(|(_, through)| through.cast_unsigned());
        Ok(Answer::Newest(through.filter(|through| *through > 0)))
    }

    /// The page with bounds of positions where it has bounds of time.
    fn bounded<'a>(
        &self,
        log: &Declared,
        owner: &Owner,
        page: &'a Page,
    ) -> Result<Cow<'a, Page>, StoreError> {
        if page.id.is_some() || (page.start.is_none() && page.end.is_none()) {
            return Ok(Cow::Borrowed(page));
        }
        let bounded = bounded(page, |position| {
            let statement = Statement::first_from(log.name, owner, position);
            let mut select = self.connection.prepare_cached(&statement.sql)?;
            let first = select.query_row(params_from_iter(statement.values), |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
            first.optional()
        });
        Ok(Cow::Owned(bounded.map_err(from_sqlite)?))
    }

    /// Where to look for a page's text; `Err` when nothing can be found.
    fn words(
        &self,
        log: &Declared,
        owner: &Owner,
        page: &Page,
    ) -> Result<Result<Option<Words>, Nothing>, StoreError> {
        let Some(needle) = &page.text else {
            return Ok(Ok(None));
        };
        let (Some(matching), Some((searched, _))) = (matching(needle), self.searched(log, owner)?)
        else {
            return Ok(Err(Nothing));
        };
        let rowids = rowids(searched, page.after, page.before);
        Ok(Ok(Some(Words { matching, rowids })))
    }

    /// The number under which a log is indexed with today's words, and how far.
    fn searched(&self, log: &Declared, owner: &Owner) -> Result<Option<(i64, i64)>, StoreError> {
        let Some(searchable) = log.searchable else {
            return Ok(None);
        };
        let sql = "SELECT id, through FROM searched WHERE collection = (SELECT id FROM collection WHERE name = ?1) \
                   AND owner = (SELECT id FROM owner WHERE name = ?2) AND stamp = ?3";
        let found = self.rows(
            sql,
            params![log.name, owner.to_string(), searchable.stamp()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.into_iter().next())
    }

    fn newest(&self, log: &Declared, owner: &Owner) -> Result<Answer, StoreError> {
        let sql = "WITH this AS (SELECT (SELECT id FROM collection WHERE name = ?1) AS log, \
                                        (SELECT id FROM owner WHERE name = ?2) AS owner) \
                   SELECT nullif(max( \
                       coalesce((SELECT e.id FROM log_entry e WHERE e.collection = this.log AND e.owner = this.owner \
                                 ORDER BY e.id DESC LIMIT 1), 0), \
                       coalesce((SELECT newest FROM log_head h \
                                 WHERE h.collection = this.log AND h.owner = this.owner), 0)), 0) \
                   FROM this";
        let newest: Option<i64> = self
            .one(sql, params![log.name, owner.to_string()])?
            .flatten();
        Ok(Answer::Newest(newest.map(i64::cast_unsigned)))
    }

    fn body(&self, id: BodyId) -> Result<Answer, StoreError> {
        let id = i64::try_from(id.0).unwrap_or(-1);
        let xml: Option<String> = self.one("SELECT xml FROM body WHERE id = ?1", [id])?;
        Ok(Answer::Body(xml.map(Arc::from)))
    }

    fn one<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        values: impl Params,
    ) -> Result<Option<T>, StoreError> {
        let row = |statement: &mut rusqlite::CachedStatement<'_>| {
            statement.query_row(values, |row| row.get(0)).optional()
        };
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| row(&mut statement))
            .map_err(from_sqlite)
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(from_sqlite)?;
        let rows = statement
            .query_map(values, read)
            .and_then(Iterator::collect);
        rows.map_err(from_sqlite)
    }
}

const OWNERS: &str = "SELECT o.name FROM owner o, (SELECT id FROM collection WHERE name = ?1) c \
    WHERE EXISTS (SELECT 1 FROM map_value v WHERE v.collection = c.id AND v.owner = o.id) \
       OR EXISTS (SELECT 1 FROM log_entry e WHERE e.collection = c.id AND e.owner = o.id) \
    ORDER BY o.name";

const OWNERS_DUE: &str = "SELECT name FROM owner WHERE id IN ( \
        SELECT DISTINCT e.owner FROM log_entry e INDEXED BY log_entry_due \
        WHERE e.collection = (SELECT id FROM collection WHERE name = ?1) AND e.due = 1) \
    ORDER BY name";

impl Reader for SqliteReader {
    fn read(&mut self, queries: &[Query]) -> Result<Vec<Answer>, StoreError> {
        self.shared.carry_for(queries)?;
        if !self.connection.is_autocommit() {
            // A panic left its snapshot open.
            self.connection
                .execute_batch("ROLLBACK")
                .map_err(from_sqlite)?;
        }
        if let [query] = queries {
            return Ok(vec![self.answer(query)?]);
        }
        // One read transaction is one snapshot; it begins with the first query and changes nothing.
        self.connection
            .execute_batch("BEGIN")
            .map_err(from_sqlite)?;
        let answers: Result<_, _> = queries.iter().map(|query| self.answer(query)).collect();
        let ended = self.connection.execute_batch("COMMIT").map_err(from_sqlite);
        answers.and_then(|answers| ended.map(|()| answers))
    }
}

fn stored(row: &Row<'_>, at: usize) -> rusqlite::Result<Stored> {
    Ok(Stored {
        version: row.get(at)?,
        json: row.get(at + 1)?,
    })
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found<Stored>> {
    let entry = Entry {
        id: EntryId(row.get::<_, i64>(0)?.cast_unsigned()),
        at: row.get(1)?,
        peer: row.get(2)?,
        sender: row.get(3)?,
        message_id: row.get(4)?,
        class: row.get(5)?,
        due: row.get(6)?,
        body: row
            .get::<_, Option<i64>>(8)?
            .map(|id| BodyId(id.cast_unsigned())),
        data: stored(row, 9)?,
        xml: row.get(11)?,
    };
    Ok(Found {
        entry,
        tombstone: row.get(7)?,
        body: row.get(12)?,
    })
}

fn owner_of(name: &str) -> Result<Owner, StoreError> {
    Owner::parse(name).ok_or_else(|| StoreError::Damaged {
        detail: format!("{name:?} is no owner"),
    })
}
