//! The router: takes envelopes to the account, host or service they are for, in order, in a loop.
//!
//! It takes no stanza but in an [`Envelope`], which only an origin's stamp makes. Nothing here waits: a
//! stanza for an account that is not in memory waits in that account's own inbox, and holds back only
//! the session that sent it.

mod elsewhere;
mod reply;
mod tell;
mod to_account;
mod to_host;
mod to_service;

use std::{collections::VecDeque, sync::Arc};

use stanza::{Condition, Kind, StanzaError};

pub(crate) use self::reply::route_error;
use self::reply::{Question, refuse, staged};
use crate::{
    account::{
        Account, AccountCell, CellState, Closing,
        archiving::{self, Passed},
        ending, presence, stored,
    },
    effect::Effect,
    envelope::Envelope,
    faults::caught,
    module::{ServiceCell, Told},
    pipeline::{
        Context, Gates, Stage,
        events::{IqSent, MessageSent, PresenceSent},
        run,
    },
    room,
    sabotage::Sabotage,
    server::Server,
    session::Held,
};

/// How much one account's drainer routes before it lets other work have the worker.
const CHUNK: usize = 256;

/// What one step of routing leaves to do.
enum Next {
    Drain(Queue),
    Route(Envelope),
    Tell(Box<Told>),
}

/// Whose effects are routed in order by one drainer.
enum Queue {
    Account(Arc<AccountCell>),
    Service(Arc<ServiceCell>),
}

impl Server {
    /// A session of ours sent a stanza. What it sent to a host may stand for others, which go instead.
    pub(crate) fn sent(self: &Arc<Self>, cell: &Arc<AccountCell>, envelope: Envelope) {
        if envelope.to().local().is_some() {
            return self.sent_one(cell, envelope);
        }
        match self.fanned_out(&envelope) {
            None => self.sent_one(cell, envelope),
            Some(Ok(others)) => {
                for other in others {
                    self.sent_one(cell, other);
                }
            }
            Some(Err(error)) => self.work(refuse(&envelope, &error)),
        }
    }

    /// What goes instead of a message or presence to a host of ours, if a feature of that host says so.
    fn fanned_out(&self, envelope: &Envelope) -> Option<Result<Vec<Envelope>, StanzaError>> {
        let (session, stanza) = (envelope.session()?, envelope.stanza());
        if matches!(stanza.kind(), Kind::Iq(_)) {
            return None;
        }
        let host = self.host(envelope.to().domain())?;
        let others = caught(|| host.fan_out(stanza, session, self))
            .unwrap_or_else(|panicked| Some(Err(panicked.error())))?;
        let instead = |(to, stanza)| envelope.instead(to, stanza);
        Some(others.map(|others| others.into_iter().map(instead).collect()))
    }

    /// The outgoing pipeline of the account that sent it, then the router.
    fn sent_one(self: &Arc<Self>, cell: &Arc<AccountCell>, envelope: Envelope) {
        let gates = envelope.gates();
        let question = Question::of(&envelope);
        // A message or request goes on its way and holds its session; presence may become many others.
        let held = match envelope.stanza().kind() {
            Kind::Presence(_) => envelope.hold(),
            Kind::Message(_) | Kind::Iq(_) => None,
        };
        let done = self.visit_held(cell, gates, held.as_ref(), |account, cx| {
            match envelope.stanza().kind() {
                Kind::Message(_) => staged(
                    account,
                    cx,
                    MessageSent {
                        envelope,
                        archived: None,
                    },
                    message_passed,
                ),
                Kind::Presence(_) => staged(account, cx, PresenceSent { envelope }, presence::sent),
                Kind::Iq(_) => {
                    staged(account, cx, IqSent { envelope }, |_, cx, event: IqSent| {
                        cx.route(event.envelope)
                    });
                }
            }
        });
        if done.is_none() {
            self.work(question.failed());
        }
    }

    /// Puts a stanza on its way that no account's run made.
    pub fn route(self: &Arc<Self>, envelope: Envelope) {
        self.work(Some(Next::Route(envelope)));
    }

    /// One run over an account in memory, and the routing of what it made. `None` when the account is
    /// not in memory, or a handler panicked.
    pub(crate) fn visit<R>(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        gates: Gates,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Option<R> {
        self.visit_held(cell, gates, None, body)
    }

    /// As [`Server::visit`], for a session that waits when the account makes more than is routed.
    fn visit_held<R>(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        gates: Gates,
        held: Option<&Held>,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Option<R> {
        let outcome = self.run_in(cell, &mut cell.lock(), gates, held, body);
        match outcome {
            Ok((result, _, next)) => {
                self.work(next);
                Some(result)
            }
            Err(last) => {
                self.work_all(last);
                None
            }
        }
    }

    /// One run under a lock that is held already: its result, its gates, and what is left to do. `Err`
    /// with what others must be told when a handler panicked: the account has left memory then.
    fn run_in<R>(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        state: &mut CellState,
        gates: Gates,
        held: Option<&Held>,
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Result<(R, Gates, Option<Next>), Vec<Envelope>> {
        let CellState::Ready(account) = &mut *state else {
            return Err(Vec::new());
        };
        let Some(host) = self.newest(account.host.take(), account.jid().domain()) else {
            return Err(Vec::new());
        };
        match run(self, &host, account, gates, body) {
            Ok((result, gates)) => {
                account.host = Some(host);
                Effect::hold_back(&mut account.effects, held);
                Ok((result, gates, self.claim(cell, state)))
            }
            Err(_) => {
                tracing::error!(account = %cell.jid(), "a panic in a handler; the account's sessions end and it is read again");
                let last = ending::abandon(account, self);
                *state = CellState::Gone { missing: false };
                self.registry.remove(cell);
                Err(last)
            }
        }
    }

    /// Makes the caller the account's drainer if there is something to drain and nobody does.
    fn claim(&self, cell: &Arc<AccountCell>, state: &mut CellState) -> Option<Next> {
        let CellState::Ready(account) = &mut *state else {
            return None;
        };
        if account.effects.claim() {
            return Some(Next::Drain(Queue::Account(cell.clone())));
        }
        self.go_if_drained(cell, state);
        None
    }

    /// An account that was only waiting for its last stanzas to leave is gone.
    fn go_if_drained(&self, cell: &Arc<AccountCell>, state: &mut CellState) {
        let CellState::Ready(account) = &*state else {
            return;
        };
        if account.closing == Closing::GoneWhenDrained && account.effects.is_drained() {
            *state = CellState::Gone { missing: true };
            self.registry.remove(cell);
        }
    }

    /// The account goes once what it made is routed.
    pub(crate) fn go_when_drained(&self, cell: &Arc<AccountCell>) {
        let mut state = cell.lock();
        if let CellState::Ready(account) = &mut *state {
            account.closing = Closing::GoneWhenDrained;
        }
        self.go_if_drained(cell, &mut state);
    }

    fn work_all(self: &Arc<Self>, envelopes: Vec<Envelope>) {
        for envelope in envelopes {
            self.work(Some(Next::Route(envelope)));
        }
    }

    fn work(self: &Arc<Self>, first: Option<Next>) {
        self.work_on(first, VecDeque::new());
    }

    /// The loop: everything that follows from `first`, and then from `todo`.
    fn work_on(self: &Arc<Self>, first: Option<Next>, mut todo: VecDeque<Next>) {
        let mut next = first;
        while let Some(step) = next.take().or_else(|| todo.pop_front()) {
            match step {
                Next::Route(envelope) => todo.extend(self.step_through(envelope)),
                Next::Tell(told) => todo.extend(self.bring(told)),
                Next::Drain(queue) => {
                    let mut routed = 0;
                    while let Some(effect) = self.next_effect(&queue) {
                        match effect {
                            Effect::Stanza(envelope) => todo.extend(self.step_through(envelope)),
                            Effect::Told(told) if self.must_wait(&told) => {
                                self.tell_once_durable(told, queue);
                                break;
                            }
                            Effect::Told(told) => todo.extend(self.bring(told)),
                        }
                        routed += 1;
                        if routed == CHUNK {
                            // Still the queue's only drainer: its order is kept.
                            let server = self.clone();
                            let rest = async move { server.work(Some(Next::Drain(queue))) };
                            self.environment().spawn(Box::pin(rest));
                            break;
                        }
                    }
                }
            }
        }
    }

    /// What is next in a queue; `None` ends the draining.
    fn next_effect(&self, queue: &Queue) -> Option<Effect> {
        match queue {
            Queue::Account(cell) => self.next_of_account(cell),
            Queue::Service(cell) => cell.next_effect(),
        }
    }

    fn next_of_account(&self, cell: &Arc<AccountCell>) -> Option<Effect> {
        let mut state = cell.lock();
        let CellState::Ready(account) = &mut *state else {
            return None;
        };
        let next = account.effects.next(match self.sabotage() {
            Sabotage::ReorderDrain => VecDeque::pop_back,
            _ => VecDeque::pop_front,
        });
        if next.is_none() {
            room::leave(account.effects.waiting());
            self.go_if_drained(cell, &mut state);
        }
        next
    }

    /// One envelope and the answers it causes on the spot, which may not be overtaken by what comes
    /// later from the same account. What is left is an account to drain.
    fn step_through(self: &Arc<Self>, envelope: Envelope) -> Option<Next> {
        let mut next = self.step(envelope);
        while let Some(Next::Route(answer)) = next {
            next = self.step(answer);
        }
        next
    }

    /// Takes one envelope to where it is for.
    fn step(self: &Arc<Self>, envelope: Envelope) -> Option<Next> {
        if self.is_answer(&envelope) {
            return None;
        }
        if envelope.to().local().is_some() && self.serves(envelope.to().domain()) {
            return match self.link_to(|| envelope.to().bare_str()) {
                None => self.to_account(envelope),
                Some(link) => self.go_elsewhere(link, Effect::Stanza(envelope)),
            };
        }
        match self.host(envelope.to().domain()) {
            Some(host) => self.to_host(&host, envelope),
            None => match self.service(envelope.to().domain()) {
                Some(service) => match self.link_to(|| envelope.to().domain()) {
                    None => self.to_service(&service, envelope),
                    Some(link) => self.go_elsewhere(link, Effect::Stanza(envelope)),
                },
                // No federation: other domains are out of reach.
                None => refuse(
                    &envelope,
                    &StanzaError::new(Condition::RemoteServerNotFound),
                ),
            },
        }
    }
}

/// A message passed the sender's stages: into the archive, copies, then on its way.
fn message_passed(account: &mut Account, cx: &Context<'_>, mut event: MessageSent) {
    let passed = archiving::record_sent(account, cx, &mut event);
    if passed == Passed::BeenThere {
        return;
    }
    cx.host()
        .pipeline()
        .message_sent
        .at(Stage::Fork, &mut event, account, cx);
    if let Some(session) = event.envelope.session() {
        stored::before_message(account, cx, session);
    }
    cx.route(event.envelope);
}
