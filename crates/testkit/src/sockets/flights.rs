//! A client that comes back, and counts how often it has to wait for the server.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, HandshakeKind, pki_types::ServerName};

use super::tls;

/// How long a read may take. Far more than any needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that keeps what TLS gives it for the next time.
pub struct Returning {
    config: Arc<ClientConfig>,
    address: SocketAddr,
    host: String,
}

/// What came of a visit.
#[derive(Debug)]
pub struct Visit {
    /// What the server sent.
    pub received: String,
    /// How often the client had sent something and waited for the answer, the handshake of TCP left out.
    pub round_trips: u32,
    /// Whether TLS went on with what it remembered.
    pub is_resumed: bool,
}

impl Returning {
    /// A client of `host`, which listens with TLS at `address`.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(address: SocketAddr, host: &str) -> io::Result<Self> {
        Ok(Self {
            config: Arc::new(tls::config().map_err(io::Error::other)?),
            address,
            host: host.to_owned(),
        })
    }

    /// Connects, sends what `flights` gives one after the other, each as soon as it has something for what was received so
    /// far, and ends once it has nothing more and `is_enough`.
    ///
    /// # Errors
    ///
    /// When the server ends the connection before, or is silent.
    pub fn visit(
        &self,
        mut flights: impl FnMut(&ClientConnection, &str) -> Option<String>,
        is_enough: impl Fn(&str) -> bool,
    ) -> io::Result<Visit> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let mut tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let (mut received, mut round_trips) = (Vec::new(), 0);
        loop {
            let text = String::from_utf8_lossy(&received).into_owned();
            if !tls.is_handshaking() {
                if let Some(flight) = flights(&tls, &text) {
                    tls.writer().write_all(flight.as_bytes())?;
                } else if is_enough(&text) {
                    return Ok(Visit {
                        received: text,
                        round_trips,
                        is_resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
                    });
                }
            }
            if tls.wants_write() {
                round_trips += 1;
            }
            while tls.wants_write() {
                tls.write_tls(&mut tcp)?;
            }
            if tls.read_tls(&mut tcp)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let start = received.len();
            received.resize(start + state.plaintext_bytes_to_read(), 0);
            tls.reader()
                .read_exact(received.get_mut(start..).unwrap_or_default())?;
        }
    }
}
