//! A session: an authenticated stream's server-side state.
//!
//! What others may reach is here: identity, outbox, and the hold that keeps its stanzas in order.
//! What handlers change (presence, interest, marks, directed targets) stands in the account's
//! [`Resource`](crate::account::Resource), under the account's lock. Session and transport meet at
//! the [`outbox`] only.
//!
//! A session that can be resumed (XEP-0198) outlives its transport: it is *detached* then, and [`waiting`] keeps what
//! comes for it.
//!
//! A session that has ended is *resting*: it left its account's list, its outbox is closed, and
//! whatever is pushed to it is refused.

mod counted;
pub mod frame;
mod frames;
mod lull;
pub mod marks;
pub mod outbox;
pub(crate) mod pieces;
pub(crate) mod resumption;
pub(crate) mod sm;
mod superseding;
mod waiting;
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
use stanza::{Stanza, Timestamp};
use store::Seq;
use stream::{ClientId, StreamFault, UserAgent};

pub use self::{lull::Importance, resumption::SmId};
use self::{lull::Lull, outbox::Outbox, waker::WakerSlot};
pub(crate) use self::{
    resumption::{Resumption, Standing},
    sm::{AckTooHigh, Acks, Handled},
    waiting::Slot,
};
use crate::{envelope::Envelope, permission::Role, sabotage::Sabotage, server::Server};

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
    /// The client said that its user does not look, XEP-0352.
    inactive: AtomicBool,
    binder: Binder,
    waker: WakerSlot,
}

/// Who bound a session, and how.
#[derive(Clone, Default)]
pub(crate) struct Binder {
    /// Which client it is, where it could say so.
    pub(crate) user_agent: Option<Arc<UserAgent>>,
    /// Along with its sign-in, by Bind 2.
    pub(crate) is_bind2: bool,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        full_jid: FullJid,
        role: Role,
        outbox_bytes_max: usize,
        binder: Binder,
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
            inactive: AtomicBool::new(false),
            binder,
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

    /// What its client says of itself (SASL2): for its user's eyes only.
    #[must_use]
    pub fn user_agent(&self) -> Option<&UserAgent> {
        self.binder.user_agent.as_deref()
    }

    /// Which installation of a client it is, the same each time that one signs in.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId> {
        self.user_agent()?.id
    }

    /// Whether it bound along with its sign-in (Bind 2, XEP-0386): then it reads what it missed from the archive.
    #[must_use]
    pub fn is_bind2(&self) -> bool {
        self.binder.is_bind2
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

    /// From here on stanzas are counted, unless they are already. Whether this was the first time.
    pub(crate) fn turn_acks_on(&self, acks: Acks) -> bool {
        let mut outbox = self.outbox();
        let is_first = outbox.acks.is_none() && !outbox.is_resting();
        if is_first {
            outbox.acks = Some(Box::new(acks));
            self.acked.store(true, Ordering::Relaxed);
        }
        is_first
    }

    /// Whether the client said that its user does not look. Others must not be told.
    #[must_use]
    pub fn is_inactive(&self) -> bool {
        self.inactive.load(Ordering::Relaxed)
    }

    /// Nobody looks: from now on what is not `is_important` waits. Saying it again changes nothing.
    pub fn become_inactive(&self, is_important: Importance, server: &Server) {
        let stanzas_max = server.limits().inactive_session_stanzas_max;
        let stanzas_max = usize::try_from(stanzas_max).unwrap_or(usize::MAX);
        let host: Jid = self.full_jid.to_domain().into();
        self.outbox()
            .begin_lull(Lull::new(is_important, host, stanzas_max));
        self.inactive.store(true, Ordering::Relaxed);
    }

    /// Somebody looks: what waited goes out before anything else does.
    pub fn become_active(&self, server: &Server) {
        self.inactive.store(false, Ordering::Relaxed);
        if self.outbox().end_lull(server.environment().timestamp()) {
            self.wake();
        }
    }

    /// The transport on which the client said it is gone, or another takes its place: a resumed session begins active,
    /// as any other does.
    pub(crate) fn forget_inactivity(&self) {
        self.inactive.store(false, Ordering::Relaxed);
    }

    /// Something goes to the device anyway, or it sent something and so is awake: what waits goes too.
    pub(crate) fn release(&self, at: impl FnOnce() -> Timestamp) {
        if self.is_inactive() && self.outbox().release(at()) {
            self.wake();
        }
    }

    /// Whether a stanza of this session has not taken effect yet; until then it reads nothing.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    /// Wakes `cx` when the outbox or the hold changes, while the session sits on this transport. How it stands to it.
    pub(crate) fn watch(&self, transport: u32, cx: &Context<'_>) -> Standing {
        let outbox = self.outbox();
        let standing = outbox.standing(transport);
        // Under the outbox's lock, so that nobody who was taken over takes the waker's place.
        if matches!(standing, Standing::Here | Standing::Ended) {
            self.waker.watch(cx.waker());
        }
        standing
    }

    /// The same for who brings it to a new transport, which nothing is written to yet.
    pub(crate) fn await_turn(&self, transport: u32, cx: &Context<'_>) -> Standing {
        let outbox = self.outbox();
        let standing = outbox.standing(transport);
        if standing == Standing::Dropped {
            self.waker.watch(cx.waker());
        }
        standing
    }

    /// Whether it has no transport and waits to be resumed.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.outbox().is_detached()
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
