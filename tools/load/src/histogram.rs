//! Latencies, counted in buckets: any number of them in a few KiB, each quantile good to 1.6 %.

use std::time::Duration;

/// Buckets per power of two.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Powers of two past the exact buckets: up to 2^42 ns, more than an hour.
const POWERS: usize = 36;

/// Durations by size. Below 64 ns buckets are exact, above each power of two has 64 of them.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; STEPS as usize * (POWERS + 1)],
            total: 0,
            largest: Duration::ZERO,
        }
    }
}

impl Histogram {
    /// Counts one.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        if let Some(count) = self.counts.get_mut(bucket(nanos).min(last)) {
            *count += 1;
        }
        self.total += 1;
        self.largest = self.largest.max(duration);
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The largest, exactly.
    pub(crate) fn largest(&self) -> Duration {
        self.largest
    }

    /// The duration that a share of `quantile` of all does not exceed; zero when there is none.
    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        let wanted = (quantile * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(upper_end(at)).min(self.largest);
            }
        }
        self.largest
    }
}

fn bucket(nanos: u64) -> usize {
    let power = nanos.checked_ilog2().unwrap_or(0).saturating_sub(STEP_BITS);
    let step = nanos >> power;
    (u64::from(power) * STEPS + step) as usize
}

/// The largest value that falls into a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let power = (bucket / STEPS).saturating_sub(1);
    let step = bucket - power * STEPS;
    ((step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_a_bucket_that_ends_near_it() {
        for nanos in [0, 1, 63, 64, 65, 127, 128, 1000, 123_456, 7_000_000_000] {
            let end = upper_end(bucket(nanos));
            assert!(end >= nanos, "{nanos}: {end}");
            assert!(end - nanos <= nanos / 64, "{nanos}: {end}");
        }
    }

    #[test]
    fn quantiles_are_in_order_of_size() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        check(&histogram, 0.5, 500);
        check(&histogram, 0.99, 990);
        check(&histogram, 0.999, 999);
        assert_eq!(histogram.quantile(1.0), Duration::from_millis(1));
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }

    #[track_caller]
    fn check(histogram: &Histogram, quantile: f64, micros: u64) {
        let found = histogram.quantile(quantile);
        let wanted = Duration::from_micros(micros);
        assert!(found >= wanted && found < wanted.mul_f64(1.02), "{found:?}");
    }
}
