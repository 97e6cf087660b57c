//! The bound session's side of a connection: stanzas in, frames out, and the counts of XEP-0198.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use jid::Jid;
use stanza::{Output, RejectReason, Rejected, Stanza};
use store::{EntryId, Gate, Seq, Settled};
use stream::{C2s, Event, StreamFault};

use super::{Connection, Phase, sm};
use crate::{
    account::{
        AccountCell,
        ending::{self, End},
        mail,
    },
    host::Host,
    server::Server,
    session::{
        Session,
        outbox::{Fate, Frame},
    },
};

/// A connection's session.
pub(super) struct Bound {
    session: Arc<Session>,
    cell: Arc<AccountCell>,
    host: Arc<Host>,
    is_anonymous: bool,
    /// A stanza was handed over and its effect is not counted yet.
    owes_count: u32,
    /// The gate that the next frame or ack waits for.
    gate: Option<(Seq, Settled)>,
    /// Outgoing text that could not be read as an ack's or a frame's peer: the client acks too little.
    overdue: bool,
}

impl Bound {
    pub(super) fn new(
        session: Arc<Session>,
        cell: Arc<AccountCell>,
        host: Arc<Host>,
        is_anonymous: bool,
    ) -> Self {
        Self {
            session,
            cell,
            host,
            is_anonymous,
            owes_count: 0,
            gate: None,
            overdue: false,
        }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Whether a stanza has not taken effect yet.
    pub(super) fn is_held(&self) -> bool {
        self.session.is_held()
    }

    /// Whether somebody else ended the session, or must, because it acks nothing.
    pub(super) fn is_ended(&self) -> bool {
        self.overdue || self.session.outbox().is_resting()
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
        let taken = match &mut self.session.outbox().acks {
            None => return Ok(()),
            Some(acks) => acks.acked(h),
        };
        let taken = taken.map_err(|too_high| StreamFault::HandledCountTooHigh {
            h: too_high.h,
            sent: too_high.sent,
        })?;
        self.taken(server, taken);
        Ok(())
    }

    /// Whether a flush has something to write; registers for the gate it waits for otherwise.
    pub(super) fn poll_due(
        &mut self,
        server: &Arc<Server>,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> bool {
        self.count_effects();
        loop {
            let (front, ack, due) = {
                let mut outbox = self.session.outbox();
                let front = outbox.front_gate();
                let acks = outbox.acks.as_mut();
                let due = acks
                    .as_ref()
                    .and_then(|acks| acks.deadline())
                    .is_some_and(|deadline| deadline <= now);
                (front, acks.and_then(|acks| acks.awaited()), due)
            };
            if due || front.is_some_and(|gate| server.gate(gate) != Gate::Pending) {
                return true;
            }
            if let Some(gate) = ack
                && server.gate(gate) != Gate::Pending
            {
                return true;
            }
            let Some(awaited) = front.into_iter().chain(ack).min() else {
                return false;
            };
            if self.gate.as_ref().is_none_or(|(gate, _)| *gate != awaited) {
                self.gate = Some((awaited, server.store().settled(awaited)));
            }
            let Some((_, settled)) = &mut self.gate else {
                return false;
            };
            match Pin::new(settled).poll(cx) {
                Poll::Pending => return self.has_immediate_ack(),
                Poll::Ready(_) => self.gate = None,
            }
        }
    }

    /// An `<r/>` with nothing to wait for.
    fn has_immediate_ack(&self) -> bool {
        let outbox = self.session.outbox();
        outbox
            .acks
            .as_ref()
            .is_some_and(|acks| acks.deadline().is_some() && acks.awaited().is_none())
    }

    /// Stanzas that took effect are counted with the gate of what they did.
    fn count_effects(&mut self) {
        if self.owes_count > 0 && !self.session.is_held() {
            let gate = self.session.gate();
            if let Some(acks) = &mut self.session.outbox().acks {
                for _ in 0..self.owes_count {
                    acks.handled(gate);
                }
            }
            self.owes_count = 0;
        }
    }

    /// Writes what is due, about `most` bytes of it.
    pub(super) fn flush(
        &mut self,
        server: &Arc<Server>,
        stream: &C2s,
        out: &mut Vec<u8>,
        most: usize,
    ) {
        self.count_effects();
        let mut taken = Vec::new();
        let mut outbox = self.session.outbox();
        while out.len() < most {
            let Some(frame) = outbox.pop_due(|seq| server.gate(seq)) else {
                break;
            };
            let output = Output {
                to: frame.to.as_ref(),
                ..Output::default()
            };
            if !stream.write_stanza(&frame.stanza, output, out) {
                // Our closing tag is out: the session has ended or is about to.
                break;
            }
            match &mut outbox.acks {
                None => taken.push(frame),
                Some(acks) => self.overdue |= acks.wrote(frame).is_err(),
            }
        }
        if let Some(acks) = &mut outbox.acks {
            if let Some(h) = acks.due(server.environment().now(), |seq| server.gate(seq)) {
                stream.write_nonza(&sm::answer(h), out);
            }
            if acks.should_ask() {
                stream.write_nonza(&sm::request(), out);
            }
        }
        drop(outbox);
        self.taken(server, taken);
    }

    /// Writes everything that may be seen, however much it is: the stream is about to end.
    pub(super) fn write_out(&mut self, server: &Arc<Server>, stream: &mut C2s, out: &mut Vec<u8>) {
        stream.flush(out);
        self.flush(server, stream, out, usize::MAX);
    }

    /// The client has these for good.
    fn taken(&self, server: &Arc<Server>, frames: Vec<Frame>) {
        let mut entries: Vec<EntryId> = Vec::new();
        for frame in frames {
            if let Fate::Reroute { delivery, entry } = frame.fate {
                if let Some(delivery) = delivery {
                    delivery.take();
                }
                entries.extend(entry);
            }
        }
        if !entries.is_empty() {
            server.visit(&self.cell, Seq::NONE, |account, cx| {
                mail::accepted(account, cx, entries)
            });
        }
    }

    /// The session ends, if it has not: first unavailable to everyone, then gone.
    pub(super) fn leave(self, server: &Arc<Server>) {
        let id = self.session.id();
        server.visit(&self.cell, self.session.gate(), |account, cx| {
            ending::finish(account, cx, id, &End::Gone)
        });
        // Whatever state the account was in, nothing reaches the session any more.
        self.session.outbox().rest();
        if self.is_anonymous {
            server.forget_anonymous(&self.cell);
        } else {
            server.retire_idle(&self.cell);
        }
        self.host.close_stream();
    }
}

impl Connection {
    /// An event of a bound stream.
    pub(super) fn bound_event(&mut self, event: Event<'_>, now: Instant) {
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
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
                let handled = sm::received(bound, &self.server, &mut self.stream, &element, now);
                if let Err(fault) = handled {
                    self.refuse(&fault);
                }
            }
            Event::Idle if bound.session.has_acks() => {
                self.stream.send_nonza(&sm::request());
            }
            _ => {}
        }
    }

    fn stanza(&mut self, stanza: Stanza, now: Instant) {
        if !self.throttle.exempt {
            let pause = self
                .throttle
                .stanzas
                .take(self.server.limits().c2s_stanzas(), 1, now);
            self.throttle.pause(pause, now);
        }
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        bound.owes_count += 1;
        match bound.session.stamp(stanza, self.server.sabotage()) {
            Ok(envelope) => {
                self.server.sent(&bound.cell, envelope);
                bound.count_effects();
            }
            Err(fault) => self.refuse(&fault),
        }
    }

    /// A stanza that the stream answers by itself counts like any other, and its answer keeps its turn.
    fn reply(&mut self, reply: Option<Stanza>) {
        let Phase::Bound(bound) = &mut self.phase else {
            return;
        };
        bound.owes_count += 1;
        if let Some(reply) = reply {
            let frame = Frame {
                stanza: Arc::new(reply),
                to: None,
                gate: bound.session.gate(),
                fate: Fate::Drop,
            };
            // A full outbox ends the session soon enough.
            let _ = bound.session.outbox().push(frame);
        }
        bound.count_effects();
    }

    /// Ends the stream for what the client did.
    fn refuse(&mut self, fault: &StreamFault) {
        tracing::info!(peer = %self.peer.label, condition = fault.condition(), reason = %fault, "stream ended");
        self.end_with(fault);
    }
}
