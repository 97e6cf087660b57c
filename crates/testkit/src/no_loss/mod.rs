//! The no-loss test: clients as they really are, and what none of them may ever see.
//!
//! Each account has two clients. One has stream management (XEP-0198), keeps what the server has not acknowledged, sends
//! it again after `<resumed h/>` or `<failed h/>`, and shows whatever it gets without asking whether it had it before. The
//! other has none; it fills its gaps from the archive (XEP-0313) and takes for the same what has the same `stanza-id`.
//! They chat, become available again and again, ask each other and the server, and type.
//!
//! But for `in_world.rs` nothing here knows a socket, a clock or a server. Who drives the clients ([`chat`] in virtual time,
//! a test of the binary over real sockets) moves bytes, cuts connections where it likes and kills the server; then
//! [`Crowd::verdict`] says what was promised and not kept.
//!
//! | file | what |
//! | --- | --- |
//! | `crowd.rs` | who there is, and what they do |
//! | `client.rs` | one client: its stream, from connecting to being online |
//! | `session.rs` | what an online client hears and says |
//! | `sent.rs` | what it sent and the server has not acknowledged |
//! | `shown.rs` | what it shows its user |
//! | `message.rs` | a numbered message |
//! | `verdict.rs` | what was promised and not kept |
//! | `in_world.rs` | all of it in a [`World`](crate::world::World) |

mod client;
mod crowd;
mod in_world;
mod message;
mod sent;
mod session;
mod shown;
mod verdict;

pub use client::{Client, Kind};
pub use crowd::{Crowd, Scale};
pub use in_world::{Chat, Failure, Fates, Stop, chat};
pub use message::MessageId;
pub use verdict::{Figures, Mistake, Mistakes, Promises};
