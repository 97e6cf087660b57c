//! The binary, as an operator runs it and as clients meet it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod backup;
mod book;
mod client;
mod commands;
mod example;
mod flights;
mod kill9;
mod lifetimes;
mod metrics;
mod mistakes;
mod operating;
mod process;
mod renewing;
mod restarting;
mod service_manager;
mod starting;
mod strace;
mod torture;
