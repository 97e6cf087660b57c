//! # The store
//!
//! Where features keep what must outlive the process. A feature declares typed [`Collection`]s of two shapes, [`Map`]
//! and [`Log`], and never sees a table; entries of logs share [bodies](Batch::put_body), which are stored once. Changes
//! are collected in a [`Batch`], which is atomic across owners and collections and is handed over without waiting
//! ([`Store::submit`]); its [`Gate`] says when it is durable. Questions ([`Ask`]) are answered from one snapshot.
//!
//! This crate holds the contract, an executor-free front ([`Store`]), the [`memory`] back end and the
//! [`conformance`] suite that every back end passes. It does no I/O, starts threads only in [`thread`], reads no clock
//! and knows no stanza.
//!
//! The parts, in reading order: `owner`, `collection`, `key`, `entry` (what is stored); `batch` (changes); `query`, `ask`,
//! `question` (questions); `words`, `search` (full text); `gate`, `queue`, `store`, `write` (the front); `backend` (the contract below), `memory`, `conformance`.

mod ask;
mod backend;
mod batch;
mod collection;
pub mod conformance;
mod entry;
mod error;
mod failed;
mod gate;
mod key;
pub mod limits;
mod lock;
pub mod memory;
mod oneshot;
mod owner;
mod query;
mod question;
mod queue;
mod search;
mod settled;
mod snapshot;
mod store;
mod sync;
pub mod thread;
mod watermark;
mod words;
mod write;

pub use ask::{Ask, body};
pub use backend::{Backend, Inline, ReadJob, ReadRunner, Reader, check_append};
pub use batch::{Batch, Op, Trim};
pub use collection::{
    Collection, Declared, Log, Map, Searchable, Shape, Shaped, Spoken, Upgrade, Version,
};
pub use entry::{BodyId, Entry, EntryId, Found, Stored};
pub use error::StoreError;
pub use gate::{Gate, Seq};
pub use key::{Key, prefix_of};
pub use memory::Memory;
pub use owner::Owner;
pub use query::{Answer, Entries, Offers, Page, Query, Size};
pub use question::Question;
pub use queue::{Applied, Group};
pub use search::ranked;
pub use settled::{Observer, Settled, Settlement};
pub use snapshot::Snapshot;
pub use store::Store;
pub use words::{Needle, Term, words};
pub use write::{Commit, MapWriter};
