//! Waiting for a batch, and hearing of all of them.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::StoreError;
use crate::gate::{Gate, Seq};
use crate::store::Store;

/// A run of batches with the same fate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settlement {
    /// The first batch.
    pub first: Seq,
    /// The last batch.
    pub last: Seq,
    /// Stored, or why not.
    pub outcome: Result<(), StoreError>,
}

/// Hears of every batch right after its gate opened or failed, in order, on the driver's thread and under no lock of the
/// store. It wakes sessions and bounces what failed; it must not block.
pub trait Observer: Send + Sync {
    /// These batches are settled.
    fn settled(&self, settlement: &Settlement);
}

/// Resolves when a batch is durable, or to [`StoreError::NotStored`] when it failed.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Settled {
    store: Store,
    seq: Seq,
    ticket: Option<u64>,
}

impl Settled {
    pub(crate) fn new(store: Store, seq: Seq) -> Self {
        Self {
            store,
            seq,
            ticket: None,
        }
    }
}

impl Future for Settled {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.store.wait(this.seq, &mut this.ticket, cx.waker()) {
            Gate::Pending => Poll::Pending,
            Gate::Durable => Poll::Ready(Ok(())),
            Gate::Failed => Poll::Ready(Err(StoreError::NotStored)),
        }
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.store.forget_waiter(self.seq, ticket);
        }
    }
}
