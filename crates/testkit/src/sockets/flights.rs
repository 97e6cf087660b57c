//! A client that comes back, and counts how often it has to wait for the server.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
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

/// What came of a visit whose client said everything along with its first message of the handshake.
#[derive(Debug)]
pub struct EarlyVisit {
    /// What the server sent before it had anything else of the client.
    pub received: String,
    /// Whether the server took what came along.
    pub is_taken: bool,
    /// All that the client had sent by then, as it was on the wire.
    pub flight: Vec<u8>,
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
        let mut config = tls::config().map_err(io::Error::other)?;
        // It makes a difference to `visit_early` only.
        config.enable_early_data = true;
        Ok(Self {
            config: Arc::new(config),
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
        let mut tls = self.client()?;
        let mut tcp = self.connect()?;
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

    /// Connects and sends `text` along with its first message, and then nothing more, not even the end of the handshake,
    /// until what came `is_enough`: so everything came after one round trip. Then it ends the handshake, sends `last`, and
    /// reads until `is_answered`. Where the server does not take what came early, it says it again after the handshake.
    ///
    /// # Errors
    ///
    /// When the server ends the connection before or is silent, or when it had not said that it takes early data.
    pub fn visit_early(
        &self,
        text: &str,
        is_enough: impl Fn(&str) -> bool,
        last: &str,
        is_answered: impl Fn(&str) -> bool,
    ) -> io::Result<EarlyVisit> {
        let mut tls = self.client()?;
        let mut tcp = self.connect()?;
        let none = || io::Error::other("early data was not offered");
        let mut early = tls.early_data().ok_or_else(none)?;
        early.write_all(text.as_bytes())?;
        let mut flight = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut flight)?;
        }
        tcp.write_all(&flight)?;
        let mut received = String::new();
        let mut is_said = false;
        while !is_enough(&received) {
            received.push_str(&read(&mut tls, &mut tcp)?);
            if !tls.is_handshaking() && !tls.is_early_data_accepted() && !is_said {
                is_said = true;
                tls.writer().write_all(text.as_bytes())?;
                while tls.wants_write() {
                    tls.write_tls(&mut tcp)?;
                }
            }
        }
        tls.writer().write_all(last.as_bytes())?;
        let mut answer = String::new();
        while !is_answered(&answer) {
            while tls.wants_write() {
                tls.write_tls(&mut tcp)?;
            }
            answer.push_str(&read(&mut tls, &mut tcp)?);
        }
        Ok(EarlyVisit {
            received,
            is_taken: tls.is_early_data_accepted(),
            flight,
        })
    }

    /// Sends what was on the wire before once more, as somebody may who recorded it, and waits until the server has given up
    /// on it.
    ///
    /// # Errors
    ///
    /// When the server is silent.
    pub fn replay(&self, flight: &[u8]) -> io::Result<()> {
        let mut tcp = self.connect()?;
        tcp.write_all(flight)?;
        tcp.shutdown(Shutdown::Write)?;
        io::copy(&mut tcp, &mut io::sink())?;
        Ok(())
    }

    fn client(&self) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        Ok(tcp)
    }
}

/// What comes next; nothing, where it is TLS's own.
fn read(tls: &mut ClientConnection, tcp: &mut TcpStream) -> io::Result<String> {
    if tls.read_tls(tcp)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let state = tls.process_new_packets().map_err(io::Error::other)?;
    let mut bytes = vec![0; state.plaintext_bytes_to_read()];
    tls.reader().read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
