//! The version of a roster, [RFC 6121 §2.6](https://www.rfc-editor.org/rfc/rfc6121#section-2.6), and what changed since.

use std::{fmt, str::FromStr};

use jid::BareJid;

use super::Contact;

/// Which roster a client has, [RFC 6121 §2.6](https://www.rfc-editor.org/rfc/rfc6121#section-2.6): how far the
/// account's own list is, and what features provided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RosterVersion {
    pub(super) own: u64,
    pub(super) provided: u64,
}

/// One item of a roster that is another than it was.
#[derive(Clone, Debug)]
pub struct RosterChange {
    /// Whose item.
    pub jid: BareJid,
    /// What it is now; `None` when it was removed.
    pub now: Option<Contact>,
    /// The roster's version with this change.
    pub version: RosterVersion,
}

impl fmt::Display for RosterVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.provided {
            0 => write!(f, "{}", self.own),
            provided => write!(f, "{}-{provided:016x}", self.own),
        }
    }
}

/// It is none that we gave out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoVersion;

impl FromStr for RosterVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let (own, provided) = match text.split_once('-') {
            None => (text, Ok(0)),
            Some((own, provided)) => (own, u64::from_str_radix(provided, 16)),
        };
        Ok(Self {
            own: own.parse().map_err(|_| NoVersion)?,
            provided: provided.map_err(|_| NoVersion)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_gave_out_is_a_version() {
        check("17", Some((17, 0)));
        check("17-00000000000000ff", Some((17, 255)));
        check("", None);
        check("-1", None);
        check("17-", None);
        check("17-xyz", None);
        check("17-1-1", None);
        check("rev1", None);
    }

    #[track_caller]
    fn check(text: &str, expected: Option<(u64, u64)>) {
        let version = text.parse::<RosterVersion>().ok();
        let parts = version.map(|version| (version.own, version.provided));
        assert_eq!(parts, expected, "{text}");
        if let Some(version) = version {
            assert_eq!(version.to_string(), text);
        }
    }
}
