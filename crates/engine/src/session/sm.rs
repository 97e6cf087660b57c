//! XEP-0198 acks of one session, without resumption: counts, not sockets.
//!
//! Inbound: `h` covers a stanza only when what it did is durable (invariant 4). Outbound: frames
//! written but not acked are kept, so that the end of the session can route them again.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use jid::Jid;
use store::{Gate, Seq};

use super::outbox::{Fate, Frame, weight};

/// `<r/>` is answered at the latest after this, with what is durable then.
pub(crate) const ACK_DELAY_MAX: Duration = Duration::from_millis(500);

/// We ask for an ack when this many stanzas are unacked.
const ASK_AFTER: u32 = 5;

/// Both directions' counts.
#[derive(Debug)]
pub(crate) struct Acks {
    /// The newest stanza received, as the log has it. Stanzas are counted from when acks were turned on, not modulo 2^32.
    inbound: mailbox::Inbound,
    /// Stanzas handled whose effects are durable, modulo 2^32.
    durable: u32,
    /// Stanzas handled, oldest first, whose effects wait for a gate: (gate, how many).
    waiting: VecDeque<(Seq, u32)>,
    /// When the client's oldest unanswered `<r/>` must be answered.
    asked: Option<Instant>,
    /// The last `h` we told.
    told: u32,
    /// An `<a/>` went out that did not cover everything; another follows.
    owes_more: bool,
    /// Written, not acked. They count against the outbox's bound.
    unacked: VecDeque<Frame>,
    unacked_bytes: usize,
    /// Stanzas the client acked, modulo 2^32.
    confirmed: u32,
    /// Written since we last asked.
    since_asked: u32,
    /// We asked and got no answer yet.
    asking: bool,
}

/// The client acked more than we sent: the stream ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AckTooHigh {
    /// What the client said.
    pub h: u32,
    /// How many stanzas we sent.
    pub sent: u32,
}

impl Acks {
    /// For a session that the log names `id`.
    pub(crate) fn new(id: mailbox::SessionId) -> Self {
        Self {
            inbound: mailbox::Inbound {
                session: id,
                ordinal: 0,
            },
            durable: 0,
            waiting: VecDeque::new(),
            asked: None,
            told: 0,
            owes_more: false,
            unacked: VecDeque::new(),
            unacked_bytes: 0,
            confirmed: 0,
            since_asked: 0,
            asking: false,
        }
    }

    /// A stanza was received, and takes effect before the next is.
    pub(crate) fn received(&mut self) {
        self.inbound.ordinal += 1;
    }

    /// Which stanza that is.
    pub(crate) fn inbound(&self) -> mailbox::Inbound {
        self.inbound
    }

    /// A stanza was handled; its effects are durable at `gate`.
    pub(crate) fn handled(&mut self, gate: Seq) {
        match self.waiting.back_mut() {
            Some((last, count)) if *last >= gate => *count += 1,
            _ => self.waiting.push_back((gate, 1)),
        }
    }

    /// The client sent `<r/>`.
    pub(crate) fn requested(&mut self, now: Instant) {
        self.asked.get_or_insert(now + ACK_DELAY_MAX);
    }

    /// The `h` to send now, if any: everything is durable, or the client has waited long enough, or
    /// an incomplete answer can be completed.
    pub(crate) fn due(&mut self, now: Instant, gate: impl Fn(Seq) -> Gate) -> Option<u32> {
        if !self.is_due(now, gate) {
            return None;
        }
        self.asked = None;
        self.owes_more = !self.waiting.is_empty();
        self.told = self.durable;
        Some(self.durable)
    }

    /// Whether [`Acks::due`] has something to send.
    pub(crate) fn is_due(&mut self, now: Instant, gate: impl Fn(Seq) -> Gate) -> bool {
        while let Some((seq, count)) = self.waiting.front().copied() {
            // A failed batch counts: its messages were answered with an error.
            if gate(seq) == Gate::Pending {
                break;
            }
            self.durable = self.durable.wrapping_add(count);
            self.waiting.pop_front();
        }
        let complete = self.waiting.is_empty();
        match self.asked {
            Some(deadline) => complete || now >= deadline,
            None => self.owes_more && complete && self.durable != self.told,
        }
    }

    /// When [`Acks::due`] must be asked again though nothing happened.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.asked
    }

    /// The gate the next answer waits for.
    pub(crate) fn awaited(&self) -> Option<Seq> {
        if self.asked.is_none() && !self.owes_more {
            return None;
        }
        self.waiting.back().map(|(gate, _)| *gate)
    }

    /// A frame was written.
    pub(crate) fn wrote(&mut self, frame: Frame) {
        self.unacked_bytes += weight(&frame);
        self.unacked.push_back(frame);
        self.since_asked = self.since_asked.saturating_add(1);
    }

    /// How much the client has not acked.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.unacked_bytes
    }

    /// The client answered a request that it got and may not have acked yet: it needs no other answer.
    pub(crate) fn answered(&mut self, asker: &Jid, id: &str) {
        for frame in &mut self.unacked {
            let is_it = frame.stanza.kind().is_request()
                && frame.stanza.id() == Some(id)
                && frame.stanza.from() == Some(asker);
            if is_it {
                frame.fate = Fate::Drop;
            }
        }
    }

    /// Whether to write `<r/>` after a flush, which left the outbox empty or not.
    pub(crate) fn should_ask(&mut self, is_empty: bool) -> bool {
        let enough = self.since_asked >= ASK_AFTER || (is_empty && self.since_asked > 0);
        let ask = !self.asking && enough;
        if ask {
            self.asking = true;
            self.since_asked = 0;
        }
        ask
    }

    /// The client acked up to `h`: gives the frames it took.
    pub(crate) fn acked(&mut self, h: u32) -> Result<Vec<Frame>, AckTooHigh> {
        let newly = usize::try_from(h.wrapping_sub(self.confirmed)).unwrap_or(usize::MAX);
        if newly > self.unacked.len() {
            let unacked = u32::try_from(self.unacked.len()).unwrap_or(u32::MAX);
            return Err(AckTooHigh {
                h,
                sent: self.confirmed.wrapping_add(unacked),
            });
        }
        self.asking = false;
        self.confirmed = h;
        let taken: Vec<Frame> = self.unacked.drain(..newly).collect();
        self.unacked_bytes = self
            .unacked_bytes
            .saturating_sub(taken.iter().map(weight).sum());
        Ok(taken)
    }

    /// What the client never acked, oldest first.
    pub(crate) fn into_unacked(self) -> VecDeque<Frame> {
        self.unacked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks() -> Acks {
        Acks::new(mailbox::SessionId(7))
    }

    fn gate_upto(durable: u64) -> impl Fn(Seq) -> Gate {
        move |seq| {
            if seq.0 <= durable {
                Gate::Durable
            } else {
                Gate::Pending
            }
        }
    }

    #[test]
    fn h_covers_only_what_is_durable() {
        let (mut acks, now) = (acks(), testing_now());
        acks.handled(Seq::NONE);
        acks.handled(Seq(7));
        acks.requested(now);
        assert_eq!(
            acks.due(now, gate_upto(6)),
            None,
            "the answer waits for the commit"
        );
        assert_eq!(
            acks.due(now + ACK_DELAY_MAX, gate_upto(6)),
            Some(1),
            "not for ever"
        );
        assert_eq!(acks.due(now, gate_upto(6)), None);
        assert_eq!(
            acks.due(now, gate_upto(7)),
            Some(2),
            "the rest follows unasked"
        );
        assert_eq!(acks.due(now, gate_upto(7)), None);
    }

    #[test]
    fn a_request_without_stanzas_is_answered_at_once() {
        let (mut acks, now) = (acks(), testing_now());
        acks.requested(now);
        assert_eq!(acks.due(now, gate_upto(0)), Some(0));
    }

    #[test]
    fn an_ack_of_what_was_never_sent_is_refused() {
        let mut acks = acks();
        assert_eq!(acks.acked(1).unwrap_err(), AckTooHigh { h: 1, sent: 0 });
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    fn testing_now() -> Instant {
        Instant::now()
    }
}
