//! # Addresses
//!
//! An XMPP address (JID) is `local@domain/resource`, [RFC 7622]. This crate parses, prepares and compares
//! them. Four types say what was checked:
//!
//! - [`Jid`]: any valid address.
//! - [`BareJid`]: an address without a resource: an account, a room, or a domain on its own.
//! - [`FullJid`]: an address with a resource: a session or an occupant.
//! - [`Domain`]: the domain part alone.
//!
//! All four are a range of one shared text: a clone counts a reference, and going from a full JID to its
//! bare JID or to its domain allocates nothing. Equality, order and hash are those of that text, so each
//! of them can be looked up in a map by `&str`.
//!
//! ```
//! use jid::{BareJid, FullJid, Jid};
//!
//! let jid = Jid::parse("Juliet@Example.com./balcony")?;
//! assert_eq!(jid.as_str(), "juliet@example.com/balcony");
//!
//! let full: FullJid = jid.into_full().expect("it has a resource");
//! assert_eq!(full.bare(), BareJid::parse("juliet@example.com")?);
//! assert_eq!(full.resource(), "balcony");
//! # Ok::<(), jid::JidError>(())
//! ```
//!
//! Comparison is by prepared text only: there is no second, looser notion of "same address". What is
//! prepared how is told in `profile` (local and resource parts) and `hostname` (domain parts).
//!
//! [RFC 7622]: https://www.rfc-editor.org/rfc/rfc7622

mod bare;
mod domain;
mod error;
mod full;
mod hostname;
mod jid;
pub mod limits;
mod list;
mod profile;
mod split;
mod text;

pub use crate::bare::BareJid;
pub use crate::domain::Domain;
pub use crate::error::{JidError, Part};
pub use crate::full::FullJid;
pub use crate::hostname::prepare_domain;
pub use crate::jid::Jid;
pub use crate::list::{BareJidRef, BareJids};
pub use crate::profile::{Strict, prepare_local, prepare_resource};
