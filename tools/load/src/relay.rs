//! The floor: what a server can't do without. It accepts, reads, and writes to the peer; nothing is parsed.
//!
//! A connection says in its first five bytes what it is for: [`PAIR`] and a number, to be joined with the other
//! connection of that number; [`FAN`] and a number, to be joined with all others of that number; or [`ECHO`] and four
//! bytes that do not matter. When its place is ready, the relay says [`READY`]. From then on bytes are bytes.
//!
//! One thread, TLS by hand, buffers shared, one read and one write per message, no timer, no tickets.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use anyhow::{Context as _, Result, bail};
use rustls::{ServerConfig, ServerConnection};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::spawn_local};

use crate::{
    tls,
    wire::{Buffers, Wire},
};

/// First byte of a connection that is to be joined with another.
pub(crate) const PAIR: u8 = b'p';
/// First byte of a connection whose bytes go to all others of its number.
pub(crate) const FAN: u8 = b'f';
/// First byte of a connection that wants its own bytes back.
pub(crate) const ECHO: u8 = b'e';
/// What the relay says when a connection has found its place.
pub(crate) const READY: &[u8] = b"<ready/>";
/// The same, as an element's name.
pub(crate) const READY_NAME: &str = "ready";

/// Bytes of a connection that are looked at.
const PREAMBLE_BYTES: usize = 5;

/// Where a relay listens: what it prints first, as one line of JSON.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Place {
    /// Without TLS.
    pub(crate) plain: SocketAddr,
    /// With TLS from the first byte.
    pub(crate) tls: SocketAddr,
}

/// A relay that listens.
#[derive(Debug)]
pub(crate) struct Relay {
    plain: TcpListener,
    secured: TcpListener,
}

impl Relay {
    /// Listens on two ports of `host`, plain and with TLS; 0 is any that is free.
    ///
    /// # Errors
    ///
    /// When that can't be done.
    pub(crate) async fn bind(host: &str, plain: u16, tls: u16) -> Result<Self> {
        Ok(Self {
            plain: TcpListener::bind((host, plain)).await?,
            secured: TcpListener::bind((host, tls)).await?,
        })
    }

    /// Where it listens.
    pub(crate) fn place(&self) -> io::Result<Place> {
        Ok(Place {
            plain: self.plain.local_addr()?,
            tls: self.secured.local_addr()?,
        })
    }

    /// Serves until the process is ended.
    ///
    /// # Errors
    ///
    /// When it can't accept any more.
    pub(crate) async fn serve(self) -> Result<()> {
        let waiting = Rc::new(Waiting::default());
        let config = tls::relay()?;
        tokio::select! {
            result = accept(self.plain, None, &waiting) => result,
            result = accept(self.secured, Some(config), &waiting) => result,
        }
    }
}

/// Connections that others may be joined with.
#[derive(Default)]
struct Waiting {
    /// Whose pair is not complete, by number.
    pairs: RefCell<BTreeMap<u32, Rc<Half>>>,
    /// Those that hear each other, by number.
    fans: RefCell<BTreeMap<u32, Rc<Group>>>,
}

/// Connections that hear each other.
type Group = RefCell<Vec<Rc<Half>>>;

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    waiting: &Rc<Waiting>,
) -> Result<()> {
    loop {
        let (socket, _) = listener.accept().await.context("can't accept")?;
        let mut wire = Wire::new(socket)?;
        if let Some(config) = &tls {
            wire.start_tls(ServerConnection::new(Arc::clone(config))?.into());
        }
        let half = Rc::new(Half {
            wire: RefCell::new(wire),
            peers: RefCell::default(),
            waker: RefCell::default(),
            is_over: Cell::new(false),
        });
        let waiting = Rc::clone(waiting);
        spawn_local(async move {
            // A connection that breaks concerns its two ends only, and they see it.
            let _ = half.run(&waiting).await;
            half.end();
        });
    }
}

/// Where a connection's bytes go.
#[derive(Default)]
enum Peers {
    /// Nowhere, until its place is found and after its end.
    #[default]
    None,
    /// To one connection: the other of its pair, or itself.
    One(Rc<Half>),
    /// To all of these but itself.
    Fan(Rc<Group>),
}

/// One connection.
struct Half {
    wire: RefCell<Wire>,
    peers: RefCell<Peers>,
    waker: RefCell<Option<Waker>>,
    is_over: Cell<bool>,
}

impl Half {
    async fn run(self: &Rc<Self>, waiting: &Waiting) -> Result<()> {
        let number = self.find_place(waiting).await?;
        let result = poll_fn(|cx| self.poll(cx)).await;
        if let Some(number) = number {
            let mut waiting = waiting.pairs.borrow_mut();
            if waiting
                .get(&number)
                .is_some_and(|half| Rc::ptr_eq(half, self))
            {
                waiting.remove(&number);
            }
        }
        Ok(result?)
    }

    /// Reads the preamble. The number, when the connection waits for its pair.
    async fn find_place(self: &Rc<Self>, waiting: &Waiting) -> Result<Option<u32>> {
        let mut preamble = Vec::new();
        while preamble.len() < PREAMBLE_BYTES {
            poll_fn(|cx| {
                Buffers::with(|buffers| {
                    let mut wire = self.wire.borrow_mut();
                    let _ = wire.poll_flush(cx)?;
                    let poll = wire.poll_receive(cx, buffers)?;
                    if poll == Poll::Ready(false) {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    if poll.is_ready() {
                        preamble.extend_from_slice(&buffers.plain);
                    }
                    poll.map(|_| io::Result::Ok(()))
                })
            })
            .await?;
        }
        let [mode, number @ ..] = preamble.as_slice() else {
            bail!("no preamble");
        };
        let number = u32::from_be_bytes(number.try_into().context("a preamble too long")?);
        match *mode {
            ECHO => {
                *self.peers.borrow_mut() = Peers::One(Rc::clone(self));
                self.send(READY)?;
                Ok(None)
            }
            FAN => {
                let group = Rc::clone(waiting.fans.borrow_mut().entry(number).or_default());
                group.borrow_mut().push(Rc::clone(self));
                *self.peers.borrow_mut() = Peers::Fan(group);
                self.send(READY)?;
                Ok(None)
            }
            PAIR => {
                let Some(peer) = waiting.pairs.borrow_mut().remove(&number) else {
                    waiting.pairs.borrow_mut().insert(number, Rc::clone(self));
                    return Ok(Some(number));
                };
                *peer.peers.borrow_mut() = Peers::One(Rc::clone(self));
                peer.send(READY)?;
                self.send(READY)?;
                *self.peers.borrow_mut() = Peers::One(peer);
                Ok(None)
            }
            _ => bail!("neither a pair, nor a fan, nor an echo"),
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over.get() {
            return Poll::Ready(Ok(()));
        }
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        loop {
            let _ = self.wire.borrow_mut().poll_flush(cx)?;
            let read = Buffers::with(|buffers| {
                let poll = self.wire.borrow_mut().poll_receive(cx, buffers)?;
                if poll == Poll::Ready(true) {
                    self.pass_on(buffers)?;
                }
                poll.map(io::Result::Ok)
            });
            match read? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes what was read to wherever it goes.
    fn pass_on(&self, buffers: &mut Buffers) -> io::Result<()> {
        match &*self.peers.borrow() {
            Peers::None => Ok(()),
            Peers::One(peer) => peer.send_received(buffers),
            Peers::Fan(group) => {
                let group = group.borrow();
                let others = group
                    .iter()
                    .filter(|peer| !std::ptr::eq(Rc::as_ptr(peer), self));
                for peer in others {
                    // One that can't be written to is no concern of who speaks.
                    if peer.send_received(buffers).is_err() {
                        peer.is_to_end();
                    }
                }
                Ok(())
            }
        }
    }

    fn send_received(&self, buffers: &mut Buffers) -> io::Result<()> {
        let mut wire = self.wire.borrow_mut();
        wire.send_received(buffers)?;
        self.wake_to_flush(&wire);
        Ok(())
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut wire = self.wire.borrow_mut();
        Buffers::with(|buffers| wire.send(bytes, buffers))?;
        self.wake_to_flush(&wire);
        Ok(())
    }

    /// Whose socket did not take all waits for it in its own future.
    fn wake_to_flush(&self, wire: &Wire) {
        if !wire.is_flushed()
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Its future ends it.
    fn is_to_end(&self) {
        if !self.is_over.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Ends this connection and the other of its pair.
    fn end(&self) {
        self.is_over.set(true);
        match self.peers.take() {
            Peers::None => {}
            Peers::One(peer) => peer.is_to_end(),
            Peers::Fan(group) => group
                .borrow_mut()
                .retain(|peer| !std::ptr::eq(Rc::as_ptr(peer), self)),
        }
    }
}
