//! The pipeline: one run of an account's handlers over one event, under the account's lock.
//!
//! Stages, the same both ways: **screen** (may stop a stanza) -> **annotate** (strip forged ids, add
//! ours) -> **decide** (RFC 6121 §8.5, who gets it) -> **record** (mailbox) -> **fork** (carbons,
//! push) -> deliver. Within a stage order is undefined, and tests shuffle it.
//!
//! Only `run` takes an account's lock, once per run. What a run wants done afterwards (stanzas to
//! route, frames to push, operations to store) is collected in its [`Context`] and handed over when
//! the handlers are done: first the batch, which gives the run's gate, then frames and stanzas,
//! which carry it.

pub mod decide;
pub mod events;
mod gates;
mod run;

use crate::account::Account;

pub(crate) use self::run::{run, run_service};
pub use self::{
    events::Verdict,
    gates::Gates,
    run::{Context, Undo},
};

use self::events::{
    AccountCreated, AccountDeleted, AccountDisabled, ActivityChanged, AddressBlocked,
    ContactChanged, DeliveryFailed, IqArrived, IqSent, MessageArrived, MessageSent,
    PasswordChanged, PeerAddressed, PresenceArrived, PresenceSent, SessionAvailable, SessionBound,
    SessionDetached, SessionEnded, SessionResumed, SessionTakenBack, SessionUnavailable,
    VCardChanged,
};

/// A named step at which a feature may act on a stanza.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// After screening, before anything is decided: strip and add children.
    Annotate,
    /// The recipients are known: send copies elsewhere.
    Fork,
    /// For events that are no stanzas.
    Listen,
}

pub(crate) type Listener<E> = Box<dyn Fn(&mut E, &mut Account, &Context<'_>) + Send + Sync>;
pub(crate) type ScreenFn<E> = Box<dyn Fn(&E, &Account, &Context<'_>) -> Verdict + Send + Sync>;

/// The listeners of one event.
pub struct Handlers<E> {
    screens: Vec<ScreenFn<E>>,
    listeners: Vec<(Stage, Listener<E>)>,
}

impl<E> Default for Handlers<E> {
    fn default() -> Self {
        Self {
            screens: Vec::new(),
            listeners: Vec::new(),
        }
    }
}

impl<E> Handlers<E> {
    pub(crate) fn listen(&mut self, stage: Stage, listener: Listener<E>) {
        self.listeners.push((stage, listener));
    }

    pub(crate) fn add_screen(&mut self, screen: ScreenFn<E>) {
        self.screens.push(screen);
    }

    /// Whether nobody listens.
    pub(crate) fn is_empty(&self) -> bool {
        self.screens.is_empty() && self.listeners.is_empty()
    }

    /// Asks every screen; the strongest verdict counts.
    pub(crate) fn screen(&self, event: &E, account: &Account, cx: &Context<'_>) -> Verdict {
        self.screens.iter().fold(Verdict::Pass, |verdict, screen| {
            verdict.and(screen(event, account, cx))
        })
    }

    /// Runs the listeners of one stage.
    pub(crate) fn at(&self, stage: Stage, event: &mut E, account: &mut Account, cx: &Context<'_>) {
        for (when, listener) in &self.listeners {
            if *when == stage {
                listener(event, account, cx);
            }
        }
    }

    /// Puts the handlers of each stage in another order, as tests do.
    pub(crate) fn shuffle(&mut self, random: &mut dyn FnMut(usize) -> usize) {
        shuffle(&mut self.screens, random);
        shuffle(&mut self.listeners, random);
    }
}

fn shuffle<T>(items: &mut [T], random: &mut dyn FnMut(usize) -> usize) {
    for last in (1..items.len()).rev() {
        items.swap(last, random(last + 1));
    }
}

/// All handlers of one virtual host.
#[derive(Default)]
pub struct Pipeline {
    pub(crate) message_sent: Handlers<MessageSent>,
    pub(crate) message_arrived: Handlers<MessageArrived>,
    pub(crate) presence_sent: Handlers<PresenceSent>,
    pub(crate) presence_arrived: Handlers<PresenceArrived>,
    pub(crate) iq_sent: Handlers<IqSent>,
    pub(crate) iq_arrived: Handlers<IqArrived>,
    pub(crate) peer_addressed: Handlers<PeerAddressed>,
    pub(crate) session_bound: Handlers<SessionBound>,
    pub(crate) session_available: Handlers<SessionAvailable>,
    pub(crate) session_unavailable: Handlers<SessionUnavailable>,
    pub(crate) session_detached: Handlers<SessionDetached>,
    pub(crate) session_resumed: Handlers<SessionResumed>,
    pub(crate) session_taken_back: Handlers<SessionTakenBack>,
    pub(crate) activity_changed: Handlers<ActivityChanged>,
    pub(crate) session_ended: Handlers<SessionEnded>,
    pub(crate) contact_changed: Handlers<ContactChanged>,
    pub(crate) vcard_changed: Handlers<VCardChanged>,
    pub(crate) address_blocked: Handlers<AddressBlocked>,
    pub(crate) account_created: Handlers<AccountCreated>,
    pub(crate) account_disabled: Handlers<AccountDisabled>,
    pub(crate) account_deleted: Handlers<AccountDeleted>,
    pub(crate) password_changed: Handlers<PasswordChanged>,
    pub(crate) delivery_failed: Handlers<DeliveryFailed>,
}

impl Pipeline {
    /// Reorders handlers inside their stages; `random(n)` gives a number below `n`.
    pub(crate) fn shuffle(&mut self, random: &mut dyn FnMut(usize) -> usize) {
        self.message_sent.shuffle(random);
        self.message_arrived.shuffle(random);
        self.presence_sent.shuffle(random);
        self.presence_arrived.shuffle(random);
        self.iq_sent.shuffle(random);
        self.iq_arrived.shuffle(random);
        self.peer_addressed.shuffle(random);
        self.session_bound.shuffle(random);
        self.session_available.shuffle(random);
        self.session_unavailable.shuffle(random);
        self.session_detached.shuffle(random);
        self.session_resumed.shuffle(random);
        self.session_taken_back.shuffle(random);
        self.activity_changed.shuffle(random);
        self.session_ended.shuffle(random);
        self.contact_changed.shuffle(random);
        self.vcard_changed.shuffle(random);
        self.address_blocked.shuffle(random);
        self.account_created.shuffle(random);
        self.account_disabled.shuffle(random);
        self.account_deleted.shuffle(random);
        self.password_changed.shuffle(random);
        self.delivery_failed.shuffle(random);
    }
}
