//! The engine: sessions, accounts, router, pipeline, and the interface of features.
//!
//! No sockets, no threads, no clock: what it asks of the world is [`Environment`]. A driver gives
//! bytes to a [`Connection`] and takes bytes from it; stanzas become [`Envelope`]s, which the router
//! takes through the pipelines of the accounts they are from and for.
//!
//! Where to begin reading: `connection` (how a client gets a session), `router` (the way of a
//! stanza), `pipeline` (what one run over an account is), `account` (its facts and rules), `module`
//! (what a feature is). `metrics` is what the server counts, `watch` what an operator sees of stanzas.

pub mod account;
mod asks;
pub mod command;
mod compute;
mod connection;
mod disco;
mod effect;
mod envelope;
mod environment;
mod faults;
mod health;
mod homes;
mod host;
pub mod limits;
mod listing;
mod losses;
pub mod metrics;
pub mod module;
pub mod notice;
pub mod period;
mod permission;
pub mod pipeline;
mod registry;
mod room;
mod router;
mod sabotage;
mod server;
pub mod session;
mod sync;
pub mod watch;

pub use account::stored::NOT_IN_BACKUPS;
pub use asks::AskError;
pub use connection::{ClientSettings, ConflictPolicy, Connection, Peer, SmSettings, TlsFacts};
pub use disco::{Disco, Identity, Item, Node};
pub use envelope::{Envelope, Origin};
pub use environment::{Environment, Task};
pub use homes::{Crossing, Homes};
pub use host::{Authentication, Host, HostFacts, HostSettings};
pub use limits::Limits;
pub use listing::SessionInfo;
pub use permission::{Action, Role, may};
pub use sabotage::Sabotage;
pub use server::{Server, Settings, StartError};
