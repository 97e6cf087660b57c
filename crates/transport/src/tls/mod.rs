//! TLS without I/O: how the server side is configured, one connection's session, and what the
//! engine is told about it.
//!
//! `session.rs` is the seam: ciphertext in, plaintext out, and back.

mod acceptor;
mod client_certificate;
mod exporter;
mod heard;
mod info;
mod remembered;
mod resolver;
mod session;

pub use acceptor::{ClientAuthorities, TlsAcceptor, TlsConfigError, TlsSettings};
pub use info::{TlsInfo, TlsVersion};

pub(crate) use session::{Reached, Session, TlsFault};
