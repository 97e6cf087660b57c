//! The router: takes envelopes to the account, host or service they are for, in order, in a loop.
//!
//! It takes nothing but [`Envelope`]s, which only an origin's stamp makes. Nothing here waits: a
//! stanza for an account that is not in memory waits in that account's own inbox, and holds back only
//! the session that sent it.

use std::{collections::VecDeque, sync::Arc};

use jid::BareJid;
use stanza::{Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};
use store::Seq;

use crate::{
    account::{Account, AccountCell, CellState, INBOX_MAX, ending, iq, load, mail, presence},
    envelope::Envelope,
    faults::{Caught, caught},
    host::Host,
    losses,
    module::{Answer, IqContext, IqJob, Method, To, iq::Handler},
    pipeline::{
        Context, Pipeline, Stage, Undo, Verdict,
        decide::{Decision, decide_for_nobody},
        events::{
            IqArrived, IqSent, MessageArrived, MessageSent, PresenceArrived, PresenceSent,
            StanzaEvent,
        },
        run,
    },
    sabotage::Sabotage,
    server::Server,
};

/// Envelopes one account's drainer routes before it lets other work have the worker.
const CHUNK: usize = 256;

/// What one step of routing leaves to do.
enum Next {
    Drain(Arc<AccountCell>),
    Route(Envelope),
}

impl Server {
    /// A session of ours sent a stanza: the outgoing pipeline of its account, then the router.
    pub(crate) fn sent(self: &Arc<Self>, cell: &Arc<AccountCell>, envelope: Envelope) {
        let gate = envelope.gate();
        self.visit(cell, gate, |account, cx| match envelope.stanza().kind() {
            Kind::Message(_) => outgoing(account, cx, MessageSent { envelope }, message_passed),
            Kind::Presence(_) => outgoing(account, cx, PresenceSent { envelope }, presence::sent),
            Kind::Iq(_) => outgoing(account, cx, IqSent { envelope }, |_, cx, event: IqSent| {
                cx.route(event.envelope)
            }),
        });
    }

    /// Puts a stanza on its way that no account's run made.
    pub fn route(self: &Arc<Self>, envelope: Envelope) {
        self.work(Next::Route(envelope));
    }

    /// One run over an account in memory, and the routing of what it made. `None` when the account is
    /// not in memory.
    pub(crate) fn visit<R>(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        gate: Seq,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Option<R> {
        let (result, next) = {
            let mut state = cell.lock();
            self.run_in(cell, &mut state, gate, body)?
        };
        if let Some(next) = next {
            self.work(next);
        }
        Some(result)
    }

    /// One run under a lock that is held already.
    fn run_in<R>(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        state: &mut CellState,
        gate: Seq,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Option<(R, Option<Next>)> {
        let CellState::Ready(account) = &mut *state else {
            return None;
        };
        let host = self.host(account.jid().domain())?;
        match run(self, &host, account, gate, body) {
            Ok((result, _)) => Some((result, claim(cell, account))),
            Err(_) => {
                tracing::error!(account = %cell.jid(), "a panic in a handler; the account's sessions end and it is read again");
                ending::abandon(account);
                *state = CellState::Gone { missing: false };
                self.registry.remove(cell);
                None
            }
        }
    }

    /// The loop: everything that follows from `first`.
    fn work(self: &Arc<Self>, first: Next) {
        let mut todo = VecDeque::new();
        let mut next = Some(first);
        while let Some(step) = next.take().or_else(|| todo.pop_front()) {
            match step {
                Next::Route(envelope) => {
                    if let Some(more) = self.step(envelope) {
                        todo.push_back(more);
                    }
                }
                Next::Drain(cell) => {
                    let mut routed = 0;
                    while let Some(envelope) = next_effect(&cell, self.sabotage()) {
                        if let Some(more) = self.step(envelope) {
                            todo.push_back(more);
                        }
                        routed += 1;
                        if routed == CHUNK {
                            // Still the account's only drainer: its order is kept.
                            let server = self.clone();
                            self.environment()
                                .spawn(Box::pin(async move { server.work(Next::Drain(cell)) }));
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Takes one envelope to where it is for.
    fn step(self: &Arc<Self>, envelope: Envelope) -> Option<Next> {
        match self.host(envelope.to().domain()) {
            Some(_) if envelope.to().local().is_some() => self.to_account(envelope),
            Some(host) => self.to_host(&host, envelope),
            // No federation: other domains are out of reach.
            None => refuse(
                &envelope,
                &StanzaError::new(Condition::RemoteServerNotFound),
            ),
        }
    }

    fn to_account(self: &Arc<Self>, envelope: Envelope) -> Option<Next> {
        let jid = envelope.to().bare();
        let mut envelope = envelope;
        // Twice at most: the cell may leave memory between look-up and lock.
        for _ in 0..8 {
            if is_for_resident_only(&envelope) && self.registry.get(&jid).is_none() {
                return None;
            }
            let (cell, is_new) = self.registry.get_or_insert(&jid);
            if is_new {
                let loading = load::load(self.clone(), cell.clone());
                self.environment().spawn(Box::pin(loading));
            }
            let mut state = cell.lock();
            match &mut *state {
                CellState::Loading { inbox, .. } => {
                    if inbox.len() >= INBOX_MAX {
                        return refuse(&envelope, &StanzaError::new(Condition::ResourceConstraint));
                    }
                    inbox.push_back(envelope);
                    return None;
                }
                CellState::Ready(_) => return self.arrive(&cell, &mut state, envelope),
                CellState::Gone { .. } => {
                    drop(state);
                    self.registry.remove(&cell);
                    envelope = std::convert::identity(envelope);
                }
            }
        }
        refuse(&envelope, &StanzaError::new(Condition::InternalServerError))
    }

    /// The incoming pipeline of an account that is in memory and locked.
    fn arrive(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        state: &mut CellState,
        envelope: Envelope,
    ) -> Option<Next> {
        let gate = envelope.gate();
        let (_, next) = self.run_in(cell, state, gate, |account, cx| {
            match envelope.stanza().kind() {
                Kind::Message(_) => {
                    let event = MessageArrived {
                        envelope,
                        recipients: Vec::new(),
                    };
                    incoming(account, cx, event, mail::arrived);
                }
                Kind::Presence(_) => {
                    incoming(account, cx, PresenceArrived { envelope }, presence::arrived)
                }
                Kind::Iq(_) => incoming(account, cx, IqArrived { envelope }, iq::arrived),
            }
        })?;
        next
    }

    /// The store answered: the account is in memory, and what waited for it arrives.
    pub(crate) fn loaded(self: &Arc<Self>, cell: &Arc<AccountCell>, account: Account) {
        let mut todo = Vec::new();
        let wakers = {
            let mut state = cell.lock();
            let before = std::mem::replace(&mut *state, CellState::Ready(Box::new(account)));
            let CellState::Loading { inbox, wakers } = before else {
                return;
            };
            let strays = self.run_in(cell, &mut state, Seq::NONE, mail::give_up_strays);
            todo.extend(strays.and_then(|(_, next)| next));
            for envelope in inbox {
                todo.extend(self.arrive(cell, &mut state, envelope));
            }
            wakers
        };
        for waker in wakers {
            waker.wake();
        }
        self.retire_idle(cell);
        for next in todo {
            self.work(next);
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
        for envelope in inbox {
            let next = if missing {
                self.nobody(&envelope)
            } else {
                refuse(&envelope, &losses::not_stored())
            };
            if let Some(next) = next {
                self.work(next);
            }
        }
    }

    /// A batch failed: undoes and bounces.
    pub(crate) fn make_good(
        self: &Arc<Self>,
        account: &BareJid,
        bounces: Vec<Arc<Stanza>>,
        undo: Vec<Undo>,
    ) {
        if let Some(cell) = self.registry.get(account) {
            self.visit(&cell, Seq::NONE, |account, _| {
                for undo in undo {
                    undo(account);
                }
            });
        }
        for stanza in bounces {
            let (Some(to), Some(reply)) = (
                stanza.from().cloned(),
                stanza.reply_error(&losses::not_stored()),
            ) else {
                continue;
            };
            self.route(Envelope::from_account_as(account, stanza.to(), to, reply));
        }
    }

    fn to_host(self: &Arc<Self>, host: &Arc<Host>, envelope: Envelope) -> Option<Next> {
        match envelope.stanza().kind() {
            Kind::Iq(IqType::Get) => self.host_iq(host, envelope, Method::Get),
            Kind::Iq(IqType::Set) => self.host_iq(host, envelope, Method::Set),
            Kind::Iq(IqType::Result | IqType::Error) => None,
            Kind::Message(MessageType::Error) => None,
            Kind::Message(_) => refuse(&envelope, &StanzaError::new(Condition::ServiceUnavailable)),
            Kind::Presence(PresenceType::Probe) => Some(Next::Route(
                envelope.answer(Stanza::presence(PresenceType::Available)),
            )),
            Kind::Presence(PresenceType::Subscribe) => {
                // The host has no roster: everybody may see that it is there.
                Some(Next::Route(
                    envelope.answer(Stanza::presence(PresenceType::Subscribed)),
                ))
            }
            Kind::Presence(_) => None,
        }
    }

    /// A stanza for an account that is not there.
    fn nobody(self: &Arc<Self>, envelope: &Envelope) -> Option<Next> {
        let method = match envelope.stanza().kind() {
            Kind::Iq(IqType::Get) => Method::Get,
            Kind::Iq(IqType::Set) => Method::Set,
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
            account: None,
            run: None,
            host: &host,
            server: self,
            stanza: &stanza,
            afterwards: Vec::new(),
        };
        let answer = answer(&child.tree().root(), &mut cx);
        reply(envelope, answer)
    }

    fn host_iq(
        self: &Arc<Self>,
        host: &Arc<Host>,
        envelope: Envelope,
        method: Method,
    ) -> Option<Next> {
        let stanza = envelope.stanza().clone();
        let Some(child) = stanza.payload() else {
            return refuse(&envelope, &StanzaError::new(Condition::BadRequest));
        };
        let ns = child.ns().uri_or("");
        let answer = match host.iq().find(To::Host, method, child.name(), ns) {
            None => Err(StanzaError::new(Condition::ServiceUnavailable)),
            Some(Handler::Answer(answer)) => {
                let mut cx = IqContext {
                    asked: To::Host,
                    from: envelope.from(),
                    session: envelope.session(),
                    account: None,
                    run: None,
                    host,
                    server: self,
                    stanza: &stanza,
                    afterwards: Vec::new(),
                };
                caught(|| answer(&child.tree().root(), &mut cx))
                    .unwrap_or_else(|panicked| Err(panicked.error()))
            }
            Some(Handler::Handle(handle)) => {
                let job = IqJob {
                    from: envelope.from().clone(),
                    session: envelope.session().cloned(),
                    account: None,
                    host: host.clone(),
                    server: self.clone(),
                    address: None,
                    stanza: stanza.clone(),
                };
                match handle(&child.tree().root(), job) {
                    Ok(answering) => {
                        let server = self.clone();
                        self.environment().spawn(Box::pin(async move {
                            let answer = Caught::new(answering).await;
                            server.answer(
                                envelope,
                                answer.unwrap_or_else(|panicked| Err(panicked.error())),
                            );
                        }));
                        return None;
                    }
                    Err(error) => Err(error),
                }
            }
        };
        reply(&envelope, answer)
    }

    /// Routes the answer to a request that had to wait; the asking session goes on after it.
    pub(crate) fn answer(self: &Arc<Self>, envelope: Envelope, answer: Answer) {
        if let Some(next) = reply(&envelope, answer) {
            self.work(next);
        }
        drop(envelope);
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

/// Screen and annotate, then what the engine does with it.
fn outgoing<E: StanzaEvent>(
    account: &mut Account,
    cx: &Context<'_>,
    mut event: E,
    passed: impl FnOnce(&mut Account, &Context<'_>, E),
) {
    let pipeline: &Pipeline = cx.host().pipeline();
    match E::handlers(pipeline).screen(&event, account, cx) {
        Verdict::Pass => {
            E::handlers(pipeline).at(Stage::Annotate, &mut event, account, cx);
            passed(account, cx, event);
        }
        Verdict::Error(error) => route_error(cx, event.envelope(), &error),
        Verdict::Drop => {}
    }
}

/// The same stages for what arrives.
fn incoming<E: StanzaEvent>(
    account: &mut Account,
    cx: &Context<'_>,
    event: E,
    passed: impl FnOnce(&mut Account, &Context<'_>, E),
) {
    outgoing(account, cx, event, passed);
}

/// A message passed the sender's stages: copies, then on its way.
fn message_passed(account: &mut Account, cx: &Context<'_>, mut event: MessageSent) {
    cx.host()
        .pipeline()
        .message_sent
        .at(Stage::Fork, &mut event, account, cx);
    cx.route(event.envelope);
}

/// Answers a stanza with an error, if it may be answered.
pub(crate) fn route_error(cx: &Context<'_>, envelope: &Envelope, error: &StanzaError) {
    if let Some(reply) = envelope.stanza().reply_error(error) {
        cx.route(envelope.answer(reply));
    }
}

fn refuse(envelope: &Envelope, error: &StanzaError) -> Option<Next> {
    Some(Next::Route(
        envelope.answer(envelope.stanza().reply_error(error)?),
    ))
}

fn reply(envelope: &Envelope, answer: Answer) -> Option<Next> {
    match answer {
        Ok(payload) => Some(Next::Route(
            envelope.answer(envelope.stanza().reply_result(payload)),
        )),
        Err(error) => refuse(envelope, &error),
    }
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

/// The next stanza of an account's queue; `None` ends the draining.
fn next_effect(cell: &AccountCell, sabotage: Sabotage) -> Option<Envelope> {
    let mut state = cell.lock();
    let CellState::Ready(account) = &mut *state else {
        return None;
    };
    let next = match sabotage {
        Sabotage::ReorderDrain => account.effects.pop_back(),
        _ => account.effects.pop_front(),
    };
    if next.is_none() {
        account.draining = false;
    }
    next
}

/// Makes the caller the account's drainer if there is something to drain and nobody does.
fn claim(cell: &Arc<AccountCell>, account: &mut Account) -> Option<Next> {
    if account.effects.is_empty() || account.draining {
        return None;
    }
    account.draining = true;
    Some(Next::Drain(cell.clone()))
}
