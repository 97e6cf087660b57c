//! Every event a feature can listen to: the extension manual.
//!
//! Events are past facts. Stanza events pass through the stages screen, annotate, (decide, record),
//! fork; the others have listeners only.

use std::sync::Arc;

use jid::{BareJid, FullJid, Jid};
use mailbox::WireId;
use smallvec::SmallVec;
use stanza::{Condition, Stanza, StanzaError, ids};
use xml::Fragment;

use super::{Handlers, Pipeline};
use crate::{
    account::Contact,
    envelope::Envelope,
    session::{SessionId, frame::Frame},
};

/// The sessions that get a message: hardly ever more than a user has devices.
pub type Chosen = SmallVec<[SessionId; 4]>;

/// A fact that features listen to.
pub trait Event: Sized + 'static {
    /// Where this event's listeners stand.
    fn handlers(pipeline: &Pipeline) -> &Handlers<Self>;
    /// The same, to add one.
    fn handlers_mut(pipeline: &mut Pipeline) -> &mut Handlers<Self>;
}

/// An event about a stanza, which features may screen, annotate and copy.
pub trait StanzaEvent: Event {
    /// The stanza and its addresses.
    fn envelope(&self) -> &Envelope;
    /// The same, for a stage that annotates.
    fn envelope_mut(&mut self) -> &mut Envelope;
}

macro_rules! stanza_event {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } in $slot:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            /// The stanza with its addresses.
            pub envelope: Envelope,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Event for $name {
            fn handlers(pipeline: &Pipeline) -> &Handlers<Self> { &pipeline.$slot }
            fn handlers_mut(pipeline: &mut Pipeline) -> &mut Handlers<Self> { &mut pipeline.$slot }
        }

        impl StanzaEvent for $name {
            fn envelope(&self) -> &Envelope { &self.envelope }
            fn envelope_mut(&mut self) -> &mut Envelope { &mut self.envelope }
        }

        impl $name {
            /// The stanza.
            #[must_use]
            pub fn stanza(&self) -> &Stanza { self.envelope.stanza() }
        }
    };
}

macro_rules! event {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } in $slot:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Event for $name {
            fn handlers(pipeline: &Pipeline) -> &Handlers<Self> { &pipeline.$slot }
            fn handlers_mut(pipeline: &mut Pipeline) -> &mut Handlers<Self> { &mut pipeline.$slot }
        }
    };
}

stanza_event! {
    /// A session of this account sent a message. Runs on the sender's account.
    MessageSent {
        /// The id that the sender's archive gave it: for the sender's own eyes, and nobody else's.
        archived: Option<WireId>,
    } in message_sent
}

impl MessageSent {
    /// The message as the sender's own resources see it: with the id that its archive gave it.
    #[must_use]
    pub fn own_copy(&self) -> Stanza {
        let envelope = &self.envelope;
        let mut copy = self.stanza().clone().with_to(Some(envelope.to().clone()));
        if let Some(id) = self.archived {
            copy.push_child(archive_id(id, envelope.from().bare_str()));
        }
        copy
    }
}

stanza_event! {
    /// A message came for this account. Runs on the recipient's account.
    MessageArrived {
        /// The sessions that routing chose; empty before the decide stage and when it is stored only.
        recipients: Chosen,
    } in message_arrived
}

stanza_event! {
    /// A session of this account sent presence of any type.
    PresenceSent {} in presence_sent
}

stanza_event! {
    /// Presence of any type came for this account.
    PresenceArrived {} in presence_arrived
}

stanza_event! {
    /// A session of this account sent an IQ of any type.
    IqSent {} in iq_sent
}

stanza_event! {
    /// An IQ of any type came for this account or one of its resources.
    IqArrived {} in iq_arrived
}

event! {
    /// The account turned to somebody by itself: to broadcast presence, to probe, to ask again for a
    /// subscription, or to give its resources what had waited from there. A screen that does not let it pass
    /// leaves that peer out, without a word.
    PeerAddressed {
        /// Whom.
        peer: Jid,
    } in peer_addressed
}

event! {
    /// A session bound its resource: it is connected, not yet available.
    SessionBound {
        /// The session.
        session: SessionId,
        /// It did so along with its sign-in (Bind 2, XEP-0386): it reads what it missed from the archive.
        is_bind2: bool,
    } in session_bound
}

event! {
    /// A session sent its initial presence.
    SessionAvailable {
        /// The session.
        session: SessionId,
    } in session_available
}

event! {
    /// A session sent unavailable presence, or ended while available.
    SessionUnavailable {
        /// The session.
        session: SessionId,
        /// What its contacts got.
        stanza: Arc<Stanza>,
    } in session_unavailable
}

event! {
    /// A session that can be resumed lost its transport. It is as present as before, and nobody is told.
    SessionDetached {
        /// The session.
        session: SessionId,
    } in session_detached
}

event! {
    /// A session has a transport again: what its client did not acknowledge and what waited is on its way there.
    SessionResumed {
        /// The session.
        session: SessionId,
    } in session_resumed
}

event! {
    /// A session that a crash of the server had ended was taken back: it was available once and is not any
    /// more.
    SessionTakenBack {
        /// The address it had.
        full_jid: FullJid,
    } in session_taken_back
}

event! {
    /// A session's client said that its user looks at it, or does not any more (XEP-0352). Others must not be told.
    ActivityChanged {
        /// The session.
        session: SessionId,
        /// Whether somebody looks from now on.
        is_active: bool,
    } in activity_changed
}

event! {
    /// A session ended. It is unavailable to everyone already and no longer in the account's list.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// The address it had.
        full_jid: FullJid,
    } in session_ended
}

event! {
    /// A contact was added, changed or removed: subscription, ask, approval, name or groups.
    ContactChanged {
        /// Whose contact.
        contact: BareJid,
        /// What it is now; `None` when it was removed.
        now: Option<Contact>,
    } in contact_changed
}

event! {
    /// The user said something else of itself.
    VCardChanged {
        /// All of it, as it is written; `None` when there is nothing any more.
        vcard: Option<Arc<str>>,
    } in vcard_changed
}

event! {
    /// The user shut an address out, or shut it out again.
    AddressBlocked {
        /// Which address.
        address: Jid,
        /// What its client said beside it, in namespaces of other features.
        said: Vec<Fragment>,
    } in address_blocked
}

event! {
    /// An account was made.
    AccountCreated {
        /// Its user registered it, rather than an operator.
        registered: bool,
    } in account_created
}

event! {
    /// Nobody may sign in to the account any more, be it disabled or to be deleted after a while, or everybody who could
    /// before.
    AccountDisabled {
        /// Which of both.
        disabled: bool,
    } in account_disabled
}

event! {
    /// The account is about to go: its contacts are unsubscribed and its sessions have ended. What it owns
    /// in the store goes with it, in the same batch.
    AccountDeleted {} in account_deleted
}

event! {
    /// The account has a new password; its other sessions are about to end.
    PasswordChanged {} in password_changed
}

event! {
    /// A frame of a session of this account could not be delivered when that session ended.
    DeliveryFailed {
        /// The session that held it.
        session: SessionId,
        /// What it held.
        frame: Frame,
    } in delivery_failed
}

/// `<stanza-id/>` of an id that an account's archive gave.
pub(crate) fn archive_id(id: WireId, account: &str) -> Fragment {
    id.with_digits(|id| ids::stanza_id(id, account))
}

/// The place of an error's condition in RFC 6120 §8.3.3.
fn rank(error: &StanzaError) -> usize {
    Condition::ALL
        .iter()
        .position(|known| *known == error.condition())
        .unwrap_or(usize::MAX)
}

/// What a screen says of a stanza. Verdicts of several screens combine by rank: the strongest wins,
/// so the order of screens does not show.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Verdict {
    /// Let it pass.
    #[default]
    Pass,
    /// Answer with this error.
    Error(StanzaError),
    /// Drop it without a word.
    Drop,
}

impl Verdict {
    /// The stronger of both: drop, error, pass.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Drop, _) | (_, Self::Drop) => Self::Drop,
            (Self::Error(first), Self::Error(second)) => {
                // Of two errors the one whose condition stands first in RFC 6120 §8.3.3.
                Self::Error(if rank(&second) < rank(&first) {
                    second
                } else {
                    first
                })
            }
            (Self::Error(error), Self::Pass) | (Self::Pass, Self::Error(error)) => {
                Self::Error(error)
            }
            (Self::Pass, Self::Pass) => Self::Pass,
        }
    }
}
