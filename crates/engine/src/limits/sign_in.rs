//! Failed sign-ins slow those that follow, from the same address and to the same account from the same address.
//!
//! The delay grows with each failure up to a bound and is the same whether the next attempt succeeds or fails, so that
//! it tells nothing. Nothing here ever refuses: the owner of an account signs in at once from elsewhere, and from the
//! attacker's own address after the longest delay.
//!
//! Memory is bounded: past [`ENTRIES_MAX`] addresses or pairs, the one whose last failure is the oldest is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{AddressBlock, Limits};

/// How many addresses, and how many pairs of account and address, are remembered.
const ENTRIES_MAX: usize = 65_536;

/// The failed sign-ins that are remembered.
#[derive(Debug, Default)]
pub struct SignInFailures {
    addresses: Failures<AddressBlock>,
    /// By a hash of account and address: the name, which may be long and made up, is not kept.
    pairs: Failures<u64>,
}

impl SignInFailures {
    /// How long the outcome of a sign-in to `account` (as prepared, whether or not it exists) from `address` is to be
    /// held back, whatever it is.
    ///
    /// To be asked when the credentials are there; then they are checked and [`failed`](Self::failed) or
    /// [`succeeded`](Self::succeeded) is called at once, and only the answer waits. Attempts on many connections at
    /// the same time so slow each other as they would one after the other.
    #[must_use]
    pub fn delay(&self, limits: &Limits, address: IpAddr, account: &str, now: Instant) -> Duration {
        if limits.is_exempt(address) {
            return Duration::ZERO;
        }
        let block = AddressBlock::from(address);
        let forgotten = limits.sign_in_failures_forgotten();
        let here = self.addresses.count(block, forgotten, now);
        let pair = self.pairs.count(pair(block, account), forgotten, now);
        let by_address = grown(limits, here, limits.sign_in_failures_per_address_free);
        let by_pair = grown(limits, pair, limits.sign_in_failures_free);
        by_address.max(by_pair)
    }

    /// A sign-in to `account` from `address` has failed for its credentials.
    pub fn failed(&mut self, limits: &Limits, address: IpAddr, account: &str, now: Instant) {
        if limits.is_exempt(address) {
            return;
        }
        let block = AddressBlock::from(address);
        let forgotten = limits.sign_in_failures_forgotten();
        self.addresses.add(block, forgotten, now);
        self.pairs.add(pair(block, account), forgotten, now);
    }

    /// A sign-in to `account` from `address` has succeeded: the pair's failures were typing errors. Those of the
    /// address stay, or an attacker would clear them with an account of his own.
    pub fn succeeded(&mut self, address: IpAddr, account: &str) {
        self.pairs
            .remove(pair(AddressBlock::from(address), account));
    }

    /// How many addresses and pairs are remembered.
    #[must_use]
    pub fn entries(&self) -> (usize, usize) {
        (self.addresses.by_key.len(), self.pairs.by_key.len())
    }
}

fn pair(block: AddressBlock, account: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (block, account).hash(&mut hasher);
    hasher.finish()
}

/// The delay after `failures` of which `free` cost nothing: doubled with each past them.
fn grown(limits: &Limits, failures: u32, free: u32) -> Duration {
    let Some(past) = failures.checked_sub(free.max(1)) else {
        return Duration::ZERO;
    };
    let doubled = 1_u64.checked_shl(past).unwrap_or(u64::MAX);
    let seconds = u64::from(limits.sign_in_delay_seconds).saturating_mul(doubled);
    Duration::from_secs(seconds.min(u64::from(limits.sign_in_delay_seconds_max)))
}

/// Counts by key, with the keys in the order of their last failure.
#[derive(Debug)]
struct Failures<K> {
    by_key: BTreeMap<K, Failed>,
    by_last: BTreeSet<(Instant, K)>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    last: Instant,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_last: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> Failures<K> {
    fn count(&self, key: K, forgotten: Duration, now: Instant) -> u32 {
        match self.by_key.get(&key) {
            Some(failed) if now.saturating_duration_since(failed.last) < forgotten => failed.count,
            Some(_) | None => 0,
        }
    }

    fn add(&mut self, key: K, forgotten: Duration, now: Instant) {
        let count = self.count(key, forgotten, now).saturating_add(1);
        self.remove(key);
        self.forget_before(forgotten, now);
        if self.by_key.len() >= ENTRIES_MAX
            && let Some((_, oldest)) = self.by_last.pop_first()
        {
            self.by_key.remove(&oldest);
        }
        self.by_key.insert(key, Failed { count, last: now });
        self.by_last.insert((now, key));
    }

    fn remove(&mut self, key: K) {
        if let Some(failed) = self.by_key.remove(&key) {
            self.by_last.remove(&(failed.last, key));
        }
    }

    /// Each call drops all that is out of date, so that the cost is paid by those who fail.
    fn forget_before(&mut self, forgotten: Duration, now: Instant) {
        while let Some(&(last, oldest)) = self.by_last.first() {
            if now.saturating_duration_since(last) < forgotten {
                break;
            }
            self.by_last.pop_first();
            self.by_key.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be made by reading the clock; which one does not matter"
    )]

    use super::*;

    const HOME: [u8; 4] = [192, 0, 2, 1];
    const ELSEWHERE: [u8; 4] = [192, 0, 2, 2];

    #[test]
    fn the_delay_of_a_pair_grows_to_its_bound_and_never_further() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        let mut delays = Vec::new();
        for _ in 0..12 {
            delays.push(failures.delay(&limits, HOME.into(), "romeo", now).as_secs());
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        for _ in 0..200 {
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        let longest = failures.delay(&limits, HOME.into(), "romeo", now);
        assert_eq!(longest, Duration::from_secs(30));
    }

    #[test]
    fn the_owner_of_an_account_is_not_slowed_from_elsewhere() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for _ in 0..100 {
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        check(&failures, ELSEWHERE, "romeo", now, 0);
        check(&failures, HOME, "romeo", now, 30);
    }

    #[test]
    fn trying_many_names_slows_the_address() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for name in 0..19 {
            failures.failed(&limits, HOME.into(), &name.to_string(), now);
        }
        check(&failures, HOME, "juliet", now, 0);
        failures.failed(&limits, HOME.into(), "19", now);
        check(&failures, HOME, "juliet", now, 1);
        failures.failed(&limits, HOME.into(), "20", now);
        check(&failures, HOME, "juliet", now, 2);
        check(&failures, ELSEWHERE, "juliet", now, 0);
    }

    #[test]
    fn success_clears_the_pair_but_not_the_address() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for _ in 0..20 {
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        check(&failures, HOME, "romeo", now, 30);
        failures.succeeded(HOME.into(), "romeo");
        check(&failures, HOME, "romeo", now, 1);
    }

    #[test]
    fn failures_are_forgotten_after_a_quiet_time() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for _ in 0..100 {
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        check(&failures, HOME, "romeo", now + Duration::from_secs(599), 30);
        let later = now + Duration::from_secs(600);
        check(&failures, HOME, "romeo", later, 0);
        failures.failed(&limits, ELSEWHERE.into(), "juliet", later);
        assert_eq!(failures.entries(), (1, 1));
    }

    #[test]
    fn exempt_addresses_are_never_slowed_nor_remembered() {
        let (limits, now) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for _ in 0..100 {
            failures.failed(&limits, [127, 0, 0, 1].into(), "romeo", now);
        }
        check(&failures, [127, 0, 0, 1], "romeo", now, 0);
        assert_eq!(failures.entries(), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (limits, start) = (Limits::default(), Instant::now());
        let mut failures = SignInFailures::default();
        for round in 0..4 {
            let now = start + Duration::from_micros(round);
            failures.failed(&limits, HOME.into(), "romeo", now);
        }
        for index in 0..ENTRIES_MAX {
            let now = start + Duration::from_micros(100 + index as u64);
            let address = IpAddr::from((index as u32 | 0x0a00_0000).to_be_bytes());
            failures.failed(&limits, address, "romeo", now);
        }
        assert_eq!(failures.entries(), (ENTRIES_MAX, ENTRIES_MAX));
        check(&failures, HOME, "romeo", start + Duration::from_secs(1), 0);
    }

    #[track_caller]
    fn check(failures: &SignInFailures, from: [u8; 4], account: &str, now: Instant, seconds: u64) {
        let delay = failures.delay(&Limits::default(), from.into(), account, now);
        assert_eq!(
            delay,
            Duration::from_secs(seconds),
            "{account} from {from:?}"
        );
    }
}
