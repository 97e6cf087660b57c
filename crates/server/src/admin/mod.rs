//! Commands for the server: asked on the command line, done by the running server over a socket
//! in its data folder, or by the asking process itself when no server runs.
//!
//! What can be asked is the engine's list of commands. `request.rs` is how that is written, `socket.rs` the
//! running server's side, `client.rs` the command line's. A line is one JSON object, each way.

mod client;
mod request;
mod socket;

pub(crate) use client::ask;
pub(crate) use socket::AdminSocket;
pub(crate) use socket::listen;
