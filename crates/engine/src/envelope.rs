//! A stanza on its way: who sent it, to whom, and what must be durable before anybody sees it.
//!
//! Only an origin's stamp makes an [`Envelope`], and the router takes nothing else: a spoofed
//! `from` cannot reach it (invariant 1). Each origin has one constructor, next to the check that
//! this origin may use that `from`.

use std::sync::Arc;

use jid::{BareJid, Domain, FullJid, Jid};
use mailbox::SharedBody;
use stanza::Stanza;

use crate::{
    homes::Crossing,
    permission::Role,
    pipeline::Gates,
    session::{Held, Session},
};

/// Who put a stanza on its way.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A client of ours, by the session that sent it.
    Session(Arc<Session>),
    /// The server on behalf of an account of ours: replies, presence of its resources.
    Account,
    /// A virtual host of ours speaking for itself.
    Host,
    /// A service domain of ours.
    Service,
    /// An account, service or host of ours in another home, which checked who it was.
    Home(Arc<Crossing>),
    /// The server on behalf of what a stanza of another home was for: its answer.
    AnswerTo(Arc<Crossing>),
}

/// A stanza whose `from` its origin was entitled to use and whose `to` is known.
///
/// `stanza.from()` equals [`Envelope::from`]; the address written as `to` is [`Envelope::to`].
#[derive(Debug)]
pub struct Envelope {
    from: Jid,
    to: Jid,
    origin: Origin,
    stanza: Arc<Stanza>,
    gates: Gates,
    held: Option<Held>,
    /// One of several that a session's one stanza has become.
    is_part: bool,
    /// Its client sends it again: whom it is for may have it.
    may_have_come: bool,
    /// The text of it that the sender's archive keeps, which the recipient's mailbox may refer to.
    body: Option<Arc<SharedBody>>,
}

impl Envelope {
    /// Made by [`Session::stamp`] alone, which checked `from`.
    pub(crate) fn from_session(
        session: &Arc<Session>,
        to: Jid,
        stanza: Stanza,
        held: Held,
    ) -> Self {
        let from: Jid = session.full_jid().clone().into();
        Self {
            stanza: Arc::new(stanza.with_from(Some(from.clone()))),
            from,
            to,
            origin: Origin::Session(session.clone()),
            gates: Gates::after(session.gate()),
            is_part: false,
            may_have_come: false,
            held: Some(held),
            body: None,
        }
    }

    /// The account itself speaks, from its bare JID.
    #[must_use]
    pub fn from_account(account: &BareJid, to: Jid, stanza: Stanza) -> Self {
        Self::stamped(account.clone().into(), to, Origin::Account, stanza)
    }

    /// The server speaks for one resource of an account of ours: its presence, or what a resource
    /// that ended could not take. `resource` belongs to an account here by its type's maker.
    pub(crate) fn from_resource(resource: &FullJid, to: Jid, stanza: Stanza) -> Self {
        Self::stamped(resource.clone().into(), to, Origin::Account, stanza)
    }

    /// A presence broadcast of a resource to one of many recipients: the stanza is shared.
    pub(crate) fn share(from: Jid, to: Jid, stanza: &Arc<Stanza>) -> Self {
        Self {
            from,
            to,
            origin: Origin::Account,
            stanza: stanza.clone(),
            gates: Gates::OPEN,
            is_part: false,
            may_have_come: false,
            held: None,
            body: None,
        }
    }

    /// The account speaks from one of its addresses, `own`, or from its bare JID when that is not its own.
    pub(crate) fn from_account_as(
        account: &BareJid,
        own: Option<&Jid>,
        to: Jid,
        stanza: Stanza,
    ) -> Self {
        match own.filter(|own| own.bare() == *account) {
            Some(own) => Self::stamped(own.clone(), to, Origin::Account, stanza),
            None => Self::from_account(account, to, stanza),
        }
    }

    /// A virtual host speaks for itself.
    #[must_use]
    pub fn from_host(host: &Domain, to: Jid, stanza: Stanza) -> Self {
        Self::stamped(host.clone().into(), to, Origin::Host, stanza)
    }

    /// A service domain of ours speaks, from itself or from an address of its domain.
    ///
    /// Returns `None` when `from` is of another domain.
    #[must_use]
    pub fn from_service(service: &Domain, from: Jid, to: Jid, stanza: Stanza) -> Option<Self> {
        (from.domain() == service.as_str())
            .then(|| Self::stamped(from, to, Origin::Service, stanza))
    }

    /// What its session sends instead of it, or one of several: the sender stays, whatever the stanza says.
    pub(crate) fn instead(&self, to: Jid, stanza: Stanza) -> Self {
        let stanza = stanza
            .with_from(Some(self.from.clone()))
            .with_to(Some(to.clone()));
        Self {
            from: self.from.clone(),
            to,
            origin: self.origin.clone(),
            stanza: Arc::new(stanza),
            gates: self.gates,
            is_part: true,
            may_have_come: false,
            held: self.held.clone(),
            body: None,
        }
    }

    /// Came from another home. Made by the way in alone, which checked that `from` lives there.
    pub(crate) fn from_home(crossing: Crossing, from: Jid, to: Jid, stanza: Stanza) -> Self {
        let crossing = Arc::new(crossing);
        Self {
            stanza: Arc::new(stanza),
            from,
            to,
            held: None,
            origin: Origin::Home(crossing),
            gates: Gates::OPEN,
            is_part: false,
            may_have_come: false,
            body: None,
        }
    }

    /// An error in the place of an account elsewhere that was not reached.
    pub(crate) fn from_elsewhere(account: Jid, to: Jid, error: Stanza) -> Self {
        Self::stamped(account, to, Origin::Account, error)
    }

    /// The answer to this envelope, from the address it was sent to.
    ///
    /// That address is local by the router's choice of who answers, so the answer may carry it. A home that keeps the
    /// stanza hears of it behind the answer.
    pub(crate) fn answer(&self, stanza: Stanza) -> Self {
        let mut answer = Self::stamped(self.to.clone(), self.from.clone(), Origin::Account, stanza);
        answer.gates = self.gates;
        if let Origin::Home(crossing) = &self.origin {
            answer.origin = Origin::AnswerTo(crossing.clone());
        }
        answer
    }

    fn stamped(from: Jid, to: Jid, origin: Origin, stanza: Stanza) -> Self {
        let stanza = stanza
            .with_from(Some(from.clone()))
            .with_to(Some(to.clone()));
        Self {
            from,
            to,
            origin,
            stanza: Arc::new(stanza),
            gates: Gates::OPEN,
            is_part: false,
            may_have_come: false,
            held: None,
            body: None,
        }
    }

    /// The sender's address, which the origin was entitled to use.
    #[must_use]
    pub fn from(&self) -> &Jid {
        &self.from
    }

    /// Where it goes.
    #[must_use]
    pub fn to(&self) -> &Jid {
        &self.to
    }

    /// Who put it on its way.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it is all that its session's stanza has become: what it does is then all that the stanza does.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_part
    }

    /// The session that sent it, when a client of ours did.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.origin {
            Origin::Session(session) => Some(session),
            Origin::Account
            | Origin::Host
            | Origin::Service
            | Origin::Home(_)
            | Origin::AnswerTo(_) => None,
        }
    }

    /// How it came, when it is from another home.
    pub(crate) fn crossing(&self) -> Option<&Arc<Crossing>> {
        match &self.origin {
            Origin::Home(crossing) => Some(crossing),
            Origin::Session(_)
            | Origin::Account
            | Origin::Host
            | Origin::Service
            | Origin::AnswerTo(_) => None,
        }
    }

    /// Whether the session that sent it has acks (XEP-0198) on: what it sent must be safe before it is acked.
    pub(crate) fn sender_has_acks(&self) -> bool {
        match &self.origin {
            Origin::Session(session) => session.has_acks(),
            Origin::Home(crossing) => crossing.has_acks(),
            Origin::Account | Origin::Host | Origin::Service | Origin::AnswerTo(_) => false,
        }
    }

    /// What its sender may do.
    pub(crate) fn role(&self) -> Role {
        match &self.origin {
            Origin::Session(session) => session.role(),
            Origin::Home(crossing) => crossing.role(),
            Origin::Account | Origin::Host | Origin::Service | Origin::AnswerTo(_) => {
                Role::default()
            }
        }
    }

    /// The stanza; its own `to` may be absent or another's, [`Envelope::to`] counts.
    #[must_use]
    pub fn stanza(&self) -> &Arc<Stanza> {
        &self.stanza
    }

    /// The stanza, to be changed by a stage that annotates.
    pub fn stanza_mut(&mut self) -> &mut Stanza {
        Arc::make_mut(&mut self.stanza)
    }

    /// What must be durable before anybody sees this stanza or an effect of it.
    #[must_use]
    pub fn gates(&self) -> Gates {
        self.gates
    }

    /// Adds to what it waits for.
    pub(crate) fn gate_at(&mut self, gates: Gates) {
        if gates.after > self.gates.after
            && let Some(held) = &self.held
        {
            // Wherever it goes from here, what it did so far counts for its sender.
            held.gate_at(gates.after);
        }
        self.gates = self.gates.and(gates);
    }

    /// The text that the sender's archive keeps of it.
    pub(crate) fn body(&self) -> Option<&Arc<SharedBody>> {
        self.body.as_ref()
    }

    /// The sender's archive keeps its text.
    pub(crate) fn set_body(&mut self, body: Arc<SharedBody>) {
        self.body = Some(body);
    }

    /// Its sender's archive has it from before: whom it is for may have it, too.
    pub(crate) fn may_have_come(&mut self) {
        self.may_have_come = true;
    }

    /// Whether that is so, and is still to be looked into, by the caller.
    pub(crate) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.may_have_come)
    }

    /// Keeps the sending session from reading on, also when this envelope is consumed.
    pub(crate) fn hold(&self) -> Option<Held> {
        self.held.clone()
    }

    /// Takes what keeps the session that sent it from reading on.
    pub(crate) fn take_hold(&mut self) -> Option<Held> {
        self.held.take()
    }

    /// Lets the session that sent it read on.
    pub(crate) fn let_session_go(&mut self) {
        self.held = None;
    }

    /// Keeps the session that caused it from reading on, unless it keeps its sender.
    pub(crate) fn hold_also(&mut self, held: Option<&Held>) {
        if self.held.is_none() {
            self.held = held.cloned();
        }
    }

    /// Redirects a stanza whose `to` was read as something else (a subscription stanza's bare JID).
    pub(crate) fn redirect(&mut self, to: Jid) {
        self.to = to;
    }

    /// Rewrites the sender to the bare JID, as RFC 6121 §3.1.2 asks of subscription stanzas.
    pub(crate) fn stamp_bare(&mut self) {
        let bare: Jid = self.from.bare().into();
        self.from = bare.clone();
        let to = self.to.clone();
        let stanza = Arc::make_mut(&mut self.stanza);
        *stanza = stanza.clone().with_from(Some(bare)).with_to(Some(to));
    }
}
