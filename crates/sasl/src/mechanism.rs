//! The mechanisms by name and strength.

use std::fmt;

use crate::Hash;

/// A SASL mechanism. The order is by strength: the strongest compares least.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Mechanism {
    /// `SCRAM-SHA-512-PLUS`
    ScramSha512Plus,
    /// `SCRAM-SHA-256-PLUS`
    ScramSha256Plus,
    /// `SCRAM-SHA-1-PLUS`
    ScramSha1Plus,
    /// `SCRAM-SHA-512`
    ScramSha512,
    /// `SCRAM-SHA-256`
    ScramSha256,
    /// `SCRAM-SHA-1`
    ScramSha1,
    /// `EXTERNAL`: by client certificate.
    External,
    /// `PLAIN`
    Plain,
    /// `ANONYMOUS`
    Anonymous,
}

impl Mechanism {
    /// Every mechanism, the strongest first.
    pub const ALL: [Self; 9] = [
        Self::ScramSha512Plus,
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha512,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::External,
        Self::Plain,
        Self::Anonymous,
    ];

    /// The mechanism of this registered name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
    }

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha512Plus => "SCRAM-SHA-512-PLUS",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::External => "EXTERNAL",
            Self::Plain => "PLAIN",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// The hash of a SCRAM mechanism.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha512Plus | Self::ScramSha512 => Some(Hash::Sha512),
            Self::ScramSha256Plus | Self::ScramSha256 => Some(Hash::Sha256),
            Self::ScramSha1Plus | Self::ScramSha1 => Some(Hash::Sha1),
            Self::External | Self::Plain | Self::Anonymous => None,
        }
    }

    /// Whether the mechanism binds to the TLS channel.
    pub const fn is_plus(self) -> bool {
        matches!(
            self,
            Self::ScramSha512Plus | Self::ScramSha256Plus | Self::ScramSha1Plus
        )
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
