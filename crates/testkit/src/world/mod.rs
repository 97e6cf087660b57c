//! A whole server on one thread, in virtual time, from one seed.
//!
//! `executor` holds tasks, timers and clocks, `server` the engine over a virtual disk with its
//! transports, `client` the other end of a transport, `actors` plays transcripts.

mod actors;
mod client;
mod command;
mod executor;
mod home;
mod homes;
mod random;
mod server;

pub(crate) use actors::EXPORTER;
pub use actors::{BenchError, Configure, InProcess};
pub use client::Client;
pub use homes::WayFault;
pub use random::Random;
pub use server::{Bench, LinkId, Restless, World};
