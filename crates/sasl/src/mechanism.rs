//! The mechanisms by name and strength.

use std::fmt;

use crate::Hash;
use crate::binding::{END_POINT, EXPORTER};

/// A SASL mechanism. The order is by strength: the strongest compares least. Those that take a token come last: they
/// are for who signed in by another one before, and are offered apart.
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
    /// `HT-SHA-512-EXPR`: by token, bound to `tls-exporter`.
    HtSha512Exporter,
    /// `HT-SHA-256-EXPR`: by token, bound to `tls-exporter`.
    HtSha256Exporter,
    /// `HT-SHA-512-ENDP`: by token, bound to `tls-server-end-point`.
    HtSha512EndPoint,
    /// `HT-SHA-256-ENDP`: by token, bound to `tls-server-end-point`.
    HtSha256EndPoint,
    /// `HT-SHA-512-NONE`: by token, bound to nothing.
    HtSha512,
    /// `HT-SHA-256-NONE`: by token, bound to nothing.
    HtSha256,
}

impl Mechanism {
    /// Every mechanism, the strongest first.
    pub const ALL: [Self; 15] = [
        Self::ScramSha512Plus,
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha512,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::External,
        Self::Plain,
        Self::Anonymous,
        Self::HtSha512Exporter,
        Self::HtSha256Exporter,
        Self::HtSha512EndPoint,
        Self::HtSha256EndPoint,
        Self::HtSha512,
        Self::HtSha256,
    ];

    /// Every mechanism that takes a token, the strongest first.
    pub const TOKENS: [Self; 6] = [
        Self::HtSha512Exporter,
        Self::HtSha256Exporter,
        Self::HtSha512EndPoint,
        Self::HtSha256EndPoint,
        Self::HtSha512,
        Self::HtSha256,
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
            Self::HtSha512Exporter => "HT-SHA-512-EXPR",
            Self::HtSha256Exporter => "HT-SHA-256-EXPR",
            Self::HtSha512EndPoint => "HT-SHA-512-ENDP",
            Self::HtSha256EndPoint => "HT-SHA-256-ENDP",
            Self::HtSha512 => "HT-SHA-512-NONE",
            Self::HtSha256 => "HT-SHA-256-NONE",
        }
    }

    /// The hash of a SCRAM mechanism.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha512Plus | Self::ScramSha512 => Some(Hash::Sha512),
            Self::ScramSha256Plus | Self::ScramSha256 => Some(Hash::Sha256),
            Self::ScramSha1Plus | Self::ScramSha1 => Some(Hash::Sha1),
            Self::External | Self::Plain | Self::Anonymous => None,
            // Their hash makes no keys that are stored.
            Self::HtSha512Exporter
            | Self::HtSha256Exporter
            | Self::HtSha512EndPoint
            | Self::HtSha256EndPoint
            | Self::HtSha512
            | Self::HtSha256 => None,
        }
    }

    /// The hash of a mechanism that takes a token, and the channel binding that it wants.
    pub(crate) const fn token(self) -> Option<(Hash, Option<&'static str>)> {
        match self {
            Self::HtSha512Exporter => Some((Hash::Sha512, Some(EXPORTER))),
            Self::HtSha256Exporter => Some((Hash::Sha256, Some(EXPORTER))),
            Self::HtSha512EndPoint => Some((Hash::Sha512, Some(END_POINT))),
            Self::HtSha256EndPoint => Some((Hash::Sha256, Some(END_POINT))),
            Self::HtSha512 => Some((Hash::Sha512, None)),
            Self::HtSha256 => Some((Hash::Sha256, None)),
            _ => None,
        }
    }

    /// Whether the mechanism takes a token that the server gave out before.
    pub const fn is_token(self) -> bool {
        self.token().is_some()
    }

    /// Whether a client that has not seen our half of the TLS handshake can sign in by it in one message: by a token, bound to
    /// nothing that only comes of the handshake, [XEP-0484 §3.4](https://xmpp.org/extensions/xep-0484.html#fast-auth).
    pub fn can_be_early(self) -> bool {
        self.token()
            .is_some_and(|(_, binding)| binding != Some(EXPORTER))
    }

    /// Whether who signs in by it shows that it knows the account's password.
    pub const fn is_password(self) -> bool {
        self.hash().is_some() || matches!(self, Self::Plain)
    }

    /// Whether the mechanism is one of SCRAM that binds to the TLS channel.
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
