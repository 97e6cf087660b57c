//! Certificates: what is inside one, a folder of them, and which host gets which.
//!
//! `der.rs` reads the few fields we need, `folder.rs` pairs chains with keys by content,
//! `flaws.rs` says what clients may dislike about one, `set.rs` answers "which certificate for this name", `watch.rs` sees when the folder changed.

mod der;
mod flaws;
mod folder;
mod set;
mod watch;

pub use der::{Certificate, DerError, EndPointHash};
pub use flaws::Flaw;
pub use folder::{CertificateError, Identity, read_folder};
pub use set::{CertificateSet, Certificates};
pub use watch::Watch;
