//! Transcripts over real sockets: against our binary, or against somebody else's server.
//!
//! `target` says what a server must offer to be played on, `connection` is one transport (TCP, TLS and XML),
//! `tls` the client's half of TLS, `barrier` how silence is shown without a virtual clock, `actors` plays.
//! `flights` is for something else: a client that counts how often it has to wait.
//!
//! Everything blocks, with a limit to each wait; no runtime is needed.

mod actors;
mod barrier;
mod connection;
mod flights;
mod session;
mod target;
mod tls;

pub use actors::{Sockets, SocketsError};
pub use flights::{EarlyVisit, Returning, Visit};
pub use target::{Addresses, Target};
