//! Commands for the server: asked on the command line, done by the running server over a socket
//! in its data folder, or by the asking process itself when no server runs.
//!
//! `request.rs` is what can be asked and answered, `commands.rs` does it, `socket.rs` is the
//! running server's side, `client.rs` the command line's. A line is one JSON object, each way.

mod client;
mod commands;
mod request;
mod socket;

pub(crate) use client::ask;
pub(crate) use commands::Control;
pub(crate) use request::Request;
pub(crate) use socket::AdminSocket;
pub(crate) use socket::listen;
