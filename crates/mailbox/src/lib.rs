//! # The mailbox: one log, many cursors
//!
//! The messages that somebody relies on, one log per account. Archive, offline delivery, resumption and push read this
//! one log, so they cannot disagree about a message. What waits for a remote domain, a component or a service stands in
//! a log of that destination, the [`Egress`].
//!
//! This crate decides what is kept ([`classify`], [`Reliance`]), draws positions, and keeps in memory what is due: the
//! entries no session has accepted. It holds no lock and reads no clock: a [`Mailbox`] lives inside the account, under
//! the account's lock, and writes into the [`store::Batch`] of the stanza's unit of work. Only loading asks the store.
//!
//! It does not route, does not bounce and adds no delay stamps: it says what is refused, withdrawn or expired, and the
//! engine does these. It knows no archive queries either; they read [`LOG`] through the store.
//!
//! # Life of an entry
//!
//! 1. [`Mailbox::record`] draws its position and appends it. It is *due* when its owner must still get it, and then in
//!    the hands of the sessions it was offered to, or *waiting* when there is none.
//! 2. [`Mailbox::waiting`] gives what waits, in order; [`Mailbox::offered`] says that a session has it in its outbox.
//! 3. [`Mailbox::accepted`] says that a session took it for good (written, or acknowledged when stream management is
//!    on): a [`Class::Delivery`] entry is removed, a [`Class::Archive`] entry is no longer due. [`Mailbox::settle`] writes
//!    that for many at once.
//! 4. [`Mailbox::released`] says that a session ended before that: without another session that has it, it waits again.
//!
//! A crash forgets who had what: every due entry waits again. That is the promise, at least once and never lost.
//!
//! The parts, in reading order: `class`, `reliance` (what is kept), `wire_id` (what clients see of a position), `record`
//! (an entry as it is stored), `due` (what is in memory), `sent` (what may bounce), `flight` (what is on its way),
//! `mailbox`, `egress`, `forget`.

mod class;
mod due;
mod egress;
mod error;
mod flight;
mod forget;
mod hex;
pub mod limits;
mod mailbox;
mod record;
mod reliance;
mod sent;
mod wire_id;

pub use class::{Archiving, Class, classify, is_fleeting, may_wait};
pub use egress::{
    Destination, EGRESS, Egress, EgressAnswer, EgressQuestion, Undeliverable, Unsent,
};
pub use error::{Refused, Unreadable};
pub use flight::Landing;
pub use forget::{Forget, close_first_holes};
pub use mailbox::{Cleared, LoadAnswer, LoadQuestion, Mailbox, Recorded, Waiting};
pub use record::{
    Data, HOLE, Inbound, LOG, NewEntry, Owed, STATE, SessionId, SharedBody, State, message_id,
    message_of,
};
pub use reliance::Reliance;
pub use sent::was_sent;
pub use wire_id::{WireId, WireKey};
