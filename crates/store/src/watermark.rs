//! How far batches are settled: told without a lock while nothing has failed, and waited for.
//!
//! What became of each batch is kept under the queue's lock; a copy of the last number beside it is what gates are
//! read from. The copy is written last: who sees it sees the fates up to it.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::task::Waker;

use crate::failed::FailedRanges;
use crate::gate::{Gate, Seq};
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering};

/// Who waits: for which number, then in the order of asking.
type WaiterKey = (u64, u64);

/// What became of batches, and who wants to know. Part of what the lock guards.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// The last number whose fate is known.
    pub(crate) settled: u64,
    failed: FailedRanges,
    waiters: BTreeMap<WaiterKey, Waker>,
    tickets: u64,
}

impl Fates {
    pub(crate) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn of(&self, seq: Seq) -> Gate {
        if seq.0 > self.settled {
            Gate::Pending
        } else if self.failed.contains(seq.0) {
            Gate::Failed
        } else {
            Gate::Durable
        }
    }
}

/// The queue's lock, and what is known without it.
#[derive(Debug, Default)]
pub(crate) struct Watermark<Q> {
    queue: Mutex<Q>,
    /// Copy of [`Fates::settled`].
    settled: AtomicU64,
    any_failed: AtomicBool,
}

impl<Q: AsMut<Fates>> Watermark<Q> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Q> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of a batch. One atomic load while it is pending, two while nothing has failed.
    pub(crate) fn gate(&self, seq: Seq) -> Gate {
        if seq == Seq::NONE {
            return Gate::Durable;
        }
        if seq.0 > self.settled.load(Ordering::Acquire) {
            return Gate::Pending;
        }
        if self.any_failed.load(Ordering::Acquire) {
            return self.lock().as_mut().of(seq);
        }
        Gate::Durable
    }

    /// The gate of `seq`; while it is pending, `waker` is kept under `ticket`.
    pub(crate) fn wait(&self, seq: Seq, ticket: &mut Option<u64>, waker: &Waker) -> Gate {
        match self.gate(seq) {
            Gate::Pending => {}
            known => return known,
        }
        let mut queue = self.lock();
        let fates = queue.as_mut();
        // It may have settled since; from here on whoever settles it finds the waker.
        let gate = fates.of(seq);
        if gate == Gate::Pending {
            let ticket = *ticket.get_or_insert_with(|| fates.ticket());
            fates.waiters.insert((seq.0, ticket), waker.clone());
        }
        gate
    }

    pub(crate) fn forget_waiter(&self, seq: Seq, ticket: u64) {
        self.lock().as_mut().waiters.remove(&(seq.0, ticket));
    }

    /// Under the lock: the batches up to `last` are settled, those of `failed`, from first to last, as failed. Gives
    /// who is to be woken once the lock is free.
    pub(crate) fn settle(
        &self,
        queue: &mut Q,
        last: Seq,
        failed: impl Iterator<Item = (Seq, Seq)>,
    ) -> Vec<Waker> {
        let fates = queue.as_mut();
        for (first, last) in failed {
            fates.failed.push(first.0, last.0);
            self.any_failed.store(true, Ordering::Release);
        }
        fates.settled = last.0;
        self.settled.store(last.0, Ordering::Release);
        let later = fates.waiters.split_off(&(last.0 + 1, 0));
        std::mem::replace(&mut fates.waiters, later)
            .into_values()
            .collect()
    }
}
