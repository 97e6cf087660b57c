//! The bound session's side of a connection: stanzas in, frames out, and the counts of XEP-0198.
//!
//! A session that can be resumed may go on to another connection at any moment, on another thread. What this one does is
//! of no effect then: each step that touches the session asks, under the outbox's lock, how it stands to it.

use std::{future::Future, pin::Pin, sync::Arc, task::Context, time::Instant};

use jid::Jid;
use stanza::{Output, RejectReason, Rejected, Stanza};
use store::{Seq, Settled};
use stream::{C2s, Event, StreamFault};
use xml::{Element, Fragment};

use super::{Connection, Outcome, Phase, sm};
use crate::{
    account::{
        AccountCell, detached,
        ending::{self, End},
        mail,
    },
    host::Host,
    limits::Limits,
    metrics::own::Direction,
    pipeline::Gates,
    server::Server,
    session::{
        Handled, Session, Standing,
        frame::{Fate, Frame},
    },
    watch::Way,
};

/// A connection's session.
pub(super) struct Bound {
    session: Arc<Session>,
    cell: Arc<AccountCell>,
    host: Arc<Host>,
    is_anonymous: bool,
    /// Which of the session's transports this is.
    transport: u32,
    /// The client was asked for an ack because nothing was heard of it, and nothing was since.
    is_silent: bool,
    /// The batch that the next frame or ack waits for.
    gate: Option<(Seq, Settled)>,
}

impl Bound {
    pub(super) fn new(
        session: Arc<Session>,
        cell: Arc<AccountCell>,
        host: Arc<Host>,
        is_anonymous: bool,
        transport: u32,
    ) -> Self {
        Self {
            session,
            cell,
            host,
            is_anonymous,
            transport,
            is_silent: false,
            gate: None,
        }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Whether a stanza has not taken effect yet.
    pub(super) fn is_held(&self) -> bool {
        self.session.is_held()
    }

    /// How the connection stands to the session. Whatever changes from here on wakes.
    pub(super) fn watch(&self, cx: &Context<'_>) -> Standing {
        self.session.watch(self.transport, cx)
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    pub(super) fn cell(&self) -> &Arc<AccountCell> {
        &self.cell
    }

    /// Whether the session can be without a transport for a while.
    pub(super) fn can_wait(&self) -> bool {
        let outbox = self.session.outbox();
        outbox.standing(self.transport) == Standing::Here
            && outbox.resumption().is_some_and(|it| !it.is_starting)
    }

    /// How many stanzas were handled, modulo 2^32, once all that came are, and that is known to be; registers for what it
    /// waits for until then. Where the store refuses to note it, what it knows.
    pub(super) fn poll_handled(
        &mut self,
        server: &Arc<Server>,
        cx: &mut Context<'_>,
    ) -> Option<u32> {
        let mut is_noted = false;
        loop {
            self.count_effects();
            let handled = {
                let mut outbox = self.session.outbox();
                match outbox.acks.as_mut() {
                    Some(acks) => acks.handled(|seq| server.gate(seq)),
                    None => return Some(0),
                }
            };
            let gate = match handled {
                Handled::All(h) => return Some(h),
                Handled::UnderWay => return None,
                Handled::NotNoted(_) if is_noted => {
                    let mut outbox = self.session.outbox();
                    let acks = outbox.acks.as_mut();
                    return acks.map(|acks| acks.known(|seq| server.gate(seq)));
                }
                Handled::NotNoted(count) => {
                    is_noted = true;
                    server.note_handled(&self.cell, &self.session, count)?
                }
                Handled::Once(gate) => gate,
            };
            if self.gate.as_ref().is_none_or(|(known, _)| *known != gate) {
                self.gate = Some((gate, server.store().settled(gate)));
            }
            let Some((_, settled)) = &mut self.gate else {
                return None;
            };
            if Pin::new(settled).poll(cx).is_pending() {
                return None;
            }
            self.gate = None;
        }
    }

    /// When to poll though nothing happened: an ack is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.session.outbox().acks.as_ref()?.deadline()
    }

    /// The client asked for an ack.
    pub(super) fn ack_requested(&mut self, now: Instant) {
        if let Some(acks) = &mut self.session.outbox().acks {
            acks.requested(now);
        }
    }

    /// The client acked: what it took leaves the mailbox.
    pub(super) fn acked(&mut self, server: &Arc<Server>, h: u32) -> Result<(), StreamFault> {
        let mut outbox = self.session.outbox();
        if outbox.standing(self.transport) != Standing::Here {
            return Ok(());
        }
        let taken = match &mut outbox.acks {
            None => return Ok(()),
            Some(acks) => acks.acked(h),
        };
        let is_resumable = outbox.resumption().is_some();
        let has_waiting = outbox.resumption().is_some_and(|it| !it.waiting.is_empty());
        outbox.wake_for_room();
        drop(outbox);
        let taken = taken.map_err(|too_high| too_high.fault())?;
        self.taken(server, Taken(detached::entries_of(taken, is_resumable)));
        if has_waiting {
            server.visit(&self.cell, Gates::OPEN, |account, cx| {
                detached::catch_up(account, cx, &self.session);
            });
        }
        Ok(())
    }

    /// A first-level element that a feature takes; `None` when none does.
    fn element(
        &self,
        server: &Arc<Server>,
        element: &Element<'_>,
    ) -> Option<Result<Option<Fragment>, StreamFault>> {
        let host = server.host(self.host.domain().as_str())?;
        let handler = host.element(element.name(), element.ns().uri_or(""))?;
        let (id, gates) = (self.session.id(), Gates::after(self.session.gate()));
        let answer = server.visit(&self.cell, gates, |account, cx| {
            (handler.handle)(element, id, account, cx)
        });
        Some(answer.unwrap_or(Err(StreamFault::Internal)))
    }

    /// Whether a flush has something to write; otherwise registers for the batch it waits for.
    pub(super) fn poll_due(
        &mut self,
        server: &Arc<Server>,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> bool {
        self.count_effects();
        loop {
            let awaited = {
                let mut outbox = self.session.outbox();
                let is_starting = outbox.resumption().is_some_and(|it| it.is_starting);
                if is_starting || outbox.standing(self.transport) != Standing::Here {
                    return false;
                }
                if outbox.is_due(|seq| server.gate(seq)) {
                    return true;
                }
                let front = outbox.front_gate(|seq| server.gate(seq));
                let ack = match outbox.acks.as_mut() {
                    None => None,
                    Some(acks) => {
                        if acks.is_due(now, |seq| server.gate_of_ack(seq)) {
                            return true;
                        }
                        if let Some(handled) = acks.must_be_noted(now, |seq| server.gate(seq)) {
                            drop(outbox);
                            server.note_handled(&self.cell, &self.session, handled);
                            continue;
                        }
                        acks.awaited()
                    }
                };
                front.into_iter().chain(ack).min()
            };
            let Some(awaited) = awaited else { return false };
            if self.gate.as_ref().is_none_or(|(gate, _)| *gate != awaited) {
                self.gate = Some((awaited, server.store().settled(awaited)));
            }
            let Some((_, settled)) = &mut self.gate else {
                return false;
            };
            if Pin::new(settled).poll(cx).is_pending() {
                return false;
            }
            self.gate = None;
        }
    }

    /// Stanzas that took effect are counted with the gate of what they did.
    fn count_effects(&mut self) {
        if self.session.has_acks() && !self.session.is_held() {
            let gate = self.session.gate();
            if let Some(acks) = &mut self.session.outbox().acks {
                acks.took_effect(gate);
            }
        }
    }

    /// A stanza came: it is among those that will be counted. Not when the session is not on this transport any more,
    /// for then it must not take effect either: the client sends it again.
    fn count(&self, stanza: Option<&Stanza>) -> bool {
        if !self.session.has_acks() {
            return true;
        }
        let mut outbox = self.session.outbox();
        if matches!(
            outbox.standing(self.transport),
            Standing::TakenOver | Standing::Dropped
        ) {
            return false;
        }
        if let Some(acks) = &mut outbox.acks {
            acks.took();
            if let Some(stanza) = stanza {
                acks.looked_at(stanza);
            }
        }
        true
    }

    /// Writes what is due, about `most` bytes of it.
    pub(super) fn flush(
        &mut self,
        server: &Arc<Server>,
        stream: &C2s,
        out: &mut Vec<u8>,
        most: usize,
    ) {
        self.write(server, stream, out, most, false);
    }

    /// Writes everything that may be seen, however much it is: the stream is about to end, or has just
    /// been ended by what the client sent after it.
    pub(super) fn write_out(&mut self, server: &Arc<Server>, stream: &mut C2s, out: &mut Vec<u8>) {
        self.session.release(|| server.environment().timestamp());
        let mut last = Vec::new();
        stream.flush(&mut last);
        if stream.is_over() {
            // What ended the stream stands behind what was answered before it.
            self.write(server, stream, out, usize::MAX, true);
            out.append(&mut last);
        } else {
            out.append(&mut last);
            self.write(server, stream, out, usize::MAX, false);
        }
    }

    fn write(
        &mut self,
        server: &Arc<Server>,
        stream: &C2s,
        out: &mut Vec<u8>,
        most: usize,
        is_over: bool,
    ) {
        self.count_effects();
        let mut taken = Taken::default();
        let mut outbox = self.session.outbox();
        let is_starting = outbox.resumption().is_some_and(|it| it.is_starting);
        if is_starting
            || matches!(
                outbox.standing(self.transport),
                Standing::TakenOver | Standing::Dropped
            )
        {
            return;
        }
        while out.len() < most {
            let Some(frame) = outbox.pop_due(|seq| server.gate(seq)) else {
                break;
            };
            let output = Output {
                to: frame.to.as_ref(),
                ..Output::default()
            };
            if is_over {
                stream.write_last_stanza(&frame.stanza, output, out);
            } else if !stream.write_stanza(&frame.stanza, output, out) {
                // Our closing tag is out: the session has ended or is about to.
                outbox.put_back(frame);
                break;
            }
            server
                .metrics()
                .stanza(Direction::Sent, frame.stanza.kind());
            if server.watches.any() {
                let (jid, to) = (self.session.full_jid(), frame.to.as_ref());
                server
                    .watches
                    .show(server, Way::Sent, jid, &frame.stanza, to);
            }
            match &mut outbox.acks {
                None => taken.add(frame),
                Some(acks) => acks.wrote(frame),
            }
        }
        let is_empty = outbox.is_empty();
        let mut awaited = outbox.front_gate(|seq| server.gate(seq));
        if let Some(acks) = outbox.acks.as_mut().filter(|_| !is_over) {
            if let Some(h) = acks.due(server.environment().now(), |seq| server.gate_of_ack(seq)) {
                stream.write_nonza(out, |out| sm::write_answer(h, out));
            }
            if acks.should_ask(is_empty, self.session.is_inactive()) {
                stream.write_nonza(out, sm::write_request);
            }
            awaited = awaited.into_iter().chain(acks.awaited()).min();
        }
        drop(outbox);
        if awaited.is_some() && awaited != self.gate.as_ref().map(|(gate, _)| *gate) {
            // The next poll registers for what is waited for now.
            self.session.wake();
        }
        self.taken(server, taken);
    }

    /// The client has these for good.
    fn taken(&self, server: &Arc<Server>, Taken(entries): Taken) {
        if !entries.is_empty() {
            let by = Some(self.session.id());
            server.visit(&self.cell, Gates::OPEN, |account, cx| {
                mail::accepted(account, cx, entries, by)
            });
        }
    }

    /// The connection leaves its session, unless that has left it: it waits to be resumed, or ends.
    pub(super) fn leave(self, server: &Arc<Server>, how: Leaving) {
        match how {
            Leaving::Lost => {
                server.lose_transport(&self.cell, &self.session, self.transport);
            }
            Leaving::Closed => self.end(server),
        }
        if self.is_anonymous {
            server.go_when_drained(&self.cell);
        } else {
            server.retire_idle(&self.cell);
        }
        self.host.close_stream();
    }

    /// The session ends, if it has not: first unavailable to everyone, then gone.
    fn end(&self, server: &Arc<Server>) {
        let (id, transport) = (self.session.id(), self.transport);
        let gates = Gates::after(self.session.gate());
        let is_elsewhere = || self.session.outbox().standing(transport) == Standing::TakenOver;
        server.visit(&self.cell, gates, |account, cx| {
            if !is_elsewhere() {
                ending::finish(account, cx, id, &End::Gone);
            }
        });
        // Whatever state the account was in, nothing reaches the session any more.
        if !is_elsewhere() {
            self.session.outbox().rest();
        }
    }
}

/// How a connection leaves its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leaving {
    /// Its transport is gone, and nobody had closed the stream.
    Lost,
    /// The stream was closed, by either side.
    Closed,
}

/// The mailbox entries of frames that a client has for good. Most frames have none.
#[derive(Default)]
struct Taken(mail::Entries);

impl Taken {
    fn add(&mut self, frame: Frame) {
        if let Fate::Reroute { delivery, entry } = frame.fate {
            if let Some(delivery) = delivery {
                // No resumption, no more questions: whoever else may ask for it keeps it.
                if !delivery.take(false) {
                    return;
                }
            }
            self.0.extend(entry);
        }
    }
}

impl Connection {
    /// An event of a bound stream.
    pub(super) fn bound_event(&mut self, event: Event<'_>, now: Instant) {
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        // What was handed over before has taken effect, or this would wait.
        bound.count_effects();
        let server = &self.server;
        if !matches!(event, Event::Idle) {
            // A device that sends is awake.
            bound.session.release(|| server.environment().timestamp());
        }
        let was_silent = std::mem::replace(&mut bound.is_silent, false);
        match event {
            Event::Stanza(stanza) => self.stanza(stanza, now),
            // A `from` that is no address is not the client's own, RFC 6120 §8.1.2.1.
            Event::Rejected(Rejected {
                reason: RejectReason::FromMalformed(_),
                ..
            }) => {
                self.refuse(&StreamFault::InvalidFrom);
            }
            Event::Rejected(rejected) => {
                let sender = Jid::from(bound.session.full_jid().clone());
                let reply = rejected.reply(&sender);
                self.reply(reply);
            }
            Event::Reply(reply) => self.reply(Some(reply)),
            Event::Nonza(element) => {
                let handled = match bound.element(&self.server, &element) {
                    Some(answer) => answer.map(|answer| {
                        if let Some(answer) = answer {
                            self.stream.send_nonza(&answer);
                        }
                    }),
                    None => {
                        let settings = &self.settings.sm;
                        let stream = &mut self.stream;
                        sm::received(bound, &self.server, settings, stream, &element, now).map(
                            |starting| {
                                if let Some(starting) = starting {
                                    self.wait_for(async move {
                                        Outcome::Started(starting.finish().await)
                                    });
                                }
                            },
                        )
                    }
                };
                if let Err(fault) = handled {
                    self.refuse(&fault);
                }
            }
            // Asked once and not heard of since: whoever it was is not there any more.
            Event::Idle if was_silent => self.lost(now),
            Event::Idle if bound.session.has_acks() => {
                bound.is_silent = true;
                self.stream.send_nonza(&sm::request());
            }
            _ => {}
        }
    }

    fn stanza(&mut self, stanza: Stanza, now: Instant) {
        if !self.throttle.exempt {
            let rate = self.server.limit(Limits::c2s_stanzas);
            let pause = self.throttle.stanzas.take(rate, 1, now);
            self.throttle.pause(pause, now);
        }
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        let server = &self.server;
        let is_timed = server.metrics().stanza(Direction::Received, stanza.kind());
        let begun = is_timed.then(|| server.environment().now());
        match bound.session.stamp(stanza, self.server.sabotage()) {
            Ok(envelope) => {
                if !bound.count(Some(envelope.stanza())) {
                    return;
                }
                if server.watches.any() {
                    let (jid, stanza) = (bound.session.full_jid(), envelope.stanza());
                    server
                        .watches
                        .show(server, Way::Received, jid, stanza, None);
                }
                server.sent(&bound.cell, envelope);
                bound.count_effects();
                if let Some(begun) = begun {
                    let now = server.environment().now();
                    server
                        .metrics()
                        .processed(now.saturating_duration_since(begun));
                }
            }
            Err(fault) => self.refuse(&fault),
        }
    }

    /// A stanza that the stream answers by itself counts like any other, and its answer keeps its turn.
    fn reply(&mut self, reply: Option<Stanza>) {
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        if !bound.count(None) {
            return;
        }
        let mut is_full = false;
        if let Some(reply) = reply {
            let gates = Gates::after(bound.session.gate());
            let frame = Frame {
                stanza: Arc::new(reply),
                to: None,
                gates,
                fate: Fate::Drop,
            };
            let now = || self.server.environment().timestamp();
            is_full = bound.session.outbox().push(frame, now).is_err();
        }
        if is_full {
            let bytes_max =
                usize::try_from(self.server.limits().outbox_bytes_max).unwrap_or(usize::MAX);
            return self.refuse(&StreamFault::OutboxFull { bytes_max });
        }
        bound.count_effects();
    }

    /// Ends the stream for what the client did.
    fn refuse(&mut self, fault: &StreamFault) {
        tracing::info!(peer = %self.peer.label, condition = fault.condition(), reason = %fault, "stream ended");
        self.end_with(fault);
    }
}
