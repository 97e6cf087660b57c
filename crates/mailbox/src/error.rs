//! What can go wrong, as closed enums, with the one map to stanza conditions.

use stanza::Condition;
use store::EntryId;
use thiserror::Error;

/// Why an entry was not recorded. Nothing was changed and nothing written to the batch.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// As many entries are due as may be; the account must fetch some first.
    #[error("the mailbox holds {limit} undelivered messages already")]
    TooMany {
        /// The bound that was met.
        limit: usize,
    },

    /// The due entries take as much memory as they may.
    #[error("the mailbox holds {limit_bytes} bytes of undelivered messages already")]
    TooLarge {
        /// The bound that was met.
        limit_bytes: usize,
    },

    /// As many messages wait for a destination as may, or as many bytes.
    #[error("{entries} messages wait for this destination already ({bytes} bytes)")]
    EgressFull {
        /// How many wait.
        entries: usize,
        /// How much memory they take.
        bytes: usize,
    },

    /// Its class is none, or it is kept for delivery and owed to nobody: it is kept for nobody, and recording it is the caller's mistake.
    #[error("a message that is not kept cannot be recorded")]
    NotKept,

    /// Every position has been drawn, or the stored newest one leaves no room.
    #[error("the log has no positions left")]
    NoPositions,
}

impl Refused {
    /// What the sender is told, [XEP-0160 §2] step 3 and [RFC 6120 §8.3.3].
    ///
    /// [XEP-0160 §2]: https://xmpp.org/extensions/xep-0160.html#flow
    /// [RFC 6120 §8.3.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.3
    #[must_use]
    pub fn condition(self) -> Condition {
        match self {
            Self::TooMany { .. } | Self::TooLarge { .. } => Condition::ServiceUnavailable,
            Self::EgressFull { .. } => Condition::ResourceConstraint,
            Self::NotKept | Self::NoPositions => Condition::InternalServerError,
        }
    }
}

/// A stored entry that does not read as a message; the store is damaged there. The text is for the operator.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("entry {} cannot be read as a message; remove it or restore the store from a backup", .id.0)]
pub struct Unreadable {
    /// Which entry.
    pub id: EntryId,
}
