//! A stanza on its way: who sent it, to whom, and what must be durable before anybody sees it.
//!
//! Only an origin's stamp makes an [`Envelope`], and the router takes nothing else: a spoofed
//! `from` cannot reach it (invariant 1). Each origin has one constructor, next to the check that
//! this origin may use that `from`.

use std::sync::Arc;

use jid::{BareJid, Domain, FullJid, Jid};
use stanza::Stanza;

use crate::{
    account::DrainQueue,
    pipeline::Gates,
    session::{Held, Session},
};

/// How many stanzas that one account or service made may wait to be routed without holding anybody back. Past it, a
/// session that adds to them reads on only when what it added is routed.
const EFFECTS_MAX: usize = 1024;

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
            held: Some(held),
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
            held: None,
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
            held: self.held.clone(),
        }
    }

    /// The answer to this envelope, from the address it was sent to.
    ///
    /// That address is local by the router's choice of who answers, so the answer may carry it.
    pub(crate) fn answer(&self, stanza: Stanza) -> Self {
        let mut answer = Self::stamped(self.to.clone(), self.from.clone(), Origin::Account, stanza);
        answer.gates = self.gates;
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
            held: None,
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

    /// The session that sent it, when a client of ours did.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.origin {
            Origin::Session(session) => Some(session),
            Origin::Account | Origin::Host | Origin::Service => None,
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
        self.gates = self.gates.and(gates);
    }

    /// Keeps the sending session from reading on, also when this envelope is consumed.
    pub(crate) fn hold(&self) -> Option<Held> {
        self.held.clone()
    }

    /// When too many of `effects` wait, holds back the session that caused the last of them until that one is
    /// routed: several senders can cause more, from several threads, than the one drainer routes meanwhile.
    pub(crate) fn hold_back(effects: &mut DrainQueue<Self>, held: Option<&Held>) {
        if let Some(last) = effects.last_beyond(EFFECTS_MAX)
            && last.held.is_none()
        {
            last.held = held.cloned();
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::{permission::Role, session::SessionId};

    #[test]
    fn who_adds_to_too_many_effects_waits_until_what_it_added_is_routed() {
        let full_jid = FullJid::parse("romeo@example/orchard").unwrap();
        let session = Session::new(SessionId(1), full_jid.clone(), Role::Member, 1000);
        let stanza = Arc::new(Stanza::iq(stanza::IqType::Result, "1"));
        let effect = || Envelope::share(full_jid.clone().into(), full_jid.clone().into(), &stanza);
        let mut effects = DrainQueue::default();
        std::iter::repeat_with(effect)
            .take(EFFECTS_MAX)
            .for_each(|effect| effects.push(effect));

        let held = Held::new(&session);
        Envelope::hold_back(&mut effects, Some(&held));
        drop(held);
        assert!(!session.is_held(), "so many hold back nobody");

        effects.push(effect());
        let held = Held::new(&session);
        Envelope::hold_back(&mut effects, Some(&held));
        drop(held);
        assert!(session.is_held());
        assert!(effects.claim());
        for _ in 0..EFFECTS_MAX {
            drop(effects.next(VecDeque::pop_front));
        }
        assert!(session.is_held(), "its own still waits");
        drop(effects.next(VecDeque::pop_front));
        assert!(!session.is_held());
    }
}
