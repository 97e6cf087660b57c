//! How far the store knows a session's count of handled stanzas.
//!
//! After a crash a client is told what the store knows, so it must never have been told more: an `h` goes out only when
//! it is *covered*, that is, when a batch with that count, or a higher one, is durable. A message that is recorded takes
//! the count along in its own batch, so that neither is on disk without the other.

use std::collections::VecDeque;

use store::{Gate, Seq};

/// What was written of the count, not modulo 2^32.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// It went into a batch that is not handed over yet.
    in_hand: Option<u64>,
    /// It went into these batches, which are not settled.
    pending: VecDeque<(u64, Seq)>,
    /// The highest that is in a batch which did not fail.
    noted: u64,
    covered: u64,
}

impl Counted {
    /// As the store has it.
    pub(crate) fn restored(count: u64) -> Self {
        Self {
            noted: count,
            covered: count,
            ..Self::default()
        }
    }

    /// The count goes into the batch of the run at hand.
    pub(crate) fn goes_along(&mut self, count: u64) {
        self.in_hand = Some(count);
        self.noted = self.noted.max(count);
    }

    /// The stanza at hand has taken effect with this gate.
    pub(crate) fn took_effect(&mut self, gate: Seq) {
        if let Some(count) = self.in_hand.take() {
            self.pending.push_back((count, gate));
        }
    }

    /// The count went into this batch.
    pub(crate) fn went(&mut self, count: u64, batch: Seq) {
        self.noted = self.noted.max(count);
        self.pending.push_back((count, batch));
    }

    /// What is covered by now.
    pub(crate) fn covered(&mut self, gate: impl Fn(Seq) -> Gate) -> u64 {
        while let Some((count, seq)) = self.pending.front().copied() {
            match gate(seq) {
                Gate::Pending => break,
                Gate::Durable => self.covered = self.covered.max(count),
                Gate::Failed => {}
            }
            self.pending.pop_front();
        }
        if self.pending.is_empty() && self.in_hand.is_none() {
            // What was in a batch that failed is not.
            self.noted = self.covered;
        }
        self.covered
    }

    /// Whether `count` is in a batch, as far as [`Counted::covered`] knows.
    pub(crate) fn is_noted(&self, count: u64) -> bool {
        self.noted >= count
    }

    /// The highest count that is in a batch.
    pub(crate) fn noted(&self) -> u64 {
        self.noted
    }

    /// The batch after which more is covered.
    pub(crate) fn awaited(&self) -> Option<Seq> {
        self.pending.back().map(|(_, gate)| *gate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(seq: Seq) -> Gate {
        match seq.0 {
            0..=4 => Gate::Durable,
            5 => Gate::Failed,
            _ => Gate::Pending,
        }
    }

    #[test]
    fn a_count_is_covered_once_its_batch_is_durable() {
        let mut counted = Counted::default();
        counted.goes_along(3);
        assert!(counted.is_noted(3));
        assert_eq!(counted.covered(gate), 0, "its batch has no number yet");
        counted.took_effect(Seq(4));
        assert_eq!(counted.covered(gate), 3);
        counted.took_effect(Seq(9));
        assert_eq!(counted.awaited(), None, "a stanza without a count");
        counted.went(4, Seq(9));
        assert_eq!(
            (counted.covered(gate), counted.awaited()),
            (3, Some(Seq(9)))
        );
    }

    #[test]
    fn a_batch_that_failed_covers_nothing_and_is_written_again() {
        let mut counted = Counted::restored(2);
        counted.went(3, Seq(5));
        assert!(counted.is_noted(3));
        assert_eq!(counted.covered(gate), 2);
        assert!(!counted.is_noted(3));
    }
}
