//! The disk takes what waits, or fails, and what follows from either.

use store::{Batch, Gate, Seq, StoreError};

use super::Random;
use super::check::check;
use super::server::Server;
use super::truth::REMOTE;

impl Server {
    /// The disk takes what waits, or fails; then what failed is taken back and answered, or written again.
    pub(super) fn write(&mut self, random: &mut Random) {
        if random.one_in(3) {
            self.world
                .disk
                .fail_after(random.below(4), StoreError::Full);
        }
        self.world.store.turn(&mut self.world.disk.clone());
        self.note_settled();
        check(self);
        self.after_write();
    }

    pub(super) fn write_all(&mut self) {
        self.world.write();
        self.after_write();
        self.world.write();
        self.note_settled();
    }

    pub(super) fn after_write(&mut self) {
        let gate = |seq: Seq| self.world.store.gate(seq);
        let (pending, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.recorded)
            .into_iter()
            .partition(|(seq, ..)| gate(*seq) == Gate::Pending);
        let failed: Vec<_> = settled
            .into_iter()
            .filter(|(seq, ..)| gate(*seq) == Gate::Failed)
            .collect();
        self.recorded = pending;
        let (repeated, cleared): (Vec<_>, Vec<_>) = std::mem::take(&mut self.cleared)
            .into_iter()
            .partition(|(seq, ..)| gate(*seq) == Gate::Failed);
        self.cleared = cleared;
        for (_, place, id, key) in failed {
            let taken = match place {
                REMOTE => self.egress.withdrawn(id),
                account => self.mailboxes[account].withdrawn(id),
            };
            assert_eq!(
                taken.unwrap().body().unwrap(),
                key.body(),
                "seed {}",
                self.seed
            );
            self.truth.fate(key).bounced = true;
        }
        check(self);
        for (_, account, cleared, keys) in repeated {
            let mut batch = Batch::new();
            self.mailboxes[account].settle(&cleared, &mut batch);
            self.submit_cleared(account, cleared, keys, batch);
        }
    }

    /// Moves what the disk has accepted for good to the truth.
    pub(super) fn note_settled(&mut self) {
        let store = &self.world.store;
        let (durable, rest): (Vec<_>, Vec<_>) = self
            .truth
            .accepting
            .drain(..)
            .partition(|(seq, _)| store.gate(*seq) == Gate::Durable);
        self.truth.accepting = rest;
        for (_, key) in durable {
            self.truth.settled.insert(key);
            if self.truth.answering.remove(&key) {
                self.truth.fate(key).bounced = true;
            }
        }
    }
}
