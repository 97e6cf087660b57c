//! Every bound of this crate, with what happens at it.

use std::time::Duration;

/// Due entries of one account. At the bound [`Mailbox::record`](crate::Mailbox::record) refuses, and the sender gets
/// an error. As many as one page of the store, so that an account is loaded in one read.
pub const DUE_ENTRIES_MAX: usize = 1000;

/// Bytes of due entries of one account, as [`stanza::Stanza::bytes_len`] counts. Refused like
/// [`DUE_ENTRIES_MAX`]: 1,000 messages of the usual two kilobytes fit twice.
pub const DUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Messages an account sent that its archive kept, remembered to know their bounces by. An older one is looked for in
/// the store.
pub const SENT_REMEMBERED_MAX: usize = 32;

/// So many of the newest messages of a conversation are looked at for the one that came back. The bounce of an older one
/// is delivered and not archived.
pub const SENT_LOOKED_AT_MAX: usize = 1_000;

/// Of these, so many in one read.
pub const SENT_LOOKED_AT: usize = 500;

/// Bounces of one account whose messages are looked for in the store at a time. Further ones are delivered and not
/// archived.
pub const BOUNCES_LOOKED_FOR_MAX: u8 = 8;

/// Entries that are removed from an archive in one batch: some milliseconds of the store's writer, between which others
/// are served.
pub const FORGET_SLICE: usize = 200;

/// The same where the archive was searched, so that each word has to be taken out of an index.
pub const FORGET_INDEXED_SLICE: usize = 25;

/// Entries that wait for one destination. At the bound the sender gets an error.
pub const EGRESS_ENTRIES_MAX: usize = 1000;

/// Bytes of messages that wait for one destination. At the bound the sender gets an error.
pub const EGRESS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long a message waits for a destination before its sender gets it back. RFC 6120 asks for an error when a
/// domain cannot be reached, and senders would rather know soon.
pub const EGRESS_AGE_MAX: Duration = Duration::from_secs(3600);
