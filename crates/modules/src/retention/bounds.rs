//! How long, and how much: of a host, and of an account that has its own.

use std::{fmt, str::FromStr};

use engine::period::Period;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use stanza::Timestamp;
use store::{Collection, Map, Version};
use thiserror::Error;

/// What an operator decided for one account.
pub(super) const DECIDED: Collection<Map<(), Decided>> =
    Collection::new("retention.decided", Version(1));

/// What holds for an archive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bounds {
    pub(super) keep: Keep,
    pub(super) bytes_max: Option<u64>,
}

/// How long messages are kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Keep {
    /// Nothing is ever too old.
    #[default]
    ForEver,
    /// So long.
    For(Period),
}

/// What stands there is neither.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("\"for ever\", or a period in quotes such as \"30 days\" or \"1 year\"")]
pub(super) struct NoKeep;

/// What an operator decided for one account; what is not there is as for the host.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Decided {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep: Option<Keep>,
    /// 0 for as many as there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_max: Option<u64>,
}

impl Bounds {
    /// What holds where this was decided.
    pub(super) fn with(self, decided: Option<Decided>) -> Self {
        let decided = decided.unwrap_or_default();
        Self {
            keep: decided.keep.unwrap_or(self.keep),
            bytes_max: match decided.bytes_max {
                None => self.bytes_max,
                Some(0) => None,
                some => some,
            },
        }
    }

    /// What came before this is too old.
    pub(super) fn before(self, now: Timestamp) -> Option<Timestamp> {
        match self.keep {
            Keep::ForEver => None,
            Keep::For(period) => Some(now.minus(period.0)),
        }
    }
}

impl FromStr for Keep {
    type Err = NoKeep;

    fn from_str(text: &str) -> Result<Self, NoKeep> {
        match text.trim() {
            "for ever" => Ok(Self::ForEver),
            period => period.parse().map(Self::For).map_err(|_| NoKeep),
        }
    }
}

/// In the largest unit that says it exactly.
impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::For(period) = self else {
            return f.write_str("for ever");
        };
        let seconds = period.0.as_secs();
        let fits = |(_, unit): &&(&str, u64)| seconds.is_multiple_of(*unit) && seconds > 0;
        let units = engine::period::UNITS;
        let (name, unit) = units.iter().rev().find(fits).unwrap_or(&("second", 1));
        match seconds / unit {
            1 => write!(f, "1 {name}"),
            count => write!(f, "{count} {name}s"),
        }
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|expected| D::Error::custom(format!("{expected} is expected")))
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_keep_reads_as_it_is_written() {
        for (text, shown) in [
            ("for ever", Some("for ever")),
            ("1 year", Some("1 year")),
            ("730 days", Some("2 years")),
            ("30 days", Some("30 days")),
            ("14 days", Some("2 weeks")),
            ("90 seconds", Some("90 seconds")),
            ("0 days", Some("0 seconds")),
            ("for a while", None),
            ("", None),
        ] {
            let read = text.parse::<Keep>().ok().map(|keep| keep.to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn what_was_decided_for_an_account_comes_first() {
        let days = |days| Keep::For(format!("{days} days").parse().unwrap());
        let host = Bounds {
            keep: days(30),
            bytes_max: Some(1000),
        };
        let decided = |keep, bytes_max| Some(Decided { keep, bytes_max });
        for (decided, keep, bytes_max) in [
            (None, days(30), Some(1000)),
            (decided(None, None), days(30), Some(1000)),
            (decided(Some(days(7)), None), days(7), Some(1000)),
            (decided(Some(Keep::ForEver), Some(0)), Keep::ForEver, None),
            (decided(None, Some(5)), days(30), Some(5)),
        ] {
            assert_eq!(host.with(decided), Bounds { keep, bytes_max });
        }
    }
}
