//! The memory back end: everything in ordered maps, deterministic, for tests and simulations. What [`Memory::apply`] took
//! is "on disk": it outlives any [`Store`] made over it, so that a test kills a server by dropping its store.

mod apply;
mod read;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::{Backend, Reader};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::query::{Answer, Query};
use crate::store::Store;
use state::State;

/// A disk in memory. Clones are handles on the same disk; [`image`](Self::image) is a copy of it.
#[derive(Clone, Debug)]
pub struct Memory {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    state: State,
    fault: Option<(usize, StoreError)>,
    is_full: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty disk.
    pub fn new() -> Self {
        let this = Self::plain();
        this.disk().state.offers.full_text = true;
        this
    }

    /// An empty disk of a back end that offers nothing besides what every one must.
    pub fn plain() -> Self {
        Self {
            disk: Arc::default(),
        }
    }

    /// A store over this disk whose reads are answered on the spot. Drive it with [`Store::turn`].
    ///
    /// # Errors
    ///
    /// None; the contract has one.
    pub fn store(&self) -> Result<Store, StoreError> {
        Store::inline(self.clone())
    }

    /// A copy of what is on this disk now, for tests of what a lost power supply leaves.
    pub fn image(&self) -> Self {
        Self {
            disk: Arc::new(Mutex::new(self.disk().clone())),
        }
    }

    /// Makes the next [`apply`](Backend::apply) fail with `error` after so many operations, unless it has fewer.
    pub fn fail_after(&self, operations: usize, error: StoreError) {
        self.disk().fault = Some((operations, error));
    }

    /// Makes every [`apply`](Backend::apply) fail with [`StoreError::Full`] until there is room again.
    pub fn set_full(&self, is_full: bool) {
        self.disk().is_full = is_full;
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        let mut disk = self.disk();
        let fault = match disk.is_full {
            true => Some((0, StoreError::Full)),
            false => disk.fault.take(),
        };
        disk.state.apply(batches, fault)
    }
}

impl Reader for Memory {
    fn read(&mut self, queries: &[Query]) -> Result<Vec<Answer>, StoreError> {
        let disk = self.disk();
        Ok(queries
            .iter()
            .map(|query| disk.state.answer(query))
            .collect())
    }
}
