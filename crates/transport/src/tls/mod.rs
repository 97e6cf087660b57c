//! TLS without I/O: how the server side is configured, one connection's session, and what the
//! engine is told about it.
//!
//! `session.rs` is the seam: ciphertext in, plaintext out, and back. It uses rustls's buffered
//! type today; its unbuffered one saves a 4 KiB buffer per connection and fits the same methods.

mod acceptor;
mod client_certificate;
mod info;
mod resolver;
mod session;

pub use acceptor::{ClientAuthorities, TlsAcceptor, TlsConfigError};
pub use info::{TlsInfo, TlsVersion};

pub(crate) use session::{Session, TlsFault};
