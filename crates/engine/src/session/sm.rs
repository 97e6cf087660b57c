//! XEP-0198 acks of one session: counts, not sockets. They go on when the session is resumed.
//!
//! Inbound: `h` covers a stanza only when what it did is durable (invariant 4). Outbound: frames
//! written but not acked are kept, so that they can be sent again when the session is resumed, or
//! routed again when it ends.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use jid::Jid;
use store::{Gate, Seq};
use stream::StreamFault;

use super::{
    outbox::{Fate, Frame, weight},
    resumption::Resumption,
    waiting::Waiting,
};

/// `<r/>` is answered at the latest after this, with what is durable then.
pub(crate) const ACK_DELAY_MAX: Duration = Duration::from_millis(500);

/// We ask for an ack when this many stanzas are unacked.
const ASK_AFTER: u32 = 5;

/// Both directions' counts.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// Stanzas taken that have not taken effect yet: not counted so far.
    under_way: u32,
    /// Stanzas taken since the counts began, not modulo 2^32.
    received: u64,
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
    /// What makes the session one that can be resumed.
    pub(crate) resumption: Option<Box<Resumption>>,
}

/// The client acked more than we sent: the stream ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AckTooHigh {
    /// What the client said.
    pub h: u32,
    /// How many stanzas we sent.
    pub sent: u32,
}

impl AckTooHigh {
    /// How the stream ends, [§6](https://xmpp.org/extensions/xep-0198.html#errors).
    pub(crate) fn fault(self) -> StreamFault {
        let Self { h, sent } = self;
        StreamFault::HandledCountTooHigh { h, sent }
    }
}

impl Acks {
    /// Both at 0, for a session that can be resumed or not.
    pub(crate) fn new(resumption: Option<Resumption>) -> Self {
        Self {
            resumption: resumption.map(Box::new),
            ..Self::default()
        }
    }

    /// A stanza came, and takes effect from here on.
    pub(crate) fn took(&mut self) {
        self.under_way += 1;
        self.received += 1;
    }

    /// The newest stanza that came, as the log has it, for a session that can be resumed.
    pub(crate) fn inbound(&self) -> Option<mailbox::Inbound> {
        let session = mailbox::SessionId(self.resumption.as_ref()?.id.0);
        let ordinal = self.received;
        Some(mailbox::Inbound { session, ordinal })
    }

    /// What came has taken effect, all of it; the effects are durable at `gate`.
    pub(crate) fn took_effect(&mut self, gate: Seq) {
        for _ in 0..std::mem::take(&mut self.under_way) {
            self.add_handled(gate);
        }
    }

    /// How many stanzas were handled, modulo 2^32, once everything that came has taken effect and that is durable; else
    /// the newest gate that it waits for, which is none while stanzas are under way.
    pub(crate) fn handled_durably(
        &mut self,
        gate: impl Fn(Seq) -> Gate,
    ) -> Result<u32, Option<Seq>> {
        if self.under_way > 0 {
            return Err(None);
        }
        self.count_durable(gate);
        match self.waiting.back() {
            None => Ok(self.durable),
            Some((newest, _)) => Err(Some(*newest)),
        }
    }

    /// How many stanzas were handled, modulo 2^32, whatever becomes of their effects: of a session that has ended,
    /// which says no more than that.
    pub(crate) fn handled(&self) -> u32 {
        let waiting = self.waiting.iter().map(|(_, count)| count);
        waiting.fold(self.durable, |sum, count| sum.wrapping_add(*count))
    }

    /// A stanza was handled; its effects are durable at `gate`.
    fn add_handled(&mut self, gate: Seq) {
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
        self.count_durable(gate);
        let complete = self.waiting.is_empty();
        match self.asked {
            Some(deadline) => complete || now >= deadline,
            None => self.owes_more && complete && self.durable != self.told,
        }
    }

    fn count_durable(&mut self, gate: impl Fn(Seq) -> Gate) {
        while let Some((seq, count)) = self.waiting.front().copied() {
            // A failed batch counts: its messages were answered with an error.
            if gate(seq) == Gate::Pending {
                break;
            }
            self.durable = self.durable.wrapping_add(count);
            self.waiting.pop_front();
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

    /// Another transport: what the client never acked, oldest first, is to be written again, and what either side asked
    /// for on the last one is forgotten. The counts go on.
    pub(crate) fn begin_anew(&mut self) -> VecDeque<Frame> {
        self.asked = None;
        self.owes_more = false;
        self.asking = false;
        self.since_asked = 0;
        self.unacked_bytes = 0;
        std::mem::take(&mut self.unacked)
    }

    /// What the client never acked counts so much where a message in the mailbox counts nothing.
    pub(crate) fn unreadable_bytes(&self) -> usize {
        self.unacked.iter().map(Waiting::cost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (mut acks, now) = (Acks::default(), testing_now());
        acks.took();
        acks.took_effect(Seq::NONE);
        acks.took();
        acks.took_effect(Seq(7));
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
        let (mut acks, now) = (Acks::default(), testing_now());
        acks.requested(now);
        assert_eq!(acks.due(now, gate_upto(0)), Some(0));
    }

    #[test]
    fn a_stanza_under_way_is_not_counted_before_it_took_effect() {
        let mut acks = Acks::default();
        acks.took();
        assert_eq!(acks.handled_durably(gate_upto(9)), Err(None));
        acks.took_effect(Seq(7));
        assert_eq!(acks.handled_durably(gate_upto(6)), Err(Some(Seq(7))));
        assert_eq!(acks.handled_durably(gate_upto(7)), Ok(1));
    }

    #[test]
    fn both_counts_begin_anew_at_2_to_the_32() {
        let mut acks = Acks {
            durable: u32::MAX,
            confirmed: u32::MAX,
            ..Acks::default()
        };
        acks.took();
        acks.took_effect(Seq::NONE);
        assert_eq!(acks.handled_durably(gate_upto(0)), Ok(0));
        for _ in 0..3 {
            acks.wrote(frame());
        }
        assert_eq!(
            acks.acked(3).unwrap_err(),
            AckTooHigh { h: 3, sent: 2 },
            "three were sent after the last of them all"
        );
        assert_eq!(acks.acked(1).unwrap().len(), 2);
        assert_eq!(acks.acked(2).unwrap().len(), 1);
        assert_eq!(acks.acked(2).unwrap().len(), 0, "the same again is nothing");
        assert!(acks.acked(1).is_err(), "and it never goes back");
    }

    #[test]
    fn another_transport_gets_what_was_not_acked_in_order() {
        let mut acks = Acks::default();
        (0..3).for_each(|_| acks.wrote(frame()));
        assert!(acks.should_ask(true));
        acks.acked(1).unwrap();
        assert_eq!(acks.begin_anew().len(), 2);
        assert_eq!(acks.unacked_bytes(), 0);
        (0..2).for_each(|_| acks.wrote(frame()));
        assert!(acks.should_ask(true), "it is asked again");
        assert_eq!(acks.acked(3).unwrap().len(), 2, "the counts went on");
    }

    fn frame() -> Frame {
        Frame {
            stanza: std::sync::Arc::new(stanza::Stanza::iq(stanza::IqType::Result, "1")),
            to: None,
            gates: crate::pipeline::Gates::OPEN,
            fate: Fate::Drop,
        }
    }

    #[test]
    fn an_ack_of_what_was_never_sent_is_refused() {
        let mut acks = Acks::default();
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
