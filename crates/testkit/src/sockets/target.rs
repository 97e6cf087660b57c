//! A server that transcripts are played on over sockets.

use std::net::SocketAddr;

use crate::transcript::{Need, Restart};

/// Where a server listens for clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// Without TLS, which can be started.
    pub plain: SocketAddr,
    /// With TLS from the first byte.
    pub tls: SocketAddr,
}

/// How a server is started and what its operator does to it. One is made per playing.
///
/// Errors are sentences for the one who reads the test's output.
pub trait Target {
    /// Whether files that need this can be played. `Need::VirtualTime` and `Need::InProcess` never can.
    fn offers(&self, need: Need) -> bool;

    /// Whether it can be started with this TOML, which is not empty.
    fn takes(&self, _toml: &str) -> bool {
        self.offers(Need::Config)
    }

    /// Starts the server with this TOML over the bench's configuration, and waits until it can be connected to. The
    /// TOML is empty or one that it [takes](Self::takes).
    ///
    /// # Errors
    ///
    /// When it does not come up.
    fn start(&mut self, toml: &str) -> Result<Addresses, String>;

    /// Makes an account. The server runs.
    ///
    /// # Errors
    ///
    /// When it is refused.
    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), String>;

    /// Stops the server and starts it again on the same data and the same addresses. Called only when
    /// [`Need::Restart`] is offered.
    ///
    /// # Errors
    ///
    /// When it does not come up again.
    fn restart(&mut self, restart: Restart) -> Result<(), String>;

    /// Gives an operator's command. Called only when [`Need::Commands`] is offered.
    ///
    /// # Errors
    ///
    /// When it fails.
    fn command(&mut self, command: &str) -> Result<(), String>;
}
