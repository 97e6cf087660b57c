//! Batches on their way to the disk: one queue in the order of their sequence numbers, taken by the driver in groups.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::backend::Backend;
use crate::batch::{Batch, Op};
use crate::entry::EntryId;
use crate::error::StoreError;
use crate::gate::Seq;
use crate::limits::PENDING_BYTES_MAX;
use crate::owner::Owner;
use crate::watermark::Fates;

/// What the front shares under one lock.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The last number given out.
    pub(crate) submitted: u64,
    /// Whose fate is known, and who waits to know more.
    pub(crate) fates: Fates,
    /// The batches `settled + 1 ..= submitted`; those being written stay until they are settled.
    pub(crate) pending: VecDeque<Arc<Batch>>,
    pub(crate) pending_bytes: usize,
    /// Whether a group is out with the driver.
    pub(crate) taken: bool,
    /// Whether a driver sleeps until something waits. Waking one that does not costs a system call for nothing.
    pub(crate) sleeps: bool,
    pub(crate) closed: bool,
    /// Running snapshots, which want to know what is appended meanwhile.
    pub(crate) watches: Vec<Watch>,
}

/// The lowest id that was appended to one owner's log while somebody watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) ticket: u64,
    pub(crate) log: &'static str,
    pub(crate) owner: Owner,
    pub(crate) lowest: Option<EntryId>,
}

impl AsMut<Fates> for Queue {
    fn as_mut(&mut self) -> &mut Fates {
        &mut self.fates
    }
}

impl Queue {
    /// Puts a batch at the end, or an empty failing one in its place when it cannot be taken.
    pub(crate) fn push(&mut self, batch: Batch) -> Seq {
        let batch = if self.closed {
            Batch::failing(StoreError::Closed)
        } else if self.pending_bytes.saturating_add(batch.size_bytes()) > PENDING_BYTES_MAX {
            Batch::failing(StoreError::Overload)
        } else {
            batch
        };
        if !self.watches.is_empty() {
            self.tell_watches(&batch);
        }
        self.pending_bytes += batch.size_bytes();
        self.pending.push_back(Arc::new(batch));
        self.submitted += 1;
        Seq(self.submitted)
    }

    /// All that waits, unless a group is still out.
    pub(crate) fn take(&mut self) -> Option<Group> {
        self.take_oldest(usize::MAX)
    }

    /// The oldest of what waits, at most so many batches, unless a group is still out.
    pub(crate) fn take_oldest(&mut self, most: usize) -> Option<Group> {
        if self.taken || most == 0 || self.pending.is_empty() {
            return None;
        }
        self.taken = true;
        Some(Group {
            first: Seq(self.fates.settled + 1),
            batches: self.pending.iter().take(most).cloned().collect(),
        })
    }

    /// The newest entry of a log that waits to be stored, with its batch.
    pub(crate) fn newest_pending(
        &self,
        log: &'static str,
        owner: &Owner,
    ) -> Option<(EntryId, Seq)> {
        let newest_first = self.pending.iter().enumerate().rev();
        newest_first
            .filter_map(|(at, batch)| {
                let newest = appended(batch, log, owner).max()?;
                Some((newest, Seq(self.fates.settled + 1 + at as u64)))
            })
            .next()
    }

    fn tell_watches(&mut self, batch: &Batch) {
        for watch in &mut self.watches {
            let lowest = appended(batch, watch.log, &watch.owner).min();
            watch.lowest = match (watch.lowest, lowest) {
                (Some(known), Some(new)) => Some(known.min(new)),
                (known, new) => known.or(new),
            };
        }
    }
}

/// The ids that a batch appends to one owner's log.
fn appended<'a>(
    batch: &'a Batch,
    log: &'static str,
    owner: &'a Owner,
) -> impl Iterator<Item = EntryId> + 'a {
    batch.ops().iter().filter_map(move |op| match op {
        Op::Append {
            collection,
            owner: whose,
            entry,
        } if collection.name == log && whose == owner => Some(entry.id),
        _ => None,
    })
}

/// The batches a driver writes together. There is one group at a time; it goes back with [`Store::settle`].
///
/// [`Store::settle`]: crate::Store::settle
#[derive(Debug)]
#[must_use = "a group that is not settled holds back all batches behind it"]
pub struct Group {
    first: Seq,
    batches: Vec<Arc<Batch>>,
}

impl Group {
    /// The number of the first batch; the others follow without a gap.
    pub fn first(&self) -> Seq {
        self.first
    }

    /// The batches in order. Some may carry a [`Batch::fault`] and are not to be stored.
    pub fn batches(&self) -> &[Arc<Batch>] {
        &self.batches
    }

    /// Stores the group in one transaction. When that fails, each batch is tried alone, so that one impossible batch
    /// takes no other with it.
    pub fn apply(self, backend: &mut dyn Backend) -> Applied {
        let sound: Vec<_> = self
            .batches
            .iter()
            .filter(|batch| batch.fault().is_none())
            .cloned()
            .collect();
        let together = if sound.is_empty() {
            Ok(())
        } else {
            backend.apply(&sound)
        };
        let alone = sound.len() > 1;
        let outcomes = self
            .batches
            .iter()
            .map(|batch| match (batch.fault(), &together) {
                (Some(fault), _) => Err(fault.clone()),
                (None, Err(_)) if alone => backend.apply(std::slice::from_ref(batch)),
                (None, outcome) => outcome.clone(),
            });
        Applied {
            first: self.first,
            outcomes: outcomes.collect(),
        }
    }

    /// Gives the whole group up: nothing of it is stored.
    pub fn fail(self, error: StoreError) -> Applied {
        Applied {
            first: self.first,
            outcomes: vec![Err(error); self.batches.len()],
        }
    }
}

/// What became of a group's batches, for [`Store::settle`](crate::Store::settle).
#[derive(Debug)]
#[must_use = "a group that is not settled holds back all batches behind it"]
pub struct Applied {
    pub(crate) first: Seq,
    pub(crate) outcomes: Vec<Result<(), StoreError>>,
}

impl Applied {
    /// Each batch's fate, in order.
    pub fn outcomes(&self) -> &[Result<(), StoreError>] {
        &self.outcomes
    }
}
