//! The router: takes envelopes to the account, host or service they are for, in order, in a loop.
//!
//! It takes nothing but [`Envelope`]s, which only an origin's stamp makes. Nothing here waits: a
//! stanza for an account that is not in memory waits in that account's own inbox, and holds back only
//! the session that sent it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jid::{BareJid, Jid};
use stanza::{Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};

use crate::{
    account::{
        Account, AccountCell, CellState, Closing, INBOX_MAX, ending, iq, load, mail, presence,
    },
    envelope::Envelope,
    faults::{Caught, caught},
    host::Host,
    losses,
    module::{Answer, IqContext, IqJob, Method, To, iq::Handler},
    pipeline::{
        Context, Gates, Pipeline, Stage, Undo, Verdict,
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

/// What the store refused is written again after this.
const RETRY: Duration = Duration::from_secs(1);

/// What one step of routing leaves to do.
enum Next {
    Drain(Arc<AccountCell>),
    Route(Envelope),
}

impl Server {
    /// A session of ours sent a stanza: the outgoing pipeline of its account, then the router.
    pub(crate) fn sent(self: &Arc<Self>, cell: &Arc<AccountCell>, envelope: Envelope) {
        let gates = envelope.gates();
        let question = Question::of(&envelope);
        let done = self.visit(cell, gates, |account, cx| match envelope.stanza().kind() {
            Kind::Message(_) => staged(account, cx, MessageSent { envelope }, message_passed),
            Kind::Presence(_) => staged(account, cx, PresenceSent { envelope }, presence::sent),
            Kind::Iq(_) => {
                staged(account, cx, IqSent { envelope }, |_, cx, event: IqSent| {
                    cx.route(event.envelope)
                });
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
        let outcome = self.run_in(cell, &mut cell.lock(), gates, body);
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
        body: impl FnOnce(&mut Account, &Context<'_>) -> R,
    ) -> Result<(R, Gates, Option<Next>), Vec<Envelope>> {
        let CellState::Ready(account) = &mut *state else {
            return Err(Vec::new());
        };
        if let Some(host) = self.host(account.jid().domain()) {
            account.host = host;
        }
        let host = account.host.clone();
        match run(self, &host, account, gates, body) {
            Ok((result, gates)) => Ok((result, gates, self.claim(cell, state))),
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
            return Some(Next::Drain(cell.clone()));
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

    /// The loop: everything that follows from `first`.
    fn work(self: &Arc<Self>, first: Option<Next>) {
        let mut todo = VecDeque::new();
        let mut next = first;
        while let Some(step) = next.take().or_else(|| todo.pop_front()) {
            match step {
                Next::Route(envelope) => todo.extend(self.step_through(envelope)),
                Next::Drain(cell) => {
                    let mut routed = 0;
                    while let Some(envelope) = self.next_effect(&cell) {
                        todo.extend(self.step_through(envelope));
                        routed += 1;
                        if routed == CHUNK {
                            // Still the account's only drainer: its order is kept.
                            let server = self.clone();
                            let rest = async move { server.work(Some(Next::Drain(cell))) };
                            self.environment().spawn(Box::pin(rest));
                            break;
                        }
                    }
                }
            }
        }
    }

    /// The next stanza of an account's queue; `None` ends the draining.
    fn next_effect(&self, cell: &Arc<AccountCell>) -> Option<Envelope> {
        let mut state = cell.lock();
        let CellState::Ready(account) = &mut *state else {
            return None;
        };
        let next = account.effects.next(match self.sabotage() {
            Sabotage::ReorderDrain => VecDeque::pop_back,
            _ => VecDeque::pop_front,
        });
        if next.is_none() {
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
        // More than once only when the cell leaves memory between look-up and lock.
        for _ in 0..8 {
            if is_for_resident_only(&envelope) && self.registry.get(&jid).is_none() {
                return None;
            }
            let cell = self.cell_or_load(&jid);
            let mut state = cell.lock();
            match &mut *state {
                CellState::Loading { inbox, .. } => {
                    if inbox.len() >= INBOX_MAX {
                        return refuse(&envelope, &StanzaError::new(Condition::ResourceConstraint));
                    }
                    inbox.push_back(envelope);
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
        let question = Question::of(&envelope);
        let outcome = self.run_in(cell, state, gates, |account, cx| {
            match envelope.stanza().kind() {
                Kind::Message(_) => {
                    let event = MessageArrived {
                        envelope,
                        recipients: Vec::new(),
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
                (next, Vec::new())
            }
            Err(last) => (question.failed(), last),
        }
    }

    /// The store answered: the account is in memory, and what waited for it arrives.
    pub(crate) fn loaded(self: &Arc<Self>, cell: &Arc<AccountCell>, account: Account) {
        let mut todo = Vec::new();
        let mut last = Vec::new();
        let wakers = {
            let mut state = cell.lock();
            let CellState::Loading { inbox, wakers } = &mut *state else {
                return;
            };
            let (inbox, wakers) = (std::mem::take(inbox), std::mem::take(wakers));
            *state = CellState::Ready(Box::new(account));
            match self.run_in(cell, &mut state, Gates::OPEN, mail::give_up_strays) {
                Ok((_, _, next)) => todo.extend(next),
                Err(more) => last.extend(more),
            }
            for envelope in inbox {
                if matches!(&*state, CellState::Ready(_)) {
                    let (next, more) = self.arrive(cell, &mut state, envelope);
                    todo.extend(next);
                    last.extend(more);
                } else {
                    todo.push(Next::Route(envelope));
                }
            }
            wakers
        };
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
        for envelope in inbox {
            let next = if missing {
                self.nobody(&envelope)
            } else {
                refuse(&envelope, &losses::not_stored())
            };
            self.work(next);
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
            let owes = self.visit(&cell, Gates::OPEN, |account, _| {
                for undo in undo {
                    undo(account);
                }
                !account.forgotten.is_empty()
            });
            if owes == Some(true) {
                let again = self
                    .environment()
                    .sleep_until(self.environment().now() + RETRY);
                let server = self.clone();
                self.environment().spawn(Box::pin(async move {
                    again.await;
                    server.visit(&cell, Gates::OPEN, mail::write_owed);
                }));
            }
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

    /// Before a stop in good order: writes again what the store had refused.
    pub fn write_what_is_owed(self: &Arc<Self>) {
        for cell in self.registry.all() {
            self.visit(&cell, Gates::OPEN, mail::write_owed);
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
        let answer = caught(|| answer(&child.tree().root(), &mut cx));
        reply(
            envelope,
            answer.unwrap_or_else(|panicked| Err(panicked.error())),
        )
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
        self.work(reply(&envelope, answer));
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

/// Screen and annotate, the same both ways, then what the engine does with it.
fn staged<E: StanzaEvent>(
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

/// What must still be said of a stanza if its run panics: a request gets its one answer.
struct Question(Option<(Jid, Jid, Arc<Stanza>)>);

impl Question {
    fn of(envelope: &Envelope) -> Self {
        let asks = envelope.stanza().kind().is_request();
        Self(asks.then(|| {
            (
                envelope.to().clone(),
                envelope.from().clone(),
                envelope.stanza().clone(),
            )
        }))
    }

    fn failed(self) -> Option<Next> {
        let (own, asker, stanza) = self.0?;
        let reply = stanza.reply_error(&StanzaError::new(Condition::InternalServerError))?;
        Some(Next::Route(Envelope::from_account_as(
            &own.bare(),
            Some(&own),
            asker,
            reply,
        )))
    }
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
        cx.route_regardless(envelope.answer(reply));
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
