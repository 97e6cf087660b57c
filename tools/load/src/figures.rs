//! What many rounds say together: medians, ranges, and ratios taken round by round.

use serde::{Deserialize, Serialize};

/// Some values of one figure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Range {
    /// The middle one.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Range {
    /// Of these values; `None` when there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        Some(Self {
            median: median(values),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// The middle one, or between the two in the middle; NaN when there is none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied();
    (upper + lower.unwrap_or(f64::NAN)) / 2.0
}

/// How many times `floor` each value is, where a round has both: the same core in the same minute.
pub(crate) fn ratios(values: &[(u32, f64)], floor: &[(u32, f64)]) -> Vec<f64> {
    values
        .iter()
        .filter_map(|(round, value)| {
            let (_, least) = floor.iter().find(|(other, _)| other == round)?;
            (*least > 0.0).then_some(value / least)
        })
        .collect()
}

/// A figure with as many digits as it deserves.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        check(&[3.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.5);
        check(&[7.0], 7.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_range_is_from_the_smallest_to_the_largest() {
        let range = Range::of(&[3.0, 1.0, 5.0]).unwrap();
        assert_eq!((range.min, range.median, range.max), (1.0, 3.0, 5.0));
        assert_eq!(Range::of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let server = [(1, 20.0), (2, 60.0), (3, 10.0)];
        let floor = [(2, 20.0), (1, 10.0), (4, 1.0)];
        assert_eq!(ratios(&server, &floor), [2.0, 3.0]);
        assert_eq!(ratios(&server, &[(1, 0.0)]), [0.0; 0]);
    }

    #[test]
    fn large_figures_have_fewer_decimals() {
        assert_eq!(digits(1234.56), "1235");
        assert_eq!(digits(12.345), "12.3");
        assert_eq!(digits(1.2345), "1.23");
    }

    #[track_caller]
    fn check(values: &[f64], expected: f64) {
        assert_eq!(median(values), expected);
    }
}
