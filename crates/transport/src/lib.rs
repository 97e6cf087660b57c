//! Every socket of the server: listeners, workers, connections, TLS and certificates.
//!
//! The only crate besides `server` that knows tokio, reads a clock or touches the network. All but
//! `clients.rs` knows no XMPP: bytes go into a [`Drive`] and bytes come out of it.
//!
//! | file | what |
//! | --- | --- |
//! | `drive.rs` | the seam: what a connection is to this crate, and who makes one |
//! | `clients.rs` | the engine's connections as that seam |
//! | `environment.rs` | clocks, randomness and tasks for the engine |
//! | `transport.rs` | start, listen, stop |
//! | `worker.rs` | one thread with one current-thread runtime; new connections go to the emptiest |
//! | `wake.rs` | wake-ups across workers, collected so that many cost one system call |
//! | `timer.rs` | one queue of deadlines per worker |
//! | `connection/` | the driver of one connection: reads, writes, STARTTLS, closing |
//! | `tls/` | rustls by hand, without I/O; what the peer is told and what SASL may bind to |
//! | `certificate/` | a folder of PEM files, matched to hosts by the names inside |
//! | `load.rs` | what workers and listeners count, as metrics |
//! | `page.rs` | one page by HTTP: the metrics |
//! | `listen.rs`, `admission.rs` | binding, accepting, limits per address |
//! | `inherited.rs` | listeners that were open before this program ran, and handing ours on |

mod admission;
mod buffers;
pub mod certificate;
mod clients;
mod clock;
mod connection;
mod drive;
mod environment;
mod inbox;
mod inherited;
mod limits;
mod listen;
mod load;
mod page;
mod sync;
mod timer;
pub mod tls;
mod transport;
mod wake;
mod worker;

pub use admission::Admission;
pub use clients::Clients;
pub use clock::now;
pub use drive::{Drive, ListenerKind, MakeConnection, Peer};
pub use environment::SystemEnvironment;
pub use inherited::{Inherited, hand_on, hide_inherited};
pub use listen::{BindError, Bound, Endpoint, ParseEndpointError, bind};
pub use load::Loads;
pub use page::{Page, PageServer, serve_page};
pub use tls::{TlsInfo, TlsVersion};
pub use transport::{Settings, StartError, Transport};
pub use wake::collect as collect_wakes;
