//! How long things take, or how large they are: observations in buckets.

use super::{Exposition, Kind, cells::Cells};

/// Observations, counted by the least bound they do not exceed.
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    /// How much of what is observed makes one `unit`.
    per_unit: f64,
    bounds: &'static [u64],
    cells: Cells,
}

impl Histogram {
    /// Of periods: observed in nanoseconds, told in seconds. `bounds` ascend.
    #[must_use]
    pub const fn of_seconds(
        name: &'static str,
        help: &'static str,
        bounds: &'static [u64],
    ) -> Self {
        Self {
            name,
            help,
            unit: "seconds",
            per_unit: 1e9,
            bounds,
            cells: Cells::new(),
        }
    }

    /// Of numbers of things. `bounds` ascend.
    #[must_use]
    pub const fn of_counts(name: &'static str, help: &'static str, bounds: &'static [u64]) -> Self {
        Self {
            name,
            help,
            unit: "",
            per_unit: 1.0,
            bounds,
            cells: Cells::new(),
        }
    }

    /// The cells of the buckets; the last one has no bound.
    pub(super) fn buckets(&self) -> impl Iterator<Item = usize> {
        let first = self.first();
        first..=first + self.bounds.len()
    }

    pub(super) fn bucket_of(&self, value: u64) -> usize {
        self.first() + self.bounds.partition_point(|bound| *bound < value)
    }

    pub(super) fn sum_cell(&self) -> usize {
        self.first() + self.bounds.len() + 1
    }

    fn first(&self) -> usize {
        self.cells.first(self.bounds.len() + 2)
    }

    pub(super) fn write(&self, buckets: &[u64], sum: u64, out: &mut Exposition) {
        let mut family = out.family(self.name, Kind::Histogram, self.unit, self.help);
        let mut total = 0;
        for (index, count) in buckets.iter().enumerate() {
            total += count;
            match self.bounds.get(index) {
                Some(bound) => family.bucket(&canonical(*bound as f64 / self.per_unit), total),
                None => family.bucket("+Inf", total),
            }
        }
        family.part("_count", total);
        match self.unit {
            "" => family.part("_sum", sum),
            _ => family.part("_sum", sum as f64 / self.per_unit),
        }
    }
}

/// A bound as all programs write it, so that it is the same label everywhere: `0.005`, `1.0`, `2.5e-05`.
fn canonical(bound: f64) -> String {
    let text = format!("{bound:?}");
    match text.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_everywhere() {
        check(5_000.0 / 1e9, "5e-06");
        check(25_000.0 / 1e9, "2.5e-05");
        check(100_000.0 / 1e9, "0.0001");
        check(0.025, "0.025");
        check(1.0, "1.0");
        check(2_500.0, "2500.0");
    }

    #[track_caller]
    fn check(bound: f64, text: &str) {
        assert_eq!(canonical(bound), text);
    }
}
