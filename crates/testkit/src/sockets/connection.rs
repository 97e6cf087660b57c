//! One transport: bytes over TCP, in TLS once it was started, and the XML that comes back.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use rustls::ClientConnection;
use xml::{Fault, Framing};

use super::tls;
use crate::{incoming::Incoming, transcript::Received};

/// How long a connection or a handshake may take.
const SET_UP: Duration = Duration::from_secs(10);

/// How long a write may be held back by a server that does not read.
const WRITE: Duration = Duration::from_secs(20);

/// A client's end of a transport.
pub(super) struct Connection {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    incoming: Incoming,
    has_ended: bool,
}

impl Connection {
    /// Connects without TLS and sends nothing.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let tcp = TcpStream::connect_timeout(&address, SET_UP)?;
        tcp.set_nodelay(true)?;
        tcp.set_write_timeout(Some(WRITE))?;
        Ok(Self {
            tcp,
            tls: None,
            incoming: Incoming::of_any_size(Framing::Stream),
            has_ended: false,
        })
    }

    /// Does the handshake; what comes after it begins a new stream.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    pub(super) fn start_tls(&mut self, host: &str) -> io::Result<()> {
        let mut tls = tls::client(host).map_err(io::Error::other)?;
        self.tcp.set_read_timeout(Some(SET_UP))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut self.tcp)?;
        }
        self.tls = Some(Box::new(tls));
        self.restart();
        Ok(())
    }

    /// What the server sends next begins a new stream.
    pub(super) fn restart(&mut self) {
        self.incoming.restart();
    }

    /// Whether nothing more can come.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    ///
    /// When the transport is gone, or the server does not read.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.tcp.write_all(bytes),
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.tcp);
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// Breaks the transport without a word, and waits up to `patience` for the server to notice: then it lets go of
    /// its end as well.
    pub(super) fn cut(mut self, patience: Duration) {
        // Failure means that the server has let go already.
        let _ = self.tcp.shutdown(Shutdown::Write);
        let _ = self.tcp.set_read_timeout(Some(patience));
        let mut bytes = [0; 4096];
        while self.tcp.read(&mut bytes).is_ok_and(|length| length > 0) {}
    }

    /// What came next, of what was read.
    pub(super) fn next(&mut self) -> Option<Received> {
        self.incoming.next()
    }

    /// Waits up to `patience` for bytes and reads what is there; `false` when none came. The end of the transport is
    /// noted.
    ///
    /// # Errors
    ///
    /// When what comes is not XML.
    pub(super) fn read(&mut self, patience: Duration) -> Result<bool, Fault> {
        if self.has_ended {
            return Ok(false);
        }
        let patience = patience.max(Duration::from_millis(1));
        let mut bytes = vec![0; 16 * 1024];
        let read = self
            .tcp
            .set_read_timeout(Some(patience))
            .and_then(|()| self.read_bytes(&mut bytes));
        match read {
            Ok(0) => {
                self.has_ended = true;
                Ok(false)
            }
            Ok(length) => {
                self.incoming
                    .feed(bytes.get(..length).unwrap_or_default())?;
                Ok(true)
            }
            Err(error) => {
                // However it ends, it has ended: a server need not say goodbye in TLS.
                self.has_ended = !matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                );
                Ok(false)
            }
        }
    }

    fn read_bytes(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.tcp.read(bytes),
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.tcp).read(bytes),
        }
    }
}
