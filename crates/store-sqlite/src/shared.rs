//! What writer, readers and the carrier share: the tables, the journal before them, and what is pending between.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{Batch, BodyId, Declared, EntryId, Owner, Query, StoreError};

use crate::journal::{Check, Heads, Journal, Pending, Runs};
use crate::limits::{CARRIED_BYTES, JOURNAL_BYTES_MAX};
use crate::tables::Tables;
use crate::writer::Durability;

/// Locks are taken in the order of the fields.
pub(crate) struct Shared {
    /// `None` once the store is closed.
    tables: Mutex<Option<Tables>>,
    journal: Mutex<Journal>,
    waiting: Mutex<Waiting>,
    /// Tells the carrier that there is something to do.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// What the current file of the journal comes to.
    fresh: Pending,
    /// What the other file comes to, up to which frame, until it is in the tables.
    carried: Option<(Arc<Pending>, u64)>,
    /// Bytes of the current file.
    bytes: u64,
    closed: bool,
}

impl Waiting {
    /// What is not in the tables, newest first.
    fn parts(&self) -> [Option<&Pending>; 2] {
        let carried = self.carried.as_ref().map(|(carried, _)| &**carried);
        [Some(&self.fresh), carried]
    }
}

impl Shared {
    /// Opens tables and journal, and carries over what a killed process left in the journal.
    pub(crate) fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let mut tables = Tables::open(folder, durability)?;
        let carried = tables.carried()?;
        let mut number = carried.number;
        if let Some((pending, newest)) = Runs::read(folder)?.behind(carried) {
            tables.carry(&pending, newest)?;
            number = newest;
        }
        Ok(Self {
            tables: Mutex::new(Some(tables)),
            journal: Mutex::new(Journal::open(folder, durability, carried.store, number)?),
            waiting: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Does something with the tables, to which nothing is carried over meanwhile.
    pub(crate) fn with_tables<T>(
        &self,
        work: impl FnOnce(&mut Tables) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(lock(&self.tables).as_mut().ok_or(StoreError::Closed)?)
    }

    /// Writes batches to the journal, if they are sound by what is known: see [`Check`]. Otherwise nothing is done, and
    /// the answer is `None`.
    pub(crate) fn journal(
        &self,
        batches: &[Arc<Batch>],
        heads: &Heads,
        newest_body: BodyId,
    ) -> Result<Option<BodyId>, StoreError> {
        let newest_body = {
            let waiting = lock(&self.waiting);
            let mut check = Check::new(waiting.parts(), newest_body);
            if !check.passes(batches, heads) {
                return Ok(None);
            }
            check.newest_body()
        };
        let mut journal = lock(&self.journal);
        journal.append(batches)?;
        // Only then may the files change places.
        let mut waiting = lock(&self.waiting);
        let waiting = &mut *waiting;
        let carried = waiting.carried.as_ref().map(|(carried, _)| &**carried);
        let slept = waiting.bytes == 0;
        let few = waiting.bytes < CARRIED_BYTES;
        waiting.bytes = journal.length();
        for batch in batches {
            waiting.fresh.take(batch.ops(), carried);
        }
        if slept || (few && waiting.bytes >= CARRIED_BYTES) {
            self.changed.notify_one();
        }
        Ok(Some(newest_body))
    }

    /// The newest id a log ever had, as journal and tables know.
    pub(crate) fn newest(
        &self,
        log: &Declared,
        owner: &Owner,
    ) -> Result<Option<EntryId>, StoreError> {
        let pending = {
            let waiting = lock(&self.waiting);
            let mut parts = waiting.parts().into_iter().flatten();
            parts.find_map(|part| part.newest(log, owner))
        };
        match pending {
            Some(newest) => Ok(Some(newest)),
            None => self.with_tables(|tables| tables.newest(log, owner)),
        }
    }

    /// Whether the journal takes no more until something is carried over.
    pub(crate) fn is_full(&self) -> bool {
        lock(&self.waiting).bytes >= JOURNAL_BYTES_MAX
    }

    /// Carries over what an answer to one of these would lack.
    pub(crate) fn carry_for(&self, queries: &[Query]) -> Result<(), StoreError> {
        let concerned = {
            let waiting = lock(&self.waiting);
            let mut parts = waiting.parts().into_iter().flatten();
            parts.any(|part| queries.iter().any(|query| part.concerns(query)))
        };
        if concerned { self.carry() } else { Ok(()) }
    }

    /// Carries over everything that is in the journal now.
    pub(crate) fn carry(&self) -> Result<(), StoreError> {
        // Who comes when the store is closed finds all of it in the tables.
        lock(&self.tables)
            .as_mut()
            .map_or(Ok(()), |tables| self.carry_to(tables))
    }

    /// The same, for who has the tables.
    pub(crate) fn carry_to(&self, tables: &mut Tables) -> Result<(), StoreError> {
        // What an attempt that failed has left is the first part; what came since is the second.
        for _ in 0..2 {
            let Some((part, number)) = self.next_part() else {
                return Ok(());
            };
            tables.carry(&part, number)?;
            lock(&self.waiting).carried = None;
        }
        Ok(())
    }

    /// Cuts the journal to nothing, for who has the tables and has carried everything to them.
    pub(crate) fn empty_journal(&self) -> Result<(), StoreError> {
        lock(&self.journal).empty()
    }

    /// The part that is next; what comes from now on goes to the other file.
    fn next_part(&self) -> Option<(Arc<Pending>, u64)> {
        let mut journal = lock(&self.journal);
        let mut waiting = lock(&self.waiting);
        if waiting.carried.is_none() && waiting.bytes > 0 {
            journal.turn();
            waiting.bytes = 0;
            let part = Arc::new(std::mem::take(&mut waiting.fresh));
            waiting.carried = Some((part, journal.number()));
        }
        waiting.carried.clone()
    }

    /// Carries over what waits, at the latest so long after it came, until the store is closed. An error is told, and
    /// the same tried again.
    pub(crate) fn keep_carrying(&self, within: Duration, mut failed: impl FnMut(&StoreError)) {
        loop {
            let waiting = lock(&self.waiting);
            let waiting = self
                .changed
                .wait_while(waiting, |waiting| {
                    waiting.bytes == 0 && waiting.carried.is_none() && !waiting.closed
                })
                .unwrap_or_else(PoisonError::into_inner);
            let (waiting, _) = self
                .changed
                .wait_timeout_while(waiting, within, |waiting| {
                    waiting.bytes < CARRIED_BYTES && !waiting.closed
                })
                .unwrap_or_else(PoisonError::into_inner);
            if waiting.closed {
                return;
            }
            drop(waiting);
            if let Err(error) = self.carry() {
                failed(&error);
                let waiting = lock(&self.waiting);
                let _slept = self
                    .changed
                    .wait_timeout_while(waiting, within, |waiting| !waiting.closed);
            }
        }
    }

    /// Carries everything over and closes the tables. What cannot be carried stays in the journal for the next start.
    pub(crate) fn close(&self) {
        let mut tables = lock(&self.tables);
        if let Some(open) = tables.as_mut()
            && self.carry_to(open).is_ok()
        {
            // What is left of an error here is numbers that the next start knows to be old.
            let _cut = self.empty_journal();
        }
        *tables = None;
        lock(&self.waiting).closed = true;
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
