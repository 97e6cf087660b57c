//! Which batches failed, as few ranges, so that a gate asked for late still tells the truth.

use std::collections::VecDeque;

use crate::limits::FAILED_RANGES_MAX;

/// Ranges of failed sequence numbers, ascending, not touching.
#[derive(Debug, Default)]
pub(crate) struct FailedRanges(VecDeque<(u64, u64)>);

impl FailedRanges {
    /// Adds a range above all before it.
    pub(crate) fn push(&mut self, first: u64, last: u64) {
        match self.0.back_mut() {
            Some(newest) if newest.1 + 1 >= first => newest.1 = last,
            _ => self.0.push_back((first, last)),
        }
        if self.0.len() > FAILED_RANGES_MAX
            && let Some(oldest) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            next.0 = oldest.0;
        }
    }

    pub(crate) fn contains(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < seq);
        self.0.get(at).is_some_and(|(first, _)| *first <= seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let mut failed = FailedRanges::default();
        failed.push(3, 4);
        failed.push(5, 5);
        failed.push(9, 9);
        assert_eq!(failed.0, [(3, 5), (9, 9)]);
        for (seq, is_failed) in [
            (2, false),
            (3, true),
            (5, true),
            (6, false),
            (9, true),
            (10, false),
        ] {
            assert_eq!(failed.contains(seq), is_failed, "{seq}");
        }
    }

    #[test]
    fn the_list_is_bounded_and_errs_towards_failed() {
        let mut failed = FailedRanges::default();
        let many = 2 * FAILED_RANGES_MAX as u64;
        for n in 1..=many {
            failed.push(n * 2, n * 2);
        }
        assert_eq!(failed.0.len(), FAILED_RANGES_MAX);
        for n in 1..=many {
            assert!(failed.contains(n * 2));
        }
        assert!(!failed.contains(many * 2 - 1));
    }
}
