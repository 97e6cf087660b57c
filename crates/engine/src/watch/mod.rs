//! Live stanzas of one address, for an operator who looks: what its sessions send and are sent.
//!
//! While nobody looks, a stanza costs one load of a flag. Who looks gets what fits a bounded queue; what does not is
//! counted, so that a slow terminal neither holds anybody up nor fills the memory.
//!
//! `queue.rs` is that queue, `shown.rs` how a stanza looks to somebody who has no business with what it says.

mod queue;
mod shown;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use jid::{FullJid, Jid};
use stanza::{Stanza, Timestamp};

use self::queue::Queue;
pub use self::{queue::Look, shown::shown};
use crate::server::Server;

/// How many may look at once.
const WATCHERS_MAX: usize = 32;

/// Which way a stanza went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From the client.
    Received,
    /// To the client.
    Sent,
}

/// A stanza that crossed a watched session's stream.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Which way.
    pub way: Way,
    /// Whose session.
    pub session: FullJid,
    /// What.
    pub stanza: Arc<Stanza>,
    /// Written instead of the stanza's own `to`.
    pub to: Option<Jid>,
}

/// Who looks, kept by the server.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    any: AtomicBool,
    watchers: Mutex<Vec<Weak<Watched>>>,
}

#[derive(Debug)]
struct Watched {
    address: Jid,
    queue: Mutex<Queue>,
}

impl Watched {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A full JID is one session, a bare JID all of its account, a domain all of the host.
    fn is_about(&self, session: &FullJid) -> bool {
        let address = self.address.as_str();
        address == session.as_str() || address == session.bare_str() || address == session.domain()
    }
}

/// Somebody who looks; looks no more when dropped.
pub struct Watcher {
    server: Arc<Server>,
    watched: Arc<Watched>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watcher({})", self.watched.address)
    }
}

impl Watches {
    /// Whether anybody looks at anything.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Shows a stanza to whoever looks at its session. To be called only while there is [`any`](Self::any).
    #[cold]
    pub(crate) fn show(
        &self,
        server: &Server,
        way: Way,
        session: &FullJid,
        stanza: &Arc<Stanza>,
        to: Option<&Jid>,
    ) {
        let watchers: Vec<_> = {
            let all = self.lock();
            let all = all.iter().filter_map(Weak::upgrade);
            all.filter(|one| one.is_about(session)).collect()
        };
        for watched in watchers {
            let seen = Seen {
                at: server.environment().timestamp(),
                way,
                session: session.clone(),
                stanza: stanza.clone(),
                to: to.cloned(),
            };
            let waker = watched.queue().push(seen);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Watched>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets who is gone.
    fn tidy(&self) {
        let mut watchers = self.lock();
        watchers.retain(|one| one.strong_count() > 0);
        self.any.store(!watchers.is_empty(), Ordering::Relaxed);
    }
}

impl Server {
    /// Begins to look at `address`: a full JID, the bare JID of an account, or a host. `None` when too many look.
    #[must_use]
    pub fn watch(self: &Arc<Self>, address: Jid) -> Option<Watcher> {
        let watched = Arc::new(Watched {
            address,
            queue: Mutex::default(),
        });
        let mut watchers = self.watches.lock();
        if watchers.len() >= WATCHERS_MAX {
            return None;
        }
        watchers.push(Arc::downgrade(&watched));
        self.watches.any.store(true, Ordering::Relaxed);
        drop(watchers);
        Some(Watcher {
            server: self.clone(),
            watched,
        })
    }
}

impl Watcher {
    /// What comes next.
    pub async fn next(&self) -> Look {
        std::future::poll_fn(|cx| match self.watched.queue().next(cx.waker()) {
            Some(look) => Poll::Ready(look),
            None => Poll::Pending,
        })
        .await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The last strong reference goes first, so that it is seen as gone.
        let nobody = Arc::new(Watched {
            address: self.watched.address.clone(),
            queue: Mutex::default(),
        });
        drop(std::mem::replace(&mut self.watched, nobody));
        self.server.watches.tidy();
    }
}
