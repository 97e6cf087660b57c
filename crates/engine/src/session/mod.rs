//! A session: an authenticated stream's server-side state.
//!
//! What others may reach is here: identity, outbox, and the hold that keeps its stanzas in order.
//! What handlers change (presence, interest, marks, directed targets) stands in the account's
//! [`Resource`](crate::account::Resource), under the account's lock. Session and transport meet at
//! the [`outbox`] only.
//!
//! A session that has ended is *resting*: it left its account's list, its outbox is closed, and
//! whatever is pushed to it is refused.

pub mod marks;
pub mod outbox;
pub(crate) mod pieces;
mod sm;
mod waker;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::Context,
};

use jid::{FullJid, Jid};
use stanza::Stanza;
use store::Seq;
use stream::StreamFault;

pub(crate) use self::sm::Acks;
use self::{outbox::Outbox, waker::WakerSlot};
use crate::{envelope::Envelope, permission::Role, sabotage::Sabotage};

/// Identifies a session for as long as the process lives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub(crate) u64);

/// A bound session, shared by its connection and its account.
pub struct Session {
    id: SessionId,
    full_jid: FullJid,
    role: Role,
    outbox: Mutex<Outbox>,
    /// How many of this session's stanzas have not taken effect yet; it reads no further until 0.
    held: AtomicU32,
    /// What must be durable before the effects of all stanzas so far are.
    gate: AtomicU64,
    /// XEP-0198 acks are on; part of the rule which messages are logged.
    acked: AtomicBool,
    /// Answers in pieces under way.
    piecemeal: AtomicU32,
    waker: WakerSlot,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        full_jid: FullJid,
        role: Role,
        outbox_bytes_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            full_jid,
            role,
            outbox: Mutex::new(Outbox::new(outbox_bytes_max)),
            held: AtomicU32::new(0),
            gate: AtomicU64::new(0),
            acked: AtomicBool::new(false),
            piecemeal: AtomicU32::new(0),
            waker: WakerSlot::default(),
        })
    }

    /// Its number in this process.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The full JID it bound.
    #[must_use]
    pub fn full_jid(&self) -> &FullJid {
        &self.full_jid
    }

    /// What its user may do, as granted at sign-in.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Stamps `from`, and reads a missing `to` as the sender's own account, [RFC 6120 §10.3].
    ///
    /// # Errors
    ///
    /// [`StreamFault::InvalidFrom`] when the client names somebody else ([RFC 6120 §8.1.2.1]).
    ///
    /// [RFC 6120 §10.3]: https://www.rfc-editor.org/rfc/rfc6120#section-10.3
    /// [RFC 6120 §8.1.2.1]: https://www.rfc-editor.org/rfc/rfc6120#section-8.1.2.1
    pub(crate) fn stamp(
        self: &Arc<Self>,
        stanza: Stanza,
        sabotage: Sabotage,
    ) -> Result<Envelope, StreamFault> {
        if let (Sabotage::DontStamp, Some(claimed)) = (sabotage, stanza.from().cloned()) {
            let to = stanza
                .to()
                .cloned()
                .unwrap_or_else(|| self.full_jid.bare().into());
            return Ok(Envelope::share(claimed, to, &Arc::new(stanza)));
        }
        if let Some(claimed) = stanza.from()
            && !self.owns(claimed)
        {
            return Err(StreamFault::InvalidFrom);
        }
        let to = match stanza.to() {
            Some(to) => to.clone(),
            None => self.full_jid.bare().into(),
        };
        Ok(Envelope::from_session(self, to, stanza, Held::new(self)))
    }

    /// Whether the client may write `claimed` as its `from`: its full or its bare JID.
    fn owns(&self, claimed: &Jid) -> bool {
        claimed.as_str() == self.full_jid.as_str() || claimed.as_str() == self.full_jid.bare_str()
    }

    /// What must be durable before the effects of everything this session sent are.
    pub(crate) fn gate(&self) -> Seq {
        Seq(self.gate.load(Ordering::Acquire))
    }

    /// Raises [`Session::gate`].
    pub(crate) fn gate_at(&self, gate: Seq) {
        self.gate.fetch_max(gate.0, Ordering::AcqRel);
    }

    /// Whether acks (XEP-0198) are on.
    #[must_use]
    pub fn has_acks(&self) -> bool {
        self.acked.load(Ordering::Relaxed)
    }

    pub(crate) fn turn_acks_on(&self) {
        self.acked.store(true, Ordering::Relaxed);
    }

    /// It received a stanza, which takes effect before the next is received.
    pub(crate) fn count_received(&self) {
        if self.has_acks()
            && let Some(acks) = &mut self.outbox().acks
        {
            acks.received();
        }
    }

    /// Which stanza of this session is taking effect, as the log has it; `None` without acks. Stanzas are counted as `h`
    /// counts them, from when acks were turned on.
    pub(crate) fn inbound(&self) -> Option<mailbox::Inbound> {
        match self.has_acks() {
            true => Some(self.outbox().acks.as_ref()?.inbound()),
            false => None,
        }
    }

    /// Whether a stanza of this session has not taken effect yet; until then it reads nothing.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    /// Wakes `cx` when the outbox or the hold changes.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        self.waker.watch(cx.waker());
    }

    /// Wakes the connection.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// The outbox, locked. Taken after the account's lock or without it, never before.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // A panic while pushing leaves a consistent queue: every mutation is one call.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {})", self.id.0, self.full_jid)
    }
}

/// Keeps a session from reading on until the stanza that carries this has taken effect.
///
/// Dropping it is what lets the session go on, so no path can forget to.
#[derive(Debug)]
pub(crate) struct Held(Arc<Session>);

impl Held {
    pub(crate) fn new(session: &Arc<Session>) -> Self {
        session.held.fetch_add(1, Ordering::AcqRel);
        Self(session.clone())
    }

    /// What the stanza did becomes durable at `gate`.
    pub(crate) fn gate_at(&self, gate: Seq) {
        self.0.gate_at(gate);
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.held.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.wake();
        }
    }
}
