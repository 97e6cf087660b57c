//! An account in memory: a bare JID of ours with its sessions, contacts and mailbox.
//!
//! Everything here is guarded by the account's lock, which only the pipeline takes. A handler gets
//! one `&mut Account` and no way to another: what concerns another account is a stanza.

pub(crate) mod archiving;
mod bounces;
mod cell;
pub(crate) mod circles;
pub(crate) mod clients;
mod contacts;
pub(crate) mod credentials;
mod deletion;
pub(crate) mod detached;
mod drain;
pub(crate) mod ending;
pub(crate) mod iq;
pub(crate) mod load;
pub(crate) mod mail;
pub(crate) mod noted;
mod pages;
pub(crate) mod presence;
mod resent;
mod resident;
pub(crate) mod restored;
mod roster_version;
pub(crate) mod stored;
pub mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod tokens;
mod vcard;
mod visibility;

use std::{collections::BTreeSet, sync::Arc};

use jid::{BareJid, FullJid, Jid};
use mailbox::{Cleared, Mailbox};
use stanza::{Stanza, Timestamp};
use store::{Owner, Seq, Store};
use stream::StreamFault;

pub use self::{
    cell::AccountCell,
    circles::Circle,
    clients::{Client, ClientInfo, ClientName, Revoked},
    contacts::{Contact, ContactRef, Contacts, RosterItem, Tie},
    credentials::{AccountError, AccountRecord},
    deletion::Deletion,
    resident::{Resident, ResidentKind, only},
    roster_version::{NoVersion, RosterChange, RosterVersion},
    subscriptions::{NotRemoved, RosterFull},
    tokens::{Grant, Issued, ProvedToken, TokenUse},
    vcard::VCARD,
};
pub(crate) use self::{
    cell::{CellState, INBOX_MAX},
    contacts::CONTACTS,
    drain::DrainQueue,
};
use self::{resent::Resends, resident::Residents};
use crate::{
    effect::Effect,
    host::Host,
    session::{
        Session, SessionId,
        frame::Frame,
        marks::{Marks, SessionMark},
    },
};

/// An account's state, behind its lock.
pub struct Account {
    jid: BareJid,
    /// The host it belongs to, as its last run saw it; absent during a run.
    pub(crate) host: Option<Arc<Host>>,
    is_anonymous: bool,
    sessions: Vec<Resource>,
    contacts: Contacts,
    mailbox: Mailbox,
    residents: Residents,
    /// What its runs made for others, to be routed in order by one drainer.
    pub(crate) effects: DrainQueue<Effect>,
    /// Sessions whose outbox overflowed, to be ended in runs of their own.
    pub(crate) condemned: Vec<(SessionId, StreamFault, Frame)>,
    /// The newest batch a run of this account handed over.
    pub(crate) last_seq: Seq,
    /// Mailbox entries that were taken, which the store does not know yet.
    pub(crate) unsettled: Cleared,
    /// What the notes of its sessions on disk are behind in.
    behind: noted::Behind,
    /// It is being removed.
    pub(crate) closing: Closing,
    /// It stands in the registry's list of accounts that may leave memory.
    pub(crate) listed_idle: bool,
    /// What its clients may send again.
    pub(crate) resends: Resends,
    /// For so many bounces the store is being asked whether the archive has their messages.
    bounces_looked_for: u8,
}

/// Whether an account is on its way out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Closing {
    /// It is not.
    No,
    /// It takes no sessions and no stanzas any more; what it has made is still routed.
    Closed,
    /// And once that is done, it is gone.
    GoneWhenDrained,
}

/// A session as its account sees it: the session and what handlers may change.
pub struct Resource {
    session: Arc<Session>,
    client: Option<ClientName>,
    presence: Option<Presence>,
    interested: bool,
    directed: BTreeSet<Jid>,
    /// The store may have a note of it.
    noted: bool,
    /// That is not what it is now.
    is_behind: bool,
    /// A feature changed something of it in this run.
    is_changed: bool,
    pub(crate) marks: Marks,
}

/// The last non-directed available presence of a resource.
#[derive(Clone, Debug)]
pub struct Presence {
    /// The stanza as it was sent, but for its addresses.
    stanza: stanza::Packed,
    /// When.
    pub since: Timestamp,
    /// Its priority, 0 when it named none.
    pub priority: i8,
}

impl Account {
    pub(crate) fn new(
        jid: BareJid,
        host: Arc<Host>,
        is_anonymous: bool,
        contacts: Contacts,
        mailbox: Mailbox,
        residents: Residents,
    ) -> Self {
        Self {
            host: Some(host),
            jid,
            is_anonymous,
            sessions: Vec::new(),
            contacts,
            mailbox,
            residents,
            effects: DrainQueue::default(),
            condemned: Vec::new(),
            closing: Closing::No,
            last_seq: Seq::NONE,
            unsettled: Cleared::default(),
            behind: noted::Behind::default(),
            listed_idle: false,
            resends: Resends::default(),
            bounces_looked_for: 0,
        }
    }

    /// Its bare JID.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// It, as the store names owners.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        self.mailbox.owner()
    }

    /// An account of an anonymous sign-in: it writes nothing to the store and ends with its session.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Its connected resources, in the order they bound.
    pub fn resources(&self) -> std::slice::Iter<'_, Resource> {
        self.sessions.iter()
    }

    /// One resource by its session.
    #[must_use]
    pub fn resource(&self, id: SessionId) -> Option<&Resource> {
        self.sessions
            .iter()
            .find(|resource| resource.session.id() == id)
    }

    /// The same, to change it.
    pub fn resource_mut(&mut self, id: SessionId) -> Option<&mut Resource> {
        self.sessions
            .iter_mut()
            .find(|resource| resource.session.id() == id)
    }

    /// The resource bound to `full_jid`.
    #[must_use]
    pub fn resource_by_jid(&self, full_jid: &Jid) -> Option<&Resource> {
        self.sessions
            .iter()
            .find(|resource| resource.session.full_jid().as_str() == full_jid.as_str())
    }

    /// The resources that carry mark `M`.
    pub fn resources_with<M: SessionMark>(&self) -> impl Iterator<Item = &Resource> {
        self.sessions
            .iter()
            .filter(|resource| resource.marks.has::<M>())
    }

    /// Its contacts.
    #[must_use]
    pub fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// What a feature keeps in memory with the account; `None` while there is nothing.
    #[must_use]
    pub fn resident<R: Resident>(&self) -> Option<&R> {
        self.residents.get()
    }

    /// The same, to change it. What is to be stored goes into the run's batch, and what was changed is
    /// undone if that fails.
    pub fn resident_mut<R: Resident>(&mut self) -> &mut R {
        self.residents.get_or_default()
    }

    /// A session bound a resource, for this client.
    pub(crate) fn connect(&mut self, session: Arc<Session>, client: Option<ClientName>) {
        // Most accounts have one; a list that grows by itself begins with room for four.
        self.sessions.reserve_exact(1);
        self.sessions.push(Resource::new(session, client));
    }

    /// A run handed over a batch of this account's.
    pub(crate) fn submitted(&mut self, seq: Seq, store: &Store) {
        self.last_seq = seq;
        self.mailbox.submitted(seq, store);
    }

    /// Whether nothing but the store needs it.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty()
            && self.mailbox.is_at_rest()
            && self.unsettled.is_empty()
            && self.behind.is_empty()
            && self.effects.is_drained()
    }

    /// What the store refused is to be written again.
    pub(crate) fn owes(&self) -> bool {
        !self.unsettled.is_empty() || !self.behind.is_empty()
    }

    /// Its mailbox.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl Presence {
    /// As it was sent at a moment.
    pub(crate) fn new(stanza: &Stanza, since: Timestamp) -> Self {
        Self {
            stanza: stanza.pack(),
            since,
            priority: presence::priority_of(stanza),
        }
    }

    /// The stanza, from the resource whose it is.
    #[must_use]
    pub fn stanza(&self, from: &FullJid) -> Stanza {
        self.stanza.unpack().with_from(Jid::from(from.clone()))
    }
}

impl Resource {
    fn new(session: Arc<Session>, client: Option<ClientName>) -> Self {
        Self {
            session,
            client,
            presence: None,
            interested: false,
            directed: BTreeSet::new(),
            noted: false,
            is_behind: false,
            is_changed: false,
            marks: Marks::default(),
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Its full JID.
    #[must_use]
    pub fn full_jid(&self) -> &FullJid {
        self.session.full_jid()
    }

    /// Which of the account's clients it belongs to; `None` where they are not kept.
    #[must_use]
    pub fn client(&self) -> Option<ClientName> {
        self.client
    }

    /// Its last available presence; `None` while it is not available.
    #[must_use]
    pub fn presence(&self) -> Option<&Presence> {
        self.presence.as_ref()
    }

    /// Whether it has sent available presence and not taken it back.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.presence.is_some()
    }

    /// Addresses it sent directed presence to, which learn of its end.
    pub fn directed(&self) -> impl Iterator<Item = &Jid> {
        self.directed.iter()
    }

    /// Whether messages for the account may go to it: it is available, with a priority that is not negative.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        self.presence
            .as_ref()
            .is_some_and(|presence| presence.priority >= 0)
    }

    /// Whether it asked for the roster, and so gets pushes.
    #[must_use]
    pub fn is_interested(&self) -> bool {
        self.interested
    }

    /// It asked for the roster.
    pub fn set_interested(&mut self) {
        self.is_changed |= !self.interested;
        self.interested = true;
    }

    /// Whether mark `M` is set.
    #[must_use]
    pub fn has_mark<M: SessionMark>(&self) -> bool {
        self.marks.has::<M>()
    }

    /// Sets mark `M`.
    pub fn mark<M: SessionMark>(&mut self) {
        self.is_changed |= self.marks.set::<M>();
    }

    /// Clears mark `M`.
    pub fn unmark<M: SessionMark>(&mut self) {
        self.is_changed |= self.marks.clear::<M>();
    }

    /// Whether it waits to be resumed: it has no transport, and is as present as if it had.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.session.is_detached()
    }
}
