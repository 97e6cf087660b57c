//! Streams as state machines without I/O, clock or randomness: bytes and `now` come in; bytes, events and deadlines
//! go out ([RFC 6120 §4](https://www.rfc-editor.org/rfc/rfc6120#section-4)).
//!
//! [`C2s`] is a client's stream on the server's side, from the first byte of the header to the closing tags: header
//! checks, features, STARTTLS, SASL, restart, resource binding. It looks nothing up: it asks by [`Event`]s and is
//! answered by calls. What stanzas mean is not its business.
//!
//! The framing is a parameter: one continuous document, or one document per message
//! ([RFC 7395](https://www.rfc-editor.org/rfc/rfc7395)).

mod c2s;
mod event;
mod fault;
mod header;
mod id;
pub mod limits;
mod settings;
mod sign_in;
mod wire;

pub use c2s::{C2s, OfferVersions};
pub use event::{Channel, Event, HostPolicy, Opening};
pub use fault::StreamFault;
pub use id::StreamId;
pub use settings::{C2sSettings, UNAUTHENTICATED_BYTES_MAX};
pub use sign_in::{ClientId, SignInRequest, UserAgent};
pub use wire::{DOCUMENT_END, documents};
