//! Answers in pieces: what a feature gives a session in many stanzas, as fast as the session takes them.
//!
//! A queue is first in, first out, so what stands in it holds up whatever comes behind. Pieces are given only while
//! little is queued; live traffic is never more than that behind. They are dropped with the session.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
    task::Context,
};

use jid::Jid;
use stanza::Stanza;

use super::{
    Session,
    frame::{Fate, Frame},
};
use crate::{pipeline::Gates, server::Server};

/// So many answers in pieces may be under way to one session; a further request is refused.
pub(crate) const PIECEMEAL_MAX: u32 = 8;

/// So many bytes may be queued when the next piece is given: about what one write takes.
pub(crate) const QUEUED_BYTES_MAX: usize = 16 * 1024;

/// One answer in pieces on its way to a session.
pub struct Pieces {
    session: Arc<Session>,
    server: Arc<Server>,
}

impl Pieces {
    /// `None` when too many are under way.
    pub(crate) fn begin(session: &Arc<Session>, server: &Arc<Server>) -> Option<Self> {
        let begun =
            session
                .piecemeal
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |under_way| {
                    (under_way < PIECEMEAL_MAX).then_some(under_way + 1)
                });
        begun.is_ok().then(|| Self {
            session: session.clone(),
            server: server.clone(),
        })
    }

    /// Gives the session one more stanza, readdressed to it, once it has taken enough of what it was given. `false`:
    /// it has ended, and takes nothing any more.
    pub async fn push(&self, stanza: Stanza) -> bool {
        let session = &self.session;
        let mut frame = Some(Frame {
            stanza: Arc::new(stanza),
            to: Some(Jid::from(session.full_jid().clone())),
            gates: Gates::OPEN,
            fate: Fate::Drop,
        });
        let poll = |cx: &mut Context<'_>| {
            let mut outbox = session.outbox();
            let at = || self.server.environment().timestamp();
            outbox.poll_push(&mut frame, QUEUED_BYTES_MAX, at, cx)
        };
        match poll_fn(poll).await {
            Ok(needs_wake) => {
                if needs_wake {
                    session.wake();
                }
                true
            }
            Err(_) => false,
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.session.piecemeal.fetch_sub(1, Ordering::Relaxed);
    }
}
