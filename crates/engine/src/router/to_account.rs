//! Stanzas for accounts: in memory, on their way there, or not there at all.

use std::{sync::Arc, time::Duration};

use jid::BareJid;
use stanza::{Condition, IqType, Kind, PresenceType, Stanza, StanzaError};

use super::{
    Next,
    reply::{Question, refuse, reply, staged},
};
use crate::{
    account::{
        Account, AccountCell, AccountError, CellState, Closing, INBOX_MAX, circles, iq, load, mail,
        noted, presence, restored, stored,
    },
    effect::Effect,
    envelope::Envelope,
    faults::caught,
    losses::{self, Mendings},
    module::{IqContext, Method, To, iq::Handler},
    pipeline::{
        Context, Gates,
        decide::{Decision, decide_for_nobody},
        events::{Chosen, IqArrived, MessageArrived, PresenceArrived},
    },
    server::Server,
};

/// What the store refused is written again after this.
const RETRY: Duration = Duration::from_secs(1);

impl Server {
    pub(super) fn to_account(self: &Arc<Self>, mut envelope: Envelope) -> Option<Next> {
        if envelope.take_doubt() {
            self.route_unless_it_came(envelope);
            return None;
        }
        // More than once only when the cell leaves memory between look-up and lock.
        for _ in 0..8 {
            let cell = match self.registry.get(envelope.to().bare_str()) {
                Some(cell) => cell,
                None if is_for_resident_only(&envelope)
                    && !self.asleep().may_be(envelope.to().bare_str()) =>
                {
                    return None;
                }
                None => self.cell_or_load(&envelope.to().bare()),
            };
            let mut state = cell.lock();
            match &mut *state {
                CellState::Loading { inbox, .. } => {
                    if inbox.len() >= INBOX_MAX {
                        return refuse(&envelope, &StanzaError::new(Condition::ResourceConstraint));
                    }
                    inbox.push_back(Effect::Stanza(envelope));
                    return None;
                }
                CellState::Ready(account) if account.closing != Closing::No => {
                    drop(state);
                    return self.nobody(&envelope);
                }
                CellState::Ready(_) => {
                    let (next, last) = self.arrive(&cell, &mut state, envelope);
                    drop(state);
                    self.work_all(last);
                    return next;
                }
                CellState::Gone { .. } => {
                    drop(state);
                    self.registry.remove(&cell);
                }
            }
        }
        refuse(&envelope, &StanzaError::new(Condition::InternalServerError))
    }

    /// The account's cell; when it is new, a task of its own loads it.
    pub(crate) fn cell_or_load(self: &Arc<Self>, jid: &BareJid) -> Arc<AccountCell> {
        let (cell, is_new) = self.registry.get_or_insert(jid);
        if is_new {
            let loading = load::load(self.clone(), cell.clone());
            self.environment().spawn(Box::pin(loading));
        }
        cell
    }

    /// The incoming pipeline of an account that is in memory and locked. Besides what is left to do it
    /// gives what others must be told after a panic.
    fn arrive(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        state: &mut CellState,
        envelope: Envelope,
    ) -> (Option<Next>, Vec<Envelope>) {
        let gates = envelope.gates();
        // The sender reads on only when it is known what its stanza rests on.
        let held = envelope.hold();
        let crossing = envelope.crossing().cloned();
        // Until the batch that refers to it is handed over.
        let _body = envelope.body().cloned();
        let question = Question::of(&envelope);
        let outcome = self.run_in(cell, state, gates, held.as_ref(), |account, cx| {
            if let Some(crossing) = &crossing {
                crossing.note(&mut cx.batch());
            }
            match envelope.stanza().kind() {
                Kind::Message(_) => {
                    let event = MessageArrived {
                        envelope,
                        recipients: Chosen::new(),
                    };
                    staged(account, cx, event, mail::arrived);
                }
                Kind::Presence(_) => {
                    staged(account, cx, PresenceArrived { envelope }, presence::arrived)
                }
                Kind::Iq(_) => staged(account, cx, IqArrived { envelope }, iq::arrived),
            }
        });
        match outcome {
            Ok(((), gates, next)) => {
                if let Some(held) = held {
                    held.gate_at(gates.after);
                }
                if let Some(crossing) = crossing {
                    crossing.gate_at(gates.needs);
                }
                (next, Vec::new())
            }
            Err(last) => (question.failed(), last),
        }
    }

    /// The store answered: the account is in memory, and what waited for it arrives.
    pub(crate) fn loaded(self: &Arc<Self>, cell: &Arc<AccountCell>, read: load::Read) {
        let load::Read {
            account,
            sessions,
            role,
        } = read;
        let mut waits = Vec::new();
        let mut todo = Vec::new();
        let mut last = Vec::new();
        let wakers = {
            let mut state = cell.lock();
            let CellState::Loading { inbox, wakers } = &mut *state else {
                return;
            };
            let (inbox, wakers) = (std::mem::take(inbox), std::mem::take(wakers));
            *state = CellState::Ready(Box::new(account));
            match self.run_in(cell, &mut state, Gates::OPEN, None, |account, cx| {
                circles::enter(account, cx);
                let waits = restored::bring_back(account, cx, sessions, role);
                mail::give_up_strays(account, cx);
                waits
            }) {
                Ok((restored, _, next)) => {
                    waits = restored;
                    todo.extend(next);
                }
                Err(more) => last.extend(more),
            }
            for effect in inbox {
                if matches!(&*state, CellState::Ready(_)) {
                    let (next, more) = match effect {
                        Effect::Stanza(envelope) => self.arrive(cell, &mut state, envelope),
                        Effect::Told(told) => self.take_told(cell, &mut state, &told),
                    };
                    todo.extend(next);
                    last.extend(more);
                } else {
                    todo.push(match effect {
                        Effect::Stanza(envelope) => Next::Route(envelope),
                        Effect::Told(told) => Next::Tell(told),
                    });
                }
            }
            wakers
        };
        for (session, until) in waits {
            self.give_up_at(until, cell, &session, 0);
        }
        for waker in wakers {
            waker.wake();
        }
        self.retire_idle(cell);
        self.work_all(last);
        for next in todo {
            self.work(Some(next));
        }
    }

    /// The store answered: there is no such account; or it did not answer.
    pub(crate) fn not_loaded(self: &Arc<Self>, cell: &Arc<AccountCell>, missing: bool) {
        let before = std::mem::replace(&mut *cell.lock(), CellState::Gone { missing });
        self.registry.remove(cell);
        let CellState::Loading { inbox, wakers } = before else {
            return;
        };
        for waker in wakers {
            waker.wake();
        }
        for effect in inbox {
            let next = match effect {
                Effect::Stanza(envelope) if missing => self.nobody(&envelope),
                Effect::Stanza(envelope) => refuse(&envelope, &losses::not_stored()),
                Effect::Told(told) => {
                    self.drop_told(&told, "there is no such account, or it can't be read");
                    None
                }
            };
            self.work(next);
        }
    }

    /// A batch failed: undoes and bounces.
    pub(crate) fn make_good(
        self: &Arc<Self>,
        account: &BareJid,
        bounces: Vec<Arc<Stanza>>,
        mendings: Mendings,
    ) {
        if let Some(cell) = self.registry.get(account.as_str()) {
            let owes = self.visit(&cell, Gates::OPEN, |account, cx| {
                for mending in mendings {
                    mending.mend(account);
                }
                for stanza in &bounces {
                    mail::bounce_own(account, cx, stanza);
                }
                account.owes()
            });
            if owes == Some(true) {
                let again = self
                    .environment()
                    .sleep_until(self.environment().now() + RETRY);
                let server = self.clone();
                self.environment().spawn(Box::pin(async move {
                    again.await;
                    server.visit(&cell, Gates::OPEN, noted::write_owed);
                }));
            }
        }
        for stanza in bounces {
            let is_own = |from: &jid::Jid| from.bare_str() == account.as_str();
            if stanza.from().is_some_and(is_own) {
                continue;
            }
            let (Some(to), Some(reply)) = (
                stanza.from().cloned(),
                stanza.reply_error(&losses::not_stored()),
            ) else {
                continue;
            };
            self.route(Envelope::from_account_as(account, stanza.to(), to, reply));
        }
    }

    /// Changes an account in a run of its own, and waits until what that stores is durable. An account that is about to
    /// go takes nothing more.
    ///
    /// # Errors
    ///
    /// [`AccountError::Missing`] when there is none, or why it can't be read or the change not be stored.
    pub async fn change_account<T: Send>(
        self: &Arc<Self>,
        jid: &BareJid,
        change: impl FnOnce(&mut Account, &Context<'_>) -> T + Send,
    ) -> Result<T, AccountError> {
        let missing = || AccountError::Missing(jid.clone());
        let cell = self.account(jid).await?.ok_or_else(missing)?;
        let changed = self.visit(&cell, Gates::OPEN, |account, cx| {
            (account.closing == Closing::No).then(|| change(account, cx))
        });
        self.retire_idle(&cell);
        let changed = changed.flatten().ok_or_else(missing)?;
        self.store().settled(self.store().submitted()).await?;
        Ok(changed)
    }

    /// Before a stop in good order: writes what is not written yet, or was refused by the store.
    pub fn write_what_is_owed(self: &Arc<Self>) {
        for cell in self.registry.all() {
            self.visit(&cell, Gates::OPEN, |account, cx| {
                noted::write_owed(account, cx);
                stored::write_queues(account, cx);
            });
        }
    }

    /// A stanza for an account that is not there.
    fn nobody(self: &Arc<Self>, envelope: &Envelope) -> Option<Next> {
        let method = match envelope.stanza().kind() {
            Kind::Iq(IqType::Get) => Method::Get,
            Kind::Iq(IqType::Set) => Method::Set,
            Kind::Presence(PresenceType::Probe | PresenceType::Subscribe) => {
                return self.perhaps_gone(envelope);
            }
            _ => return for_nobody(envelope),
        };
        let host = self.host(envelope.to().domain())?;
        let stanza = envelope.stanza().clone();
        // The feature that answers strangers for an account answers for one that is not there as well.
        let found = stanza
            .payload()
            .filter(|_| !envelope.to().is_full())
            .and_then(|child| {
                let ns = child.ns().uri_or("");
                let handler = host.iq().find(To::OtherAccount, method, child.name(), ns)?;
                Some((child, handler))
            });
        let Some((child, Handler::Answer(answer))) = found else {
            return for_nobody(envelope);
        };
        let mut cx = IqContext {
            asked: To::OtherAccount,
            from: envelope.from(),
            session: envelope.session(),
            role: envelope.role(),
            account: None,
            run: None,
            service: None,
            host: &host,
            server: self,
            stanza: &stanza,
            afterwards: Vec::new(),
        };
        let answer = caught(|| answer(&child.tree().root(), &mut cx));
        reply(
            envelope,
            answer.unwrap_or_else(|panicked| Err(panicked.error())),
        )
    }
}

impl Server {
    /// Somebody asks for the presence of an account that is not there. Where it is remembered as gone for good, the
    /// asker is told, and that the subscription is at its end.
    fn perhaps_gone(self: &Arc<Self>, envelope: &Envelope) -> Option<Next> {
        let usual = for_nobody(envelope);
        let account = envelope.to().bare();
        let Some(host) = self
            .host(account.domain())
            .filter(|host| !host.gone().is_empty())
        else {
            return usual;
        };
        let error = envelope.stanza().reply_error(&StanzaError::gone(None));
        let error = error.map(|error| envelope.answer(error));
        let asker = envelope.from().bare().into();
        let over = Stanza::presence(PresenceType::Unsubscribed);
        let over = Envelope::from_account(&account, asker, over);
        let held = envelope.hold();
        let server = self.clone();
        self.environment().spawn(Box::pin(async move {
            match server.is_gone(&host, &account).await {
                Ok(true) => {
                    for envelope in error.into_iter().chain([over]) {
                        server.route(envelope);
                    }
                }
                Ok(false) => server.work(usual),
                Err(error) => {
                    tracing::error!(%account, %error, "whether an account is gone can't be read");
                    server.work(usual);
                }
            }
            drop(held);
        }));
        None
    }
}

/// Whether nobody but a session could take it: presence for an account without sessions is not worth
/// a read.
fn is_for_resident_only(envelope: &Envelope) -> bool {
    matches!(
        envelope.stanza().kind(),
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable | PresenceType::Error)
            | Kind::Iq(IqType::Result | IqType::Error)
    )
}

/// There is no such account: answered as an account that knows the sender not, so that nothing tells.
fn for_nobody(envelope: &Envelope) -> Option<Next> {
    let kind = envelope.stanza().kind();
    let account = envelope.to().bare();
    let to = envelope.from().bare().into();
    match decide_for_nobody(kind) {
        Decision::Refuse(condition) => refuse(envelope, &StanzaError::new(condition)),
        Decision::Handle if kind == Kind::Presence(PresenceType::Probe) => {
            let denied = Stanza::presence(PresenceType::Unsubscribed);
            Some(Next::Route(Envelope::from_account(&account, to, denied)))
        }
        Decision::Handle => {
            let receipt = Stanza::presence(PresenceType::Unavailable);
            Some(Next::Route(Envelope::from_account(&account, to, receipt)))
        }
        Decision::Deliver(_) | Decision::Store | Decision::Drop => None,
    }
}
