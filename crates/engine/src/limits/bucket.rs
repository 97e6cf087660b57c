//! A token bucket that counts exactly and needs no timer of its own.
//!
//! A stream takes tokens for what it *has* read; when the bucket is overdrawn, [`Bucket::take`] says for how long
//! reading must pause until the debt is paid. Over any period a stream gets at most its burst, its rate times the
//! period, and the one read that overdrew; nothing is rounded away, however small the steps.

use std::time::{Duration, Instant};

/// How many billionths a token has: with a rate per second and a clock in nanoseconds, every refill is a whole number.
const TOKEN: i128 = 1_000_000_000;

/// How fast a [`Bucket`] fills and how much it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    per_second: u32,
    burst: u64,
}

impl Rate {
    /// `per_second` tokens per second, of which `burst_seconds` seconds' worth may be taken at once. A rate or a burst
    /// of zero would stop a stream for ever and counts as one.
    #[must_use]
    pub const fn new(per_second: u32, burst_seconds: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        let burst_seconds = if burst_seconds == 0 { 1 } else { burst_seconds };
        Self {
            per_second,
            burst: per_second as u64 * burst_seconds as u64,
        }
    }

    /// How many tokens may be taken at once after a silence.
    #[must_use]
    pub const fn burst(self) -> u64 {
        self.burst
    }
}

/// What one stream may still send. The rate is given with each call, so that a reload changes it for open streams too.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// In billionths of a token; negative while in debt.
    level: i128,
    /// Up to when `level` has been filled.
    filled: Instant,
}

impl Bucket {
    /// A bucket that holds its whole burst at `now`.
    #[must_use]
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self {
            level: i128::from(rate.burst) * TOKEN,
            filled: now,
        }
    }

    /// Takes `tokens` that have just been used. `Some` is how long reading must pause from `now` on.
    pub fn take(&mut self, rate: Rate, tokens: u64, now: Instant) -> Option<Duration> {
        self.fill(rate, now);
        self.level -= i128::from(tokens) * TOKEN;
        self.debt(rate)
    }

    /// How long reading must still pause at `now`; `None` when it may go on.
    pub fn pause(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        self.fill(rate, now);
        self.debt(rate)
    }

    /// How many whole tokens are there at `now`: a reader that takes no more never overdraws.
    pub fn allowance(&mut self, rate: Rate, now: Instant) -> u64 {
        self.fill(rate, now);
        u64::try_from(self.level / TOKEN).unwrap_or(0)
    }

    /// A clock that stands still or goes back fills nothing.
    fn fill(&mut self, rate: Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        self.filled = self.filled.max(now);
        let elapsed_nanos = i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX);
        let gained = elapsed_nanos.saturating_mul(i128::from(rate.per_second));
        let full = i128::from(rate.burst) * TOKEN;
        self.level = self.level.saturating_add(gained).min(full);
    }

    /// The time until the level is back at zero, rounded up to a nanosecond.
    fn debt(&self, rate: Rate) -> Option<Duration> {
        if self.level >= 0 {
            return None;
        }
        let nanos = self
            .level
            .unsigned_abs()
            .div_ceil(u128::from(rate.per_second));
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "an Instant can only be made by reading the clock; which one does not matter"
    )]

    use super::*;

    const PROSODY: Rate = Rate::new(10 * 1024, 2);

    #[test]
    fn a_burst_passes_and_one_byte_more_pauses() {
        let now = Instant::now();
        let mut bucket = Bucket::full(PROSODY, now);
        assert_eq!(bucket.allowance(PROSODY, now), 20_480);
        assert_eq!(bucket.take(PROSODY, 20_480, now), None);
        assert_eq!(bucket.allowance(PROSODY, now), 0);
        // One byte costs 1/10240 s, which is 97,656.25 ns.
        assert_eq!(
            bucket.take(PROSODY, 1, now),
            Some(Duration::from_nanos(97_657))
        );
    }

    #[test]
    fn a_debt_is_paid_after_exactly_the_pause() {
        let now = Instant::now();
        let mut bucket = Bucket::full(PROSODY, now);
        let pause = bucket.take(PROSODY, 20_480 + 5 * 10_240, now);
        assert_eq!(pause, Some(Duration::from_secs(5)));
        let almost = now + Duration::from_secs(5) - Duration::from_nanos(1);
        assert_eq!(bucket.pause(PROSODY, almost), Some(Duration::from_nanos(1)));
        assert_eq!(bucket.pause(PROSODY, now + Duration::from_secs(5)), None);
    }

    #[test]
    fn a_long_silence_gives_one_burst_and_no_more() {
        let now = Instant::now();
        let mut bucket = Bucket::full(PROSODY, now);
        let later = now + Duration::from_secs(10 * 365 * 86_400);
        assert_eq!(bucket.allowance(PROSODY, later), 20_480);
    }

    #[test]
    fn small_steps_lose_nothing() {
        // 7 tokens per second in steps of 1 ns: no step is a whole number of anything.
        let rate = Rate::new(7, 1);
        let start = Instant::now();
        let mut bucket = Bucket::full(rate, start);
        bucket.take(rate, 7, start);
        for nanos in 1..=1_000_000_u64 {
            bucket.pause(rate, start + Duration::from_nanos(nanos));
        }
        let second = start + Duration::from_secs(1);
        assert_eq!(bucket.allowance(rate, second - Duration::from_nanos(1)), 6);
        assert_eq!(bucket.allowance(rate, second), 7);
    }

    #[test]
    fn an_obedient_flood_gets_burst_plus_rate() {
        let start = Instant::now();
        let (mut now, mut sent, read_bytes) = (start, 0_u64, 4_096);
        let mut bucket = Bucket::full(PROSODY, start);
        let end = start + Duration::from_secs(60);
        while now <= end {
            sent += read_bytes;
            if let Some(pause) = bucket.take(PROSODY, read_bytes, now) {
                now += pause;
            }
        }
        let allowed = 20_480 + 60 * 10_240;
        assert!((allowed..=allowed + read_bytes).contains(&sent), "{sent}");
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing() {
        let now = Instant::now() + Duration::from_secs(100);
        let mut bucket = Bucket::full(PROSODY, now);
        bucket.take(PROSODY, 20_480, now);
        assert_eq!(bucket.allowance(PROSODY, now - Duration::from_secs(50)), 0);
        assert_eq!(bucket.allowance(PROSODY, now), 0);
    }

    #[test]
    fn a_new_rate_holds_for_an_open_stream() {
        let now = Instant::now();
        let mut bucket = Bucket::full(PROSODY, now);
        assert_eq!(bucket.allowance(Rate::new(10, 1), now), 10);
        assert_eq!(Rate::new(0, 0).burst(), 1);
    }
}
