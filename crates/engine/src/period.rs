//! Spans of time as a configuration writes them: `"10 seconds"`, `"7 days"`.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

/// A span of time, written with its unit.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Period(pub Duration);

/// What stands there is no period.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a period in quotes such as \"10 seconds\", \"5 minutes\" or \"1 day\"")]
pub struct NoPeriod;

/// The units with their seconds, the smallest first.
pub const UNITS: [(&str, u64); 6] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
    ("week", 604_800),
    ("year", 31_536_000),
];

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let (number, unit) = text.trim().split_once(' ').ok_or(NoPeriod)?;
        let unit = unit.trim();
        let number: u64 = number.parse().map_err(|_| NoPeriod)?;
        if let "ms" | "millisecond" | "milliseconds" = unit {
            return Ok(Self(Duration::from_millis(number)));
        }
        let (_, seconds) = UNITS
            .iter()
            .find(|(name, _)| unit == *name || unit.strip_suffix('s') == Some(name))
            .ok_or(NoPeriod)?;
        let seconds = number.checked_mul(*seconds).ok_or(NoPeriod)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|expected| D::Error::custom(format!("{expected} is expected")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_number_and_a_unit() {
        check("10 seconds", Some(10_000));
        check("1 minute", Some(60_000));
        check("2 weeks", Some(1_209_600_000));
        check("250 ms", Some(250));
        check("1 year", Some(31_536_000_000));
        check("0 days", Some(0));
        check("10", None);
        check("days", None);
        check("-1 days", None);
        check("1 fortnight", None);
        check("99999999999999999999 days", None);
        check("9999999999999999999 days", None);
    }

    #[track_caller]
    fn check(text: &str, millis: Option<u128>) {
        let read = text.parse::<Period>().ok();
        assert_eq!(read.map(|period| period.0.as_millis()), millis, "{text}");
    }
}
