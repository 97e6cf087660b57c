//! What can go wrong in the store, as one closed enum. Stanza conditions are made from it by the engine (its `Fault::Store`
//! and `Fault::Overload`), because this crate knows no stanzas.

use thiserror::Error;

/// Why a read, a batch or the opening of a store failed. The texts are for the operator and never go to a peer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// The device has no space left; the server serves on and recovers when there is space again.
    #[error("the disk that holds the store is full; free some space")]
    Full,

    /// The device or the file system failed.
    #[error("the store's disk failed: {detail}")]
    Io {
        /// What the back end said.
        detail: String,
    },

    /// What is on disk is not what a back end wrote.
    #[error("the store is damaged: {detail}; restore it from a backup")]
    Damaged {
        /// What the back end said.
        detail: String,
    },

    /// The store was closed, or its driver is gone, before the answer came.
    #[error("the store is closed")]
    Closed,

    /// More bytes wait to be written than [`limits::PENDING_BYTES_MAX`](crate::limits::PENDING_BYTES_MAX).
    #[error("the store is overloaded: too much waits to be written")]
    Overload,

    /// A batch before this one, in the same transaction or not, made this one fail, or the batch itself failed; the
    /// cause was reported once, when it happened.
    #[error("the write was not stored")]
    NotStored,

    /// A stored value does not read as what its collection declares.
    #[error("a value of {collection} at key {key:?} cannot be read")]
    Undecodable {
        /// The collection's name.
        collection: &'static str,
        /// The key or entry id in text form.
        key: String,
    },

    /// A value does not write as JSON, which is an error in the collection's type.
    #[error("a value of {collection} cannot be written as JSON")]
    Unwritable {
        /// The collection's name.
        collection: &'static str,
    },

    /// A collection was written by a newer server.
    #[error(
        "{collection} was written by a newer version of the server (data version {found}, this server reads {known})"
    )]
    NewerCollection {
        /// The collection's name.
        collection: String,
        /// The version on disk.
        found: u16,
        /// The newest version this server reads.
        known: u16,
    },

    /// The whole store was written by a newer server.
    #[error(
        "the store was written by a newer version of the server (schema {found}, this server knows {known}); start that version"
    )]
    NewerSchema {
        /// The schema version on disk.
        found: u32,
        /// The newest schema this server knows.
        known: u32,
    },

    /// Another process has the store open.
    #[error("another server already runs on {folder}; stop it first or choose another data folder")]
    InUse {
        /// The data folder.
        folder: String,
    },

    /// An entry's id is not above every id its owner's log ever had.
    #[error("entry {id} of {collection} is not above the newest id {newest}")]
    OutOfOrder {
        /// The log's name.
        collection: &'static str,
        /// The id that was to be appended.
        id: u64,
        /// The newest id the log had.
        newest: u64,
    },

    /// An entry or a reference names a body that is not stored.
    #[error("body {id} is not stored")]
    NoSuchBody {
        /// The missing body.
        id: u64,
    },

    /// A body id is already taken by another text.
    #[error("body {id} is stored already")]
    BodyTaken {
        /// The taken id.
        id: u64,
    },
}
