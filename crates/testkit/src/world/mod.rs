//! A whole server on one thread, in virtual time, from one seed.
//!
//! `executor` holds tasks, timers and clocks, `home` the engine over a virtual disk, `server` all of it with the transports
//! of its clients (`link`), `bench` how it is made, `client` the other end of a transport, `moments` what a death can come
//! after, `actors` plays transcripts.

mod actors;
mod bench;
mod client;
mod command;
mod executor;
mod home;
mod homes;
mod link;
mod moments;
mod random;
mod server;

pub(crate) use actors::EXPORTER;
pub use actors::{BenchError, Configure, InProcess};
pub use bench::{Bench, PASSWORD};
pub use client::Client;
pub use homes::WayFault;
pub use link::LinkId;
pub use moments::{Moment, Moments};
pub use random::Random;
pub use server::{Restless, World};
