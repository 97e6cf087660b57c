//! The transport over real sockets on the loopback, with a protocol of a few lines.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

mod certificates;
mod connections;
mod server;
mod tls;
