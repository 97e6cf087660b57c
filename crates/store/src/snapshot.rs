//! Where the past ends and live delivery begins.

use serde::de::DeserializeOwned;

use crate::collection::{Collection, Log};
use crate::entry::EntryId;
use crate::error::StoreError;
use crate::gate::Seq;
use crate::owner::Owner;
use crate::query::Page;
use crate::queue::Watch;
use crate::store::Store;

/// The newest entry of a log at one instant: every entry that was handed over before has an id up to it, every one
/// handed over after has an id above it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// The newest id, or `None` for a log without entries.
    pub newest: Option<EntryId>,
    /// Once this batch is settled, readers see everything up to it.
    pub seq: Seq,
}

impl Store {
    /// Draws the line through an owner's log between what a page can be asked for and what comes live. The instant is
    /// when the future is first polled; to start live delivery at that very instant, poll it under the owner's lock.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn snapshot<T: DeserializeOwned>(
        &self,
        log: Collection<Log<T>>,
        owner: &Owner,
    ) -> Result<Snapshot, StoreError> {
        let watching = match self.watch(log.declared().name, owner) {
            Ok(pending) => return Ok(pending),
            Err(watching) => watching,
        };
        let newest = self.read(log.newest(owner)).await?;
        let newest = match (newest, watching.lowest()) {
            (Some(newest), Some(live)) if newest >= live => {
                // It was appended while we read. The one before it is what we are asked for.
                let page = Page {
                    before: Some(live),
                    backwards: true,
                    entries_max: 1,
                    without_bodies: true,
                    ..Page::default()
                };
                let before = self.read(log.page(owner, page)).await?;
                before.found.last().map(|found| found.entry.id)
            }
            (newest, _) => newest,
        };
        Ok(Snapshot {
            newest,
            seq: Seq::NONE,
        })
    }

    /// The answer from what waits to be stored, or else a watch on what is appended from now on.
    fn watch(&self, log: &'static str, owner: &Owner) -> Result<Snapshot, Watching> {
        let mut queue = self.queue();
        if let Some((newest, seq)) = queue.newest_pending(log, owner) {
            return Ok(Snapshot {
                newest: Some(newest),
                seq,
            });
        }
        let ticket = queue.fates.ticket();
        queue.watches.push(Watch {
            ticket,
            log,
            owner: owner.clone(),
            lowest: None,
        });
        drop(queue);
        Err(Watching {
            store: self.clone(),
            ticket,
        })
    }
}

/// Ends its watch when it goes.
struct Watching {
    store: Store,
    ticket: u64,
}

impl Watching {
    fn lowest(&self) -> Option<EntryId> {
        let queue = self.store.queue();
        queue
            .watches
            .iter()
            .find(|watch| watch.ticket == self.ticket)
            .and_then(|watch| watch.lowest)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.store
            .queue()
            .watches
            .retain(|watch| watch.ticket != self.ticket);
    }
}
