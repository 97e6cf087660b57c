//! One client's transport: a pipe each way, and the server's connection at its end.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Instant,
};

use engine::Connection;

/// How much is under way to a client that does not read: what the kernel's buffers would take.
const WINDOW: usize = 256 * 1024;

/// One client's transport.
pub(super) struct Link {
    /// Which home it leads to.
    pub(super) home: usize,
    pub(super) connection: Connection,
    pub(super) to_server: Vec<u8>,
    pub(super) to_client: Vec<u8>,
    pub(super) bell: Arc<Bell>,
    /// The server dropped it; nothing more comes.
    pub(super) ended: bool,
    /// The client's handshake is not over.
    pub(super) is_early: bool,
    /// How much may be under way to a client that does not read.
    window: usize,
}

/// Puts a link into the list of those that have something to do, once.
pub(super) struct Bell {
    link: u64,
    rung: AtomicBool,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Bell {
    pub(super) fn new(link: u64, ready: Arc<Mutex<Vec<u64>>>) -> Arc<Self> {
        Arc::new(Self {
            link,
            rung: AtomicBool::new(false),
            ready,
        })
    }

    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.link);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// Names a client's transport.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub(super) u64);

impl Link {
    pub(super) fn new(home: usize, connection: Connection, bell: Arc<Bell>) -> Self {
        Self {
            home,
            connection,
            to_server: Vec::new(),
            to_client: Vec::new(),
            bell,
            ended: false,
            is_early: false,
            window: WINDOW,
        }
    }

    /// Polls, reads up to `piece` bytes and flushes, once. Gives what was written.
    pub(super) fn drive(&mut self, now: Instant, piece: usize) -> &[u8] {
        self.bell.rung.store(false, Ordering::Release);
        if self.ended {
            return &[];
        }
        let waker = Waker::from(self.bell.clone());
        let _ = self.connection.poll(&mut Context::from_waker(&waker), now);
        if !self.to_server.is_empty() && self.connection.wants_read() {
            let bytes: Vec<u8> = self
                .to_server
                .drain(..piece.min(self.to_server.len()))
                .collect();
            self.connection.receive(&bytes, now);
            self.bell.ring();
        }
        let before = self.to_client.len();
        if before < self.window {
            self.connection.flush(&mut self.to_client);
            if self.to_client.len() > before {
                self.bell.ring();
            }
        }
        self.ended |= self.connection.is_closed();
        self.to_client.get(before..).unwrap_or_default()
    }
}
