//! The seam between sockets and protocol: what a connection is to this crate.
//!
//! A [`Drive`] holds no socket, clock or task of its own. The driver gives it bytes, time and a
//! waker, and takes bytes from it. `engine::Connection` is the one in the server.

use std::{
    net::SocketAddr,
    task::{Context, Poll},
    time::Instant,
};

use crate::tls::TlsInfo;

/// One connection's protocol state, driven by this crate.
///
/// The order of a turn: [`poll`](Self::poll), then [`flush`](Self::flush) until nothing comes,
/// then, if [`wants_read`](Self::wants_read), one read and [`receive`](Self::receive), and again
/// until the socket has nothing and the connection nothing to do.
pub trait Drive: Send + Unpin + 'static {
    /// Takes what the peer sent, decrypted. Called only while [`wants_read`](Self::wants_read), but for early data, of which
    /// there is little.
    fn receive(&mut self, bytes: &[u8], now: Instant);

    /// Moves everything on that does not depend on bytes: waiting futures, due deadlines.
    /// Registers the waker for whatever may give this connection work later: its outbox, a
    /// commit it waits for. Ready means that it may be asked for output or an end; a
    /// connection never has to be polled twice in a row.
    fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()>;

    /// When `poll` must be called next, if nothing happens before.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Appends what is due to `out`, in plaintext, a bounded amount. The driver writes it before
    /// it asks again, so what the peer does not take stays in the outbox.
    fn flush(&mut self, out: &mut Vec<u8>);

    /// Whether the connection can take more bytes. While it says no, the socket is not read.
    fn wants_read(&self) -> bool;

    /// The stream agreed to STARTTLS: once the output is written, TLS begins. Must turn false in
    /// [`tls_established`](Self::tls_established).
    fn tls_requested(&self) -> bool;

    /// The host the stream was opened to, for a client that sends no SNI with STARTTLS.
    fn tls_host(&self) -> Option<String> {
        None
    }

    /// The client sends data before the handshake is over. Up to [`tls_established`](Self::tls_established), bytes may be
    /// those that somebody recorded and sends once more, [RFC 8446 §8](https://www.rfc-editor.org/rfc/rfc8446#section-8).
    /// They can be answered.
    fn tls_early(&mut self, info: TlsInfo, now: Instant);

    /// The handshake is over; all bytes from here on came encrypted, from a client that is there. What came early is its own
    /// as well.
    fn tls_established(&mut self, info: TlsInfo, now: Instant);

    /// Nothing more will be said: what [`flush`](Self::flush) still gives is written, then the
    /// connection is closed and this value dropped.
    fn is_closed(&self) -> bool;

    /// Whether somebody signed in, for the limit of unauthenticated connections per address.
    fn is_authenticated(&self) -> bool;

    /// The peer closed its direction: no more bytes will come, but it may still read.
    fn peer_closed(&mut self, now: Instant);

    /// The connection broke: nothing can be sent or received any more.
    fn lost(&mut self, now: Instant);

    /// The server is stopping: say so to the peer and close in good order.
    fn stop(&mut self, now: Instant);
}

/// Makes the protocol side of accepted connections.
pub trait MakeConnection: Send + Sync + 'static {
    /// What this maker makes.
    type Connection: Drive;

    /// A connection was accepted. Called on the worker that will drive it.
    fn make(&self, peer: &Peer, now: Instant) -> Self::Connection;
}

/// Where a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Unique in this process; what logs name the connection by.
    pub id: u64,
    /// The peer's address; IPv4 is never written as mapped IPv6.
    pub address: SocketAddr,
    /// Which kind of listener took it.
    pub kind: ListenerKind,
}

/// What a listener expects of its connections.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ListenerKind {
    /// Clients that may begin TLS by STARTTLS, RFC 6120 §5.
    C2s,
    /// Clients that begin with TLS, [XEP-0368](https://xmpp.org/extensions/xep-0368.html).
    C2sTls,
}
