//! The tables: one connection that writes, one transaction per group of batches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Params, config::DbConfig};
use store::{Batch, BodyId, Declared, EntryId, Op, Owner, StoreError, Trim};

use crate::body::Bodies;
use crate::error::from_sqlite;
use crate::folder::FILE;
use crate::journal::{Below, Pending, Value};
use crate::limits::{BUSY_WAIT_MS, STATEMENTS_MAX, WAL_BYTES_KEPT, WRITER_CACHE_KIB};
use crate::names::Names;
use crate::schema;
use crate::words::Indexed;
use crate::writer::Durability;

/// The file with the tables, open to be written.
pub(crate) struct Tables {
    connection: Connection,
    names: Names,
    heads: Heads,
    searched: Searched,
    /// Whether what was removed can still be read in the write-ahead log.
    scrub_owed: bool,
    probe: Option<Probe>,
}

/// Called before every operation and before every commit; an error of its ends the transaction.
pub(crate) type Probe = Box<dyn FnMut() -> Result<(), StoreError> + Send>;

/// How far the tables are in the journal of which store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    /// The store.
    pub(crate) store: u64,
    /// The newest frame whose batches are in the tables.
    pub(crate) number: u64,
}

/// The newest id each log ever had, by the numbers of collection and owner.
pub(crate) type Heads = BTreeMap<(i64, i64), EntryId>;

/// How far logs are indexed, by the same; `None` for one that is not.
pub(crate) type Searched = BTreeMap<(i64, i64), Option<Indexed>>;

impl Tables {
    /// Opens the tables in a data folder, making what is missing, and brings them to today's schema.
    pub(crate) fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let mut connection = Connection::open(folder.join(FILE)).map_err(from_sqlite)?;
        set_up(&connection, durability).map_err(from_sqlite)?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            connection,
            names: Names::default(),
            heads: Heads::new(),
            searched: Searched::new(),
            scrub_owed: false,
            probe: None,
        })
    }

    /// See [`Sqlite::bound_pages`](crate::Sqlite::bound_pages).
    pub(crate) fn bound_pages(&self, pages_max: u32) -> Result<(), StoreError> {
        let set =
            self.connection
                .pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()));
        set.map_err(from_sqlite)
    }

    /// See [`Sqlite::set_secure_delete`](crate::Sqlite::set_secure_delete).
    pub(crate) fn set_secure_delete(&self, how: &str) -> Result<(), StoreError> {
        self.connection
            .pragma_update_and_check(None, "secure_delete", how, |_| Ok(()))
            .map_err(from_sqlite)
    }

    pub(crate) fn set_probe(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// Calls the probe, where there is one.
    pub(crate) fn probe(&mut self) -> Result<(), StoreError> {
        probed(&mut self.probe)
    }

    /// How far they are.
    pub(crate) fn carried(&self) -> Result<Carried, StoreError> {
        self.connection
            .query_row("SELECT store, number FROM journal", [], |row| {
                Ok(Carried {
                    store: row.get::<_, i64>(0)?.cast_unsigned(),
                    number: row.get::<_, i64>(1)?.cast_unsigned(),
                })
            })
            .map_err(from_sqlite)
    }

    /// Makes a copy a store of its own, one file without a journal.
    pub(crate) fn become_another(self) -> Result<(), StoreError> {
        self.connection
            .execute_batch(
                "UPDATE journal SET store = random(), number = 0; PRAGMA journal_mode = DELETE",
            )
            .map_err(from_sqlite)
    }

    /// The newest body.
    pub(crate) fn newest_body(&self) -> Result<BodyId, StoreError> {
        let newest: Option<i64> = self
            .connection
            .query_row("SELECT max(id) FROM body", [], |row| row.get(0))
            .map_err(from_sqlite)?;
        Ok(BodyId(newest.unwrap_or(0).cast_unsigned()))
    }

    /// The newest id a log ever had.
    pub(crate) fn newest(
        &mut self,
        log: &Declared,
        owner: &Owner,
    ) -> Result<Option<EntryId>, StoreError> {
        let mut reading = self.writing();
        match reading.known(log, owner)? {
            Some((log, owner)) => reading.head(log, owner),
            None => Ok(None),
        }
    }

    /// Stores batches, all or nothing.
    pub(crate) fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        self.transaction(|writing, probe| {
            for batch in batches {
                for op in batch.ops() {
                    probed(probe)?;
                    writing.op(op)?;
                }
                writing.bodies.end_batch();
            }
            Ok(())
        })?;
        let mut ops = batches.iter().flat_map(|batch| batch.ops());
        self.scrub_owed |= ops.any(|op| matches!(op, Op::Scrub));
        if self.scrub_owed {
            self.scrub();
        }
        Ok(())
    }

    /// Stores what a part of the journal comes to, and that everything up to frame `number` is here.
    pub(crate) fn carry(&mut self, pending: &Pending, number: u64) -> Result<(), StoreError> {
        self.transaction(|writing, probe| {
            for (id, body) in &pending.bodies {
                writing.bodies.put_new(*id, &body.xml);
            }
            for (owner, owned) in &pending.owners {
                for ((_, key), Value { map, value }) in &owned.values {
                    probed(probe)?;
                    match value {
                        Some((value, expires)) => writing.put(map, owner, key, value, *expires)?,
                        None => writing.delete(map, owner, key)?,
                    }
                }
                for log in owned.logs.values() {
                    for entry in log.entries.values() {
                        probed(probe)?;
                        writing.append(&log.log, owner, entry)?;
                    }
                    let newest = log.appended.map(|(_, newest)| newest);
                    if let Some(newest) = newest.filter(|id| !log.entries.contains_key(id)) {
                        writing.keep_head(&log.log, owner, newest)?;
                    }
                }
            }
            // After all entries: one may keep the body of one that goes.
            for (owner, owned) in &pending.owners {
                for log in owned.logs.values() {
                    for below in &log.below {
                        probed(probe)?;
                        match *below {
                            Below::Trim(first, last) => {
                                writing.trim(&log.log, owner, Trim::Range(first, last))?;
                            }
                            Below::Done(first, last) => {
                                writing.done(&log.log, owner, first, last)?;
                            }
                        }
                    }
                }
            }
            writing.bodies.end_batch();
            writing.execute("UPDATE journal SET number = ?1", [number.cast_signed()])
        })?;
        if self.scrub_owed {
            self.scrub();
        }
        Ok(())
    }

    /// Ends what a failure left open. SQLite may have rolled it back itself.
    fn roll_back(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection
            .execute_batch("ROLLBACK")
            .map_err(from_sqlite)
    }

    /// Moves the write-ahead log into the file and cuts it to nothing: it has the pages as they were before. Waits for
    /// no reader; when one still reads what was before, the next transaction tries again.
    fn scrub(&mut self) {
        let wait = |milliseconds| {
            self.connection
                .busy_timeout(Duration::from_millis(milliseconds))
        };
        let busy: rusqlite::Result<bool> = wait(0).and_then(|()| {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.connection.query_row(sql, [], |row| row.get(0))
        });
        self.scrub_owed = !matches!(busy, Ok(false));
        // What fails here fails at the next transaction, which says so.
        let _waits = wait(BUSY_WAIT_MS);
    }

    /// Runs one transaction, all or nothing.
    fn transaction(
        &mut self,
        write: impl FnOnce(&mut Writing<'_>, &mut Option<Probe>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let done = self.try_transaction(write);
        if done.is_err() {
            // What we remember of it is wrong now.
            self.names = Names::default();
            self.heads.clear();
            self.searched.clear();
            self.roll_back()?;
        }
        done
    }

    fn try_transaction(
        &mut self,
        write: impl FnOnce(&mut Writing<'_>, &mut Option<Probe>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(from_sqlite)?;
        let mut probe = self.probe.take();
        let mut writing = self.writing();
        let written = write(&mut writing, &mut probe);
        let bodies = writing.bodies;
        let written = written
            .and_then(|()| bodies.flush(&self.connection))
            .and_then(|()| probed(&mut probe));
        self.probe = probe;
        written?;
        self.connection.execute_batch("COMMIT").map_err(from_sqlite)
    }

    fn writing(&mut self) -> Writing<'_> {
        Writing {
            connection: &self.connection,
            names: &mut self.names,
            heads: &mut self.heads,
            searched: &mut self.searched,
            bodies: Bodies::default(),
        }
    }
}

fn probed(probe: &mut Option<Probe>) -> Result<(), StoreError> {
    probe.as_mut().map_or(Ok(()), |probe| probe())
}

fn set_up(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_WAIT_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    keep_plans(connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // What is removed is overwritten, in pages that become free as well.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))
}

/// Statements are planned without looking at the values they get. With SQLite's statistics compiled in, other values mean
/// another plan, and every execution would plan anew.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(|_| ())
}

/// One transaction on its way; its operations stand in `map`, `log` and `body`.
pub(crate) struct Writing<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) names: &'a mut Names,
    pub(crate) heads: &'a mut Heads,
    pub(crate) searched: &'a mut Searched,
    pub(crate) bodies: Bodies,
}

impl Writing<'_> {
    fn op(&mut self, op: &Op) -> Result<(), StoreError> {
        match op {
            Op::Put {
                collection,
                owner,
                key,
                value,
                expires,
            } => self.put(collection, owner, key, value, *expires),
            Op::Delete {
                collection,
                owner,
                key,
            } => self.delete(collection, owner, key),
            Op::Clear {
                collection,
                owner,
                prefix,
            } => self.clear(collection, owner, prefix),
            Op::Expire { now } => self.expire(*now),
            Op::Append {
                collection,
                owner,
                entry,
            } => self.append(collection, owner, entry),
            Op::Trim {
                collection,
                owner,
                which,
            } => self.trim(collection, owner, *which),
            Op::Done {
                collection,
                owner,
                first,
                last,
            } => self.done(collection, owner, *first, *last),
            Op::Tombstone {
                collection,
                owner,
                id,
                xml,
                class,
            } => self.tombstone(collection, owner, *id, xml, *class),
            Op::Index {
                collection,
                owner,
                entries_max,
            } => self.index(collection, owner, *entries_max),
            Op::Unindex {
                collection,
                owner,
                entries_max,
            } => self.unindex(collection, owner, *entries_max),
            // After the commit.
            Op::Scrub => Ok(()),
            Op::PutBody { id, xml } => self.bodies.put(self.connection, *id, xml),
            Op::RefBody { id } => self.bodies.take(self.connection, *id),
            Op::UnrefBody { id } => self.bodies.give_back(self.connection, *id),
            Op::DeleteOwner { owner } => self.delete_owner(owner),
            // `Op` may grow; a back end that does not know an operation must not pretend.
            other => Err(StoreError::Damaged {
                detail: format!("this back end does not know {other:?}"),
            }),
        }
    }

    pub(crate) fn execute(&self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        let run = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values));
        run.map(|_| ()).map_err(from_sqlite)
    }

    /// The numbers of a collection and an owner, when both have one: otherwise there is nothing of theirs.
    pub(crate) fn known(
        &mut self,
        collection: &Declared,
        owner: &Owner,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let collection = self.names.collection(self.connection, collection)?;
        let owner = self.names.owner(self.connection, owner)?;
        Ok(collection.zip(owner))
    }
}
