//! The writing half: batches go to the journal, or, where only the tables can tell what they do, to the tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use store::{Backend, Batch, BodyId, Declared, EntryId, Op, Owner, StoreError};

use crate::folder::{self, FILE};
use crate::journal::{Heads, is_kept};
use crate::limits::REMEMBERED_MAX;
use crate::reader::SqliteReader;
use crate::shared::Shared;

/// What a stored batch survives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// A power cut: it is synced to the disk before it counts as stored.
    #[default]
    Full,
    /// The end of the process by whatever means (kill -9), but not a power cut, which may take the last transactions
    /// and never a part of one.
    Process,
}

/// A store on disk, locked for this process. It is the writing half; [`reader`](Self::reader) makes reading ones.
///
/// Dropping it carries everything over to the tables and closes them.
pub struct Sqlite {
    shared: Arc<Shared>,
    heads: Heads,
    heads_len: usize,
    newest_body: BodyId,
    /// Whether there is a [probe](Self::probe).
    is_probed: bool,
    folder: PathBuf,
    _lock: File,
}

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
        let shared = Shared::open(folder, durability)?;
        Ok(Self {
            newest_body: shared.with_tables(|tables| tables.newest_body())?,
            shared: Arc::new(shared),
            heads: Heads::new(),
            heads_len: 0,
            is_probed: false,
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// A reading half. There may be as many as there are threads to read with.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(&self.folder.join(FILE), Arc::clone(&self.shared))
    }

    /// Who carries over what is in the journal to the tables, from a thread beside the writer's.
    pub fn carrier(&self) -> Carrier {
        Carrier {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Carries everything over to the tables, where `sqlite3` shows it.
    ///
    /// # Errors
    ///
    /// What SQLite says; nothing is lost then.
    pub fn carry(&self) -> Result<(), StoreError> {
        self.shared.carry()
    }

    /// Bounds the file with the tables, in pages of 4 KiB; past it writes fail with [`StoreError::Full`]. Not below its
    /// size now.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn bound_pages(&self, pages_max: u32) -> Result<(), StoreError> {
        self.shared
            .with_tables(|tables| tables.bound_pages(pages_max))
    }

    /// Whether removed bytes are overwritten: `ON`, which is how a store is opened, `FAST` or `OFF`. For measurements.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn set_secure_delete(&self, how: &str) -> Result<(), StoreError> {
        self.shared
            .with_tables(|tables| tables.set_secure_delete(how))
    }

    /// Calls `probe` before every operation and before every commit; when it fails, the transaction does. For tests of
    /// crashes.
    pub fn probe(&mut self, probe: impl FnMut() -> Result<(), StoreError> + Send + 'static) {
        self.is_probed = true;
        // A closed store has no transactions.
        let _closed = self.shared.with_tables(|tables| {
            tables.set_probe(Box::new(probe));
            Ok(())
        });
    }

    /// Stores batches with one write to the journal; `false` when only the tables can tell what they do.
    fn journal(&mut self, batches: &[Arc<Batch>]) -> Result<bool, StoreError> {
        let ops = || batches.iter().flat_map(|batch| batch.ops());
        if !ops().all(is_kept) || self.shared.is_full() {
            return Ok(false);
        }
        for op in ops() {
            if let Op::Append {
                collection, owner, ..
            } = op
            {
                self.learn_head(collection, owner)?;
            }
        }
        if self.is_probed {
            // As in a transaction: before each, and at the end.
            for _ in 0..=ops().count() {
                self.shared.with_tables(|tables| tables.probe())?;
            }
        }
        let stored = self
            .shared
            .journal(batches, &self.heads, self.newest_body)?;
        let Some(newest_body) = stored else {
            return Ok(false);
        };
        self.newest_body = newest_body;
        for op in ops() {
            self.note_head(op);
        }
        Ok(true)
    }

    /// Stores batches in the tables, behind all that the journal has.
    fn apply_to_tables(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.with_tables(|tables| {
            shared.carry_to(tables)?;
            tables.apply(batches)?;
            let scrub = |op: &Op| matches!(op, Op::Scrub);
            if batches.iter().flat_map(|batch| batch.ops()).any(scrub) {
                shared.empty_journal()?;
            }
            Ok(())
        })?;
        for op in batches.iter().flat_map(|batch| batch.ops()) {
            self.note_head(op);
            match op {
                Op::PutBody { id, .. } => self.newest_body = self.newest_body.max(*id),
                // Its logs begin anew.
                Op::DeleteOwner { .. } => self.forget_heads(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Remembers the newest id of a log, which the tables know.
    fn learn_head(&mut self, log: &Declared, owner: &Owner) -> Result<(), StoreError> {
        let known = self.heads.get(log.name);
        if known.is_some_and(|owners| owners.contains_key(owner)) {
            return Ok(());
        }
        let newest = self.shared.newest(log, owner)?;
        self.set_head(log, owner, newest.unwrap_or_default());
        Ok(())
    }

    fn note_head(&mut self, op: &Op) {
        if let Op::Append {
            collection,
            owner,
            entry,
        } = op
        {
            self.set_head(collection, owner, entry.id);
        }
    }

    fn set_head(&mut self, log: &Declared, owner: &Owner, newest: EntryId) {
        let owners = self.heads.entry(log.name).or_default();
        if let Some(known) = owners.get_mut(owner) {
            *known = newest;
            return;
        }
        owners.insert(owner.clone(), newest);
        self.heads_len += 1;
        if self.heads_len > REMEMBERED_MAX {
            self.forget_heads();
        }
    }

    fn forget_heads(&mut self) {
        self.heads = BTreeMap::new();
        self.heads_len = 0;
    }
}

impl Backend for Sqlite {
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        if self.journal(batches)? {
            return Ok(());
        }
        self.apply_to_tables(batches)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Carries over to the tables what is in the journal, so that it stays short and `sqlite3` shows what is stored.
pub struct Carrier {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}

impl Carrier {
    /// Works until the writing half is dropped. What is stored is in the tables at the latest `within` later; when that
    /// fails, `failed` hears why, and it is tried again.
    pub fn run(self, within: Duration, failed: impl FnMut(&StoreError)) {
        self.shared.keep_carrying(within, failed);
    }
}
