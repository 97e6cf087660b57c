//! How many registrations one address may try. An IPv6 address counts by its /64.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use engine::limits::AddressBlock;

/// An address may try this often within [`PERIOD`].
const ATTEMPTS_MAX: u32 = 3;

/// How long a try counts.
const PERIOD: Duration = Duration::from_secs(60);

/// All addresses together may try this often within [`PERIOD`]; past it nobody may, until time has passed.
const ALL_ATTEMPTS_MAX: usize = 10_000;

/// The tries of the last minute.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    attempts: VecDeque<(Instant, AddressBlock)>,
    counts: BTreeMap<AddressBlock, u32>,
}

impl Throttle {
    /// Counts a try; `false` when there were too many.
    pub(super) fn attempt(&mut self, address: AddressBlock, now: Instant) -> bool {
        while let Some(&(at, old)) = self.attempts.front()
            && now.saturating_duration_since(at) >= PERIOD
        {
            self.attempts.pop_front();
            self.forget(old);
        }
        let count = self.counts.get(&address).copied().unwrap_or(0);
        if count >= ATTEMPTS_MAX || self.attempts.len() >= ALL_ATTEMPTS_MAX {
            return false;
        }
        self.attempts.push_back((now, address));
        self.counts.insert(address, count + 1);
        true
    }

    fn forget(&mut self, address: AddressBlock) {
        match self.counts.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn three_tries_a_minute_and_then_again() {
        let mut throttle = Throttle::default();
        let start = start();
        for second in [0, 1, 2] {
            assert!(throttle.attempt(address(1), start + Duration::from_secs(second)));
        }
        assert!(!throttle.attempt(address(1), start + Duration::from_secs(3)));
        assert!(throttle.attempt(address(2), start + Duration::from_secs(3)));
        assert!(throttle.attempt(address(1), start + PERIOD));
        assert!(!throttle.attempt(address(1), start + PERIOD));
    }

    #[test]
    fn all_together_are_bounded_and_forgotten() {
        let mut throttle = Throttle::default();
        let start = start();
        let taken = (0..20_000)
            .filter(|host| throttle.attempt(address(*host), start))
            .count();
        assert_eq!(taken, ALL_ATTEMPTS_MAX);
        assert!(throttle.attempt(address(0), start + PERIOD));
        assert_eq!((throttle.attempts.len(), throttle.counts.len()), (1, 1));
    }

    fn address(host: u32) -> AddressBlock {
        AddressBlock::from(IpAddr::from(host.to_be_bytes()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of a test's time"
    )]
    fn start() -> Instant {
        Instant::now()
    }
}
