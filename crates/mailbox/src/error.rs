//! What can go wrong, as closed enums. The engine maps them to stanza conditions.

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

    /// Its class is none: it is kept for nobody, and recording it is the caller's mistake.
    #[error("a message that is not kept cannot be recorded")]
    NotKept,

    /// Every position has been drawn, or the stored newest one leaves no room.
    #[error("the log has no positions left")]
    NoPositions,
}

/// A stored entry that does not read as a message; the store is damaged there. The text is for the operator.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("entry {} cannot be read as a message; remove it or restore the store from a backup", .id.0)]
pub struct Unreadable {
    /// Which entry.
    pub id: EntryId,
}
