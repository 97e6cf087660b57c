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
use smallvec::SmallVec;
use stanza::{IqType, Kind, Stanza};
use store::{Gate, Seq};
use stream::StreamFault;

#[cfg(test)]
use super::resumption::SmId;
use super::{
    frame::{Fate, Frame, weight},
    frames::Frames,
    resumption::Resumption,
    waiting::Waiting,
};

/// `<r/>` is answered at the latest after this, with what is durable then.
pub(crate) const ACK_DELAY_MAX: Duration = Duration::from_millis(500);

/// We ask for an ack when this many stanzas are unacked.
const ASK_AFTER: u32 = 5;

/// While the client is inactive, only when this many are: an answer costs its device more than a stanza does.
const ASK_AFTER_INACTIVE: u32 = 64;

/// Both directions' counts.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// Stanzas taken that have not taken effect yet: not counted so far.
    under_way: u64,
    /// Stanzas handled whose effects are durable.
    durable: u64,
    /// Stanzas handled, oldest first, whose effects wait for a gate: (gate, how many).
    waiting: VecDeque<(Seq, u64)>,
    /// When the client's oldest unanswered `<r/>` must be answered.
    asked: Option<Instant>,
    /// The last count we told.
    told: u64,
    /// An `<a/>` went out that did not cover everything; another follows.
    owes_more: bool,
    /// That the count was to be noted for an answer is enough once, whatever became of it.
    was_noted: bool,
    /// Written, not acked. They count against the outbox's bound.
    unacked: Frames,
    unacked_bytes: usize,
    /// Stanzas the client acked, modulo 2^32.
    confirmed: u32,
    /// Written since we last asked.
    since_asked: u32,
    /// A message of the mailbox is among them.
    has_kept: bool,
    /// We asked and got no answer yet.
    asking: bool,
    /// What makes the session one that can be resumed.
    pub(crate) resumption: Option<Box<Resumption>>,
}

/// How far a session's stanzas are handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Handled {
    /// All of them; that may be told: how many there were, modulo 2^32.
    All(u32),
    /// All of them once this batch is settled.
    Once(Seq),
    /// So many; the store has to know that first.
    NotNoted(u64),
    /// Some are under way.
    UnderWay,
}

/// What a client acked at once: hardly ever more than one.
pub(crate) type Acked = SmallVec<[Frame; 1]>;

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
    /// As they were when the server stopped.
    pub(crate) fn restored(
        resumption: Resumption,
        handled: u64,
        confirmed: u32,
        unacked: VecDeque<Frame>,
    ) -> Self {
        Self {
            durable: handled,
            told: handled,
            confirmed,
            unacked_bytes: unacked.iter().map(weight).sum(),
            unacked: unacked.into(),
            resumption: Some(Box::new(resumption)),
            ..Self::default()
        }
    }

    /// How many stanzas the client acked, modulo 2^32, and those that it did not.
    pub(crate) fn sent(&self) -> (u32, impl Iterator<Item = &Frame>) {
        (self.confirmed, self.unacked.iter())
    }

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
    }

    /// The stanza at hand, as the log has it, for a session that can be resumed.
    pub(crate) fn inbound(&self) -> Option<mailbox::Inbound> {
        let session = self.resumption.as_ref()?.id.in_log();
        let ordinal = self.taken();
        Some(mailbox::Inbound { session, ordinal })
    }

    /// What came has taken effect, all of it; the effects are durable at `gate`.
    pub(crate) fn took_effect(&mut self, gate: Seq) {
        if let Some(resumption) = &mut self.resumption {
            resumption.counted.took_effect(gate);
        }
        let newly = std::mem::take(&mut self.under_way);
        self.was_noted &= newly == 0;
        match self.waiting.back_mut() {
            _ if newly == 0 => {}
            Some((last, count)) if *last >= gate => *count += newly,
            _ => self.waiting.push_back((gate, newly)),
        }
    }

    /// How far everything that came is handled, for a session that says so at a turning point.
    pub(crate) fn handled(&mut self, gate: impl Fn(Seq) -> Gate) -> Handled {
        if self.under_way > 0 {
            return Handled::UnderWay;
        }
        self.count_durable(&gate);
        if let Some((newest, _)) = self.waiting.back() {
            return Handled::Once(*newest);
        }
        let durable = self.durable;
        let Some(counted) = self.resumption.as_mut().map(|it| &mut it.counted) else {
            return Handled::All(wire(durable));
        };
        match (counted.covered(gate) >= durable, counted.awaited()) {
            (true, _) => Handled::All(wire(durable)),
            (false, Some(batch)) if counted.is_noted(durable) => Handled::Once(batch),
            (false, _) => Handled::NotNoted(durable),
        }
    }

    /// How many stanzas came, whatever became of them.
    pub(crate) fn taken(&self) -> u64 {
        let waiting: u64 = self.waiting.iter().map(|(_, count)| count).sum();
        self.durable + waiting + self.under_way
    }

    /// The count that must be noted so that an answer which is due now says all it could.
    pub(crate) fn must_be_noted(
        &mut self,
        now: Instant,
        gate: impl Fn(Seq) -> Gate,
    ) -> Option<u64> {
        self.count_durable(&gate);
        let is_wanted = match self.asked {
            Some(deadline) => self.waiting.is_empty() || now >= deadline,
            None => self.owes_more && self.waiting.is_empty(),
        };
        let counted = &mut self.resumption.as_deref_mut()?.counted;
        counted.covered(gate);
        let is_new = !self.was_noted && !counted.is_noted(self.durable);
        self.was_noted |= is_wanted && is_new;
        (is_wanted && is_new).then_some(self.durable)
    }

    /// What may be told by now, modulo 2^32.
    pub(crate) fn known(&mut self, gate: impl Fn(Seq) -> Gate) -> u32 {
        self.count_durable(&gate);
        wire(self.sayable(gate))
    }

    /// What may be told: what is durable, and known to be.
    fn sayable(&mut self, gate: impl Fn(Seq) -> Gate) -> u64 {
        match self.resumption.as_deref_mut() {
            None => self.durable,
            Some(resumption) => self.durable.min(resumption.counted.covered(gate)),
        }
    }

    /// The client sent `<r/>`.
    pub(crate) fn requested(&mut self, now: Instant) {
        self.asked.get_or_insert(now + ACK_DELAY_MAX);
        self.was_noted = false;
    }

    /// The `h` to send now, if any: everything is durable, or the client has waited long enough, or
    /// an incomplete answer can be completed.
    pub(crate) fn due(&mut self, now: Instant, gate: impl Fn(Seq) -> Gate) -> Option<u32> {
        if !self.is_due(now, &gate) {
            return None;
        }
        let sayable = self.sayable(gate);
        self.asked = None;
        self.owes_more = !self.waiting.is_empty() || sayable < self.durable;
        self.told = sayable;
        Some(wire(sayable))
    }

    /// Whether [`Acks::due`] has something to send.
    pub(crate) fn is_due(&mut self, now: Instant, gate: impl Fn(Seq) -> Gate) -> bool {
        self.count_durable(&gate);
        let sayable = self.sayable(gate);
        let complete = self.waiting.is_empty() && sayable == self.durable;
        match self.asked {
            Some(deadline) => complete || now >= deadline,
            None => self.owes_more && complete && sayable != self.told,
        }
    }

    fn count_durable(&mut self, gate: impl Fn(Seq) -> Gate) {
        while let Some((seq, count)) = self.waiting.front().copied() {
            // A failed batch counts: its messages were answered with an error.
            if gate(seq) == Gate::Pending {
                break;
            }
            self.durable += count;
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
        let counted = || self.resumption.as_ref()?.counted.awaited();
        let waiting = self.waiting.back().map(|(gate, _)| *gate);
        waiting.or_else(counted)
    }

    /// A frame was written.
    pub(crate) fn wrote(&mut self, frame: Frame) {
        self.unacked_bytes += weight(&frame);
        self.has_kept |= matches!(frame.fate, Fate::Reroute { entry: Some(_), .. });
        self.unacked.push_back(frame);
        self.since_asked = self.since_asked.saturating_add(1);
    }

    /// How much the client has not acked.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.unacked_bytes
    }

    /// A stanza of the client's is taken: it may answer a request, or be one.
    pub(crate) fn looked_at(&mut self, stanza: &Stanza) {
        match (stanza.kind(), stanza.to(), stanza.id()) {
            (Kind::Iq(IqType::Result | IqType::Error), Some(asker), Some(id)) => {
                self.answered(asker, id);
            }
            (Kind::Iq(IqType::Get | IqType::Set), _, _) => {
                if let Some(resumption) = &mut self.resumption {
                    resumption.asked(stanza);
                }
            }
            _ => {}
        }
    }

    /// The client answered a request that it got and may not have acked yet: it needs no other answer.
    fn answered(&mut self, asker: &Jid, id: &str) {
        for frame in self.unacked.iter_mut() {
            let is_it = frame.stanza.kind().is_request()
                && frame.stanza.id() == Some(id)
                && frame.stanza.from() == Some(asker);
            if is_it {
                frame.fate = Fate::Drop;
            }
        }
    }

    /// Whether to write `<r/>` after a flush, which left the outbox empty or not. An inactive client is asked about
    /// messages that the mailbox keeps until it has them, and whether it is there at all shows by that too.
    pub(crate) fn should_ask(&mut self, is_empty: bool, is_inactive: bool) -> bool {
        let (after, is_worth_it) = match is_inactive {
            true => (ASK_AFTER_INACTIVE, self.has_kept),
            false => (ASK_AFTER, true),
        };
        let enough = self.since_asked >= after || (is_empty && self.since_asked > 0 && is_worth_it);
        let ask = !self.asking && enough;
        if ask {
            self.asking = true;
            self.since_asked = 0;
            self.has_kept = false;
        }
        ask
    }

    /// The client acked up to `h`: gives the frames it took.
    pub(crate) fn acked(&mut self, h: u32) -> Result<Acked, AckTooHigh> {
        if let Some(resumption) = self.resumption.as_deref_mut()
            && std::mem::take(&mut resumption.trusts_client)
        {
            self.confirmed = h;
            return Ok(Acked::new());
        }
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
        let taken: Acked = self.unacked.take_front(newly);
        if let Some(resumption) = self.resumption.as_deref_mut() {
            taken.iter().for_each(|frame| resumption.has(frame));
        }
        self.unacked_bytes = self
            .unacked_bytes
            .saturating_sub(taken.iter().map(weight).sum());
        Ok(taken)
    }

    /// What the client never acked, oldest first.
    pub(crate) fn into_unacked(mut self) -> VecDeque<Frame> {
        self.unacked.take()
    }

    /// Another transport: what the client never acked, oldest first, is to be written again, and what either side asked
    /// for on the last one is forgotten. The counts go on.
    pub(crate) fn begin_anew(&mut self) -> VecDeque<Frame> {
        self.asked = None;
        self.owes_more = false;
        self.asking = false;
        self.since_asked = 0;
        self.has_kept = false;
        self.unacked_bytes = 0;
        self.unacked.take()
    }

    /// What the client has not acked, oldest first.
    pub(crate) fn unacked(&self) -> impl Iterator<Item = &Frame> {
        self.unacked.iter()
    }

    /// What the client never acked counts so much where a message in the mailbox counts nothing.
    pub(crate) fn unreadable_bytes(&self) -> usize {
        self.unacked.iter().map(Waiting::cost).sum()
    }
}

/// A count as it is told: modulo 2^32, [§4](https://xmpp.org/extensions/xep-0198.html#acking).
pub(crate) fn wire(count: u64) -> u32 {
    u32::try_from(count % (1 << 32)).unwrap_or(0)
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
        assert_eq!(acks.handled(gate_upto(9)), Handled::UnderWay);
        acks.took_effect(Seq(7));
        assert_eq!(acks.handled(gate_upto(6)), Handled::Once(Seq(7)));
        assert_eq!(acks.handled(gate_upto(7)), Handled::All(1));
    }

    #[test]
    fn a_session_that_can_be_resumed_tells_what_the_store_knows_only() {
        let now = testing_now();
        let resumption = Resumption::new(SmId(1), Duration::from_secs(1));
        let mut acks = Acks::new(Some(resumption));
        acks.took();
        acks.took_effect(Seq(1));
        acks.requested(now);
        assert_eq!(acks.due(now, gate_upto(1)), None, "nobody noted it");
        assert_eq!(acks.must_be_noted(now, gate_upto(1)), Some(1));
        acks.resumption.as_mut().unwrap().counted.went(1, Seq(2));
        assert_eq!(acks.must_be_noted(now, gate_upto(1)), None);
        assert_eq!(
            (acks.due(now, gate_upto(1)), acks.awaited()),
            (None, Some(Seq(2)))
        );
        assert_eq!(acks.handled(gate_upto(1)), Handled::Once(Seq(2)));
        assert_eq!(acks.due(now, gate_upto(2)), Some(1));
        assert_eq!(acks.handled(gate_upto(2)), Handled::All(1));
    }

    #[test]
    fn both_counts_begin_anew_at_2_to_the_32() {
        let mut acks = Acks {
            durable: u32::MAX.into(),
            confirmed: u32::MAX,
            ..Acks::default()
        };
        acks.took();
        acks.took_effect(Seq::NONE);
        assert_eq!(acks.handled(gate_upto(0)), Handled::All(0));
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
        assert!(acks.should_ask(true, false));
        acks.acked(1).unwrap();
        assert_eq!(acks.begin_anew().len(), 2);
        assert_eq!(acks.unacked_bytes(), 0);
        (0..2).for_each(|_| acks.wrote(frame()));
        assert!(acks.should_ask(true, false), "it is asked again");
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

    #[test]
    fn an_inactive_client_is_asked_about_what_the_mailbox_keeps() {
        let (presence, message) = (message(None), message(Some(store::EntryId(1))));
        check_asked(&[&presence], true, false);
        check_asked(&[&presence; 64], true, true);
        check_asked(&[&presence, &message], true, true);
        check_asked(&[&presence], false, true);
    }

    #[track_caller]
    fn check_asked(frames: &[&Frame], is_inactive: bool, asked: bool) {
        let mut acks = Acks::default();
        frames.iter().for_each(|frame| acks.wrote((*frame).clone()));
        assert_eq!(acks.should_ask(true, is_inactive), asked);
        assert!(!acks.should_ask(true, is_inactive), "once");
    }

    fn message(entry: Option<store::EntryId>) -> Frame {
        Frame {
            stanza: std::sync::Arc::new(stanza::Stanza::message(stanza::MessageType::Chat)),
            to: None,
            gates: crate::pipeline::Gates::OPEN,
            fate: Fate::Reroute {
                delivery: None,
                entry,
            },
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    fn testing_now() -> Instant {
        Instant::now()
    }
}
