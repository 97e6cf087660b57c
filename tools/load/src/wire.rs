//! One connection without its protocol: TCP, with TLS by hand or without. Both ends of the tool use it.
//!
//! Buffers are shared by all connections of the thread, so that an idle one owns none, and what is written goes out
//! at once where the socket takes it: the relay built on this is the least that a server can do.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustls::Connection;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Bytes that one read takes at most: two TLS records.
const READ_BYTES: usize = 34 * 1024;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

/// What the connections of a thread share.
pub(crate) struct Buffers {
    read: Box<[u8]>,
    wire: Vec<u8>,
    /// What the last [`Wire::poll_receive`] brought.
    pub(crate) plain: Vec<u8>,
    /// The scanner's.
    pub(crate) xml: xml::Scratch,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            read: vec![0; READ_BYTES].into(),
            wire: Vec::new(),
            plain: Vec::new(),
            xml: xml::Scratch::default(),
        }
    }
}

impl Buffers {
    /// Lends the thread's buffers. Not to be nested.
    pub(crate) fn with<T>(work: impl FnOnce(&mut Self) -> T) -> T {
        BUFFERS.with_borrow_mut(work)
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    tls: Option<Box<Connection>>,
    /// What the socket did not take.
    rest: Vec<u8>,
}

impl Wire {
    /// A connection without TLS.
    ///
    /// # Errors
    ///
    /// When small writes can't be set to go out at once.
    pub(crate) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            tls: None,
            rest: Vec::new(),
        })
    }

    /// Begins TLS; [`Wire::is_handshaking`] until its handshake is done.
    pub(crate) fn start_tls(&mut self, tls: Connection) {
        self.tls = Some(Box::new(tls));
    }

    /// Whether TLS was begun and its handshake goes on.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Reads once. What was read is in `buffers.plain`: nothing while TLS speaks for itself. `false` at the end.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut Buffers,
    ) -> Poll<io::Result<bool>> {
        let mut read = ReadBuf::new(&mut buffers.read);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
        buffers.plain.clear();
        let mut come = read.filled();
        if come.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let Some(tls) = &mut self.tls else {
            buffers.plain.extend_from_slice(come);
            return Poll::Ready(Ok(true));
        };
        let mut has_closed = false;
        while !come.is_empty() && !has_closed {
            tls.read_tls(&mut come)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let length = state.plaintext_bytes_to_read() as u64;
            if length > 0 {
                tls.reader().take(length).read_to_end(&mut buffers.plain)?;
            }
            has_closed = state.peer_has_closed();
        }
        if tls.wants_write() {
            self.send(&[], buffers)?;
        }
        Poll::Ready(Ok(!has_closed || !buffers.plain.is_empty()))
    }

    /// Writes `plain`, as far as the socket takes it; the rest waits for [`Wire::poll_flush`].
    pub(crate) fn send(&mut self, plain: &[u8], buffers: &mut Buffers) -> io::Result<()> {
        let wire = match &mut self.tls {
            None => plain,
            Some(tls) => {
                buffers.wire.clear();
                encrypt(tls, plain, &mut buffers.wire)?;
                &buffers.wire
            }
        };
        let mut taken = 0;
        if self.rest.is_empty() && !wire.is_empty() {
            taken = match self.socket.try_write(wire) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
        }
        self.rest
            .extend_from_slice(wire.get(taken..).unwrap_or_default());
        Ok(())
    }

    /// The same for the calling thread's own plain text, as a relay needs it.
    pub(crate) fn send_received(&mut self, buffers: &mut Buffers) -> io::Result<()> {
        let plain = std::mem::take(&mut buffers.plain);
        let result = self.send(&plain, buffers);
        buffers.plain = plain;
        result
    }

    /// Whether everything sent has gone out.
    pub(crate) fn is_flushed(&self) -> bool {
        self.rest.is_empty()
    }

    /// Writes what the socket did not take before.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let taken = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.rest))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.drain(..taken);
        }
        self.rest = Vec::new();
        Poll::Ready(Ok(()))
    }
}

fn encrypt(tls: &mut Connection, mut plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()> {
    loop {
        if !plain.is_empty() {
            let taken = tls.writer().write(plain)?;
            plain = plain.get(taken..).unwrap_or_default();
        }
        while tls.wants_write() {
            tls.write_tls(wire)?;
        }
        if plain.is_empty() {
            return Ok(());
        }
    }
}
