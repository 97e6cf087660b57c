//! # Stanzas
//!
//! Message, presence and IQ as the server handles them: a head that routing reads, and children that it carries along
//! unparsed ([`Stanza`]); stanza errors ([`StanzaError`]); the payloads that more than one feature needs, each in its
//! own module; and points in time ([`Timestamp`]).
//!
//! What only one feature understands is in that feature's folder, not here.
//!
//! * `accept.rs` makes a stanza of an element from a stream, or a [`Rejected`] that knows the answer.
//! * `write.rs` makes bytes of a stanza: for a stream, for `<forwarded/>`, for the store.
//! * `packed.rs` keeps one for long in little memory.
//! * `reply.rs` makes answers.
//!
//! ```
//! use stanza::{Condition, Stanza, StanzaError};
//!
//! let stored = b"<iq type='get' id='7' from='romeo@example.net/orchard'><query xmlns='urn:example'/></iq>";
//! let iq = Stanza::from_stored(stored)?;
//! assert!(iq.kind().is_request() && iq.has("query", "urn:example"));
//!
//! let error = StanzaError::new(Condition::ServiceUnavailable);
//! let reply = iq.reply_error(&error).expect("a request may be answered");
//! assert_eq!(
//!     String::from_utf8_lossy(&reply.to_stored()),
//!     "<iq to='romeo@example.net/orchard' id='7' type='error'><error type='cancel'>\
//!      <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
//! );
//! # Ok::<(), stanza::StoredError>(())
//! ```
//!
//! Core spec: [RFC 6120 §8](https://www.rfc-editor.org/rfc/rfc6120#section-8).

mod accept;
pub mod carbon;
mod child;
mod condition;
pub mod delay;
mod error;
pub mod form;
pub mod forward;
mod head;
pub mod hints;
pub mod ids;
mod kind;
pub mod limits;
pub mod numbers;
mod packed;
mod rejected;
mod reply;
pub mod rsm;
mod stanza;
mod timestamp;
mod write;

pub use child::{ChildRef, ChildRefs};
pub use condition::{Condition, ErrorType};
pub use error::StanzaError;
pub use kind::{IqType, Kind, MessageType, PresenceType};
pub use packed::Packed;
pub use rejected::{RejectReason, Rejected};
pub use stanza::Stanza;
pub use timestamp::{Timestamp, TimestampError};
pub use write::{Output, StoredError};
