//! The writing half: one connection, one transaction per group of batches.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Params, config::DbConfig};
use store::{Backend, Batch, Declared, EntryId, Op, Owner, StoreError};

use crate::body::Bodies;
use crate::error::from_sqlite;
use crate::folder::{self, FILE};
use crate::limits::{BUSY_WAIT_MS, STATEMENTS_MAX, WAL_BYTES_KEPT, WRITER_CACHE_KIB};
use crate::names::Names;
use crate::reader::SqliteReader;
use crate::schema;
use crate::words::Indexed;

/// What a stored batch survives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// A power cut: the log is synced to the disk before a transaction counts as stored.
    #[default]
    Full,
    /// The end of the process by whatever means (kill -9), but not a power cut, which may take the last transactions
    /// and never a part of one.
    Process,
}

/// A store on disk, locked for this process. It is the writing half; [`reader`](Self::reader) makes reading ones.
pub struct Sqlite {
    // Before the lock, so that the file is closed while it is still ours.
    connection: Connection,
    names: Names,
    heads: Heads,
    searched: Searched,
    /// Whether what was removed can still be read in the write-ahead log.
    scrub_owed: bool,
    folder: PathBuf,
    probe: Option<Probe>,
    _lock: File,
}

/// The newest id each log ever had, by the numbers of collection and owner.
pub(crate) type Heads = BTreeMap<(i64, i64), EntryId>;

/// How far logs are indexed, by the same; `None` for one that is not.
pub(crate) type Searched = BTreeMap<(i64, i64), Option<Indexed>>;

/// See [`Sqlite::probe`].
type Probe = Box<dyn FnMut() -> Result<(), StoreError> + Send>;

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the store in a data folder, making what is missing, and brings it to today's schema.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] when a process has it open, [`StoreError::NewerSchema`] when a newer server wrote it,
    /// [`StoreError::Damaged`] when it is no store, or what the file system says.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let lock = folder::lock(folder)?;
        let mut connection = Connection::open(folder.join(FILE)).map_err(from_sqlite)?;
        set_up(&connection, durability).map_err(from_sqlite)?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            connection,
            names: Names::default(),
            heads: Heads::new(),
            searched: Searched::new(),
            scrub_owed: false,
            folder: folder.to_owned(),
            probe: None,
            _lock: lock,
        })
    }

    /// A reading half. There may be as many as there are threads to read with.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(&self.folder.join(FILE))
    }

    /// Bounds the file, in pages of 4 KiB; past it writes fail with [`StoreError::Full`]. Not below its size now.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn bound_pages(&self, pages_max: u32) -> Result<(), StoreError> {
        let set =
            self.connection
                .pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()));
        set.map_err(from_sqlite)
    }

    /// Whether removed bytes are overwritten: `ON`, which is how a store is opened, `FAST` or `OFF`. For measurements.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn set_secure_delete(&self, how: &str) -> Result<(), StoreError> {
        self.connection
            .pragma_update_and_check(None, "secure_delete", how, |_| Ok(()))
            .map_err(from_sqlite)
    }

    /// Calls `probe` before every operation and before every commit; when it fails, the transaction does. For tests of
    /// crashes.
    pub fn probe(&mut self, probe: impl FnMut() -> Result<(), StoreError> + Send + 'static) {
        self.probe = Some(Box::new(probe));
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

    fn transaction(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(from_sqlite)?;
        let mut writing = Writing {
            connection: &self.connection,
            names: &mut self.names,
            heads: &mut self.heads,
            searched: &mut self.searched,
            bodies: Bodies::default(),
        };
        for batch in batches {
            for op in batch.ops() {
                if let Some(probe) = &mut self.probe {
                    probe()?;
                }
                writing.op(op)?;
            }
            writing.bodies.end_batch();
        }
        writing.bodies.flush(&self.connection)?;
        if let Some(probe) = &mut self.probe {
            probe()?;
        }
        self.connection.execute_batch("COMMIT").map_err(from_sqlite)
    }
}

impl Backend for Sqlite {
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        let done = self.transaction(batches);
        if done.is_err() {
            // What we remember of it is wrong now.
            self.names = Names::default();
            self.heads.clear();
            self.searched.clear();
            self.roll_back()?;
            return done;
        }
        let mut ops = batches.iter().flat_map(|batch| batch.ops());
        self.scrub_owed |= ops.any(|op| matches!(op, Op::Scrub));
        if self.scrub_owed {
            self.scrub();
        }
        done
    }
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
