//! Why a text is no address.

use std::fmt;

use thiserror::Error;

/// Why a text is no address, or not of the form that was asked for. On the wire all of these are
/// `jid-malformed`; the text is for the operator and for tests.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum JidError {
    /// A part is there but has no characters: `@example.com`, `juliet@`, `example.com/`. The same when
    /// nothing is left of it after preparation.
    #[error("the {0} is empty")]
    Empty(Part),

    /// A part has more than [`PART_BYTES_MAX`](crate::limits::PART_BYTES_MAX) bytes.
    #[error("the {0} is longer than 1023 bytes")]
    TooLong(Part),

    /// A part has a character that its profile prohibits.
    #[error("the {0} has a prohibited character")]
    Prohibited(Part),

    /// A part has a code point that Unicode 3.2 does not assign, and the check was strict.
    #[error("the {0} has an unassigned character")]
    Unassigned(Part),

    /// A part mixes writing directions, RFC 3454 §6.
    #[error("the {0} mixes writing directions")]
    Bidi(Part),

    /// The domain is neither a name, nor an IPv4 address, nor an IPv6 address in brackets.
    #[error("the domain is not a valid name or IP address")]
    InvalidDomain,

    /// A bare JID or a domain was asked for, and there is a resource.
    #[error("there is a resource where none may be")]
    HasResource,

    /// A full JID was asked for, and there is no resource.
    #[error("there is no resource where one must be")]
    NoResource,

    /// A domain was asked for, and there is a local part.
    #[error("there is a local part where none may be")]
    HasLocal,
}

/// The part of an address that an error speaks of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// What stands before `@`.
    Local,
    /// What stands between `@` and `/`.
    Domain,
    /// What stands after the first `/`.
    Resource,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local part",
            Self::Domain => "domain",
            Self::Resource => "resource",
        })
    }
}
