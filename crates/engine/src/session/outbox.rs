//! A session's bounded queue of frames on their way to its client.
//!
//! Frames leave in order, and only up to the first whose gate is not durable: an ack, a delivery or
//! an answer seen by a client therefore always means "durable". A frame whose batch failed is never
//! shown; the failed batch has told the sender already.
//!
//! At the bound a session that can be resumed loses its transport; any other ends with `policy-violation`, and what it
//! held is rerouted. A full outbox never holds back a sender.
//!
//! While the client's user does not look, what is not important stands behind the frames, in the [`lull`](super::lull): it
//! goes before the next important one does.
//!
//! While the session sits on no transport, and until a client that resumed has caught up, frames go to
//! [`waiting`](super::waiting) instead, and what the lull held is there too. When even that is full the session ends.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{self, Poll, Waker},
};

use jid::Jid;
use stanza::{IqType, Kind, Stanza, Timestamp};
use store::{EntryId, Gate, Seq};
use stream::StreamFault;

use super::{
    frames::Frames,
    lull::{Due, Lull},
    resumption::{Resumption, Standing},
    sm::Acks,
    waiting::{Slot, Waiting},
};
use crate::pipeline::Gates;

/// One stanza for one session.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What is written, shared between all who get it.
    pub stanza: Arc<Stanza>,
    /// The `to` to write instead of the stanza's own.
    pub to: Option<Jid>,
    /// What must be settled before it is written.
    pub gates: Gates,
    /// What to do with it when the session ends without having taken it.
    pub fate: Fate,
}

/// What becomes of a frame whose session ends without taking it, RFC 6121 §8.5.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A copy, presence or answer: dropped.
    Drop,
    /// A message or request meant for this session: routed again.
    Reroute {
        /// Shared with the other recipients of the same message: routed again only when none took it.
        delivery: Option<Arc<Delivery>>,
        /// Its entry in the account's mailbox, which one of the recipients has to take.
        entry: Option<EntryId>,
    },
}

/// One message delivered to several sessions of an account: those that have not taken it yet, and
/// whether one has. Counted under the account's lock, taken without it.
#[derive(Debug)]
pub struct Delivery {
    taken: AtomicBool,
    holders: AtomicU32,
    /// Those of them that can be resumed: for these the mailbox keeps it, whoever else took it.
    resumable: AtomicU32,
}

/// Whom a message is lost to when a session ends that had not taken it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// Nobody has taken it, and nobody else can.
    All,
    /// Others have it or took it, and may ask for it again.
    One,
    /// Somebody took it, and nobody may ask for it again.
    Nobody,
}

impl Delivery {
    pub(crate) fn new(holders: usize, resumable: usize) -> Self {
        let count = |sessions| AtomicU32::new(u32::try_from(sessions).unwrap_or(u32::MAX));
        Self {
            taken: AtomicBool::new(false),
            holders: count(holders),
            resumable: count(resumable),
        }
    }

    /// A session took it for good. Whether nobody is left that may ask for it again.
    pub(crate) fn take(&self, is_resumable: bool) -> bool {
        self.taken.store(true, Ordering::Release);
        self.let_go(is_resumable)
    }

    /// A session ended without having taken it.
    pub(crate) fn lose(&self, is_resumable: bool) -> Loss {
        let is_last = self.holders.fetch_sub(1, Ordering::AcqRel) == 1;
        let is_settled = self.let_go(is_resumable);
        match self.taken.load(Ordering::Acquire) {
            true if is_settled => Loss::Nobody,
            false if is_last => Loss::All,
            true | false => Loss::One,
        }
    }

    fn let_go(&self, is_resumable: bool) -> bool {
        // One that can be resumed since a moment ago only was not counted.
        let one = u32::from(is_resumable);
        let less = |count: u32| Some(count.saturating_sub(one));
        let before = self
            .resumable
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
            .unwrap_or_default();
        before <= one
    }
}

/// Why a session was told to end by somebody other than its own connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending {
    /// The stream error its client gets.
    pub fault: StreamFault,
}

/// The queue itself.
#[derive(Debug)]
pub struct Outbox {
    frames: Frames,
    bytes: usize,
    bytes_max: usize,
    /// What is not important waits here, while the client is inactive: behind all frames.
    lull: Option<Box<Lull>>,
    ending: Option<Box<Ending>>,
    resting: bool,
    /// Told before the stream error when somebody else ends the session.
    last_words: Option<Box<Stanza>>,
    /// Who gives it pieces and waits for room.
    room_wakers: Vec<Waker>,
    /// XEP-0198 counts, once the client turned them on.
    pub(crate) acks: Option<Box<Acks>>,
}

/// What taking a frame needs, and cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pushed {
    /// The connection has something to do.
    pub needs_wake: bool,
    /// So many others were dropped to make room.
    pub dropped: usize,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// The session has ended.
    Resting,
    /// The queue is full; the session must end.
    Full,
}

impl Outbox {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            frames: Frames::default(),
            bytes: 0,
            bytes_max,
            lull: None,
            ending: None,
            resting: false,
            last_words: None,
            room_wakers: Vec::new(),
            acks: None,
        }
    }

    /// Queues `frame`, which came at `at`.
    pub(crate) fn push(
        &mut self,
        frame: Frame,
        at: impl FnOnce() -> Timestamp,
    ) -> Result<Pushed, (Refused, Frame)> {
        if self.resting {
            return Err((Refused::Resting, frame));
        }
        if self.must_wait() {
            return self.keep(frame, at());
        }
        if self.lull.is_some() {
            return self.push_in_lull(frame, at());
        }
        self.push_now(frame, at)
    }

    fn push_now(
        &mut self,
        frame: Frame,
        at: impl FnOnce() -> Timestamp,
    ) -> Result<Pushed, (Refused, Frame)> {
        let size = weight(&frame);
        // One frame always fits, whatever its size: the limit is on what piles up.
        let held = self.held_bytes();
        if held > 0 && held + size > self.bytes_max {
            if self.resumption().is_none() {
                return Err((Refused::Full, frame));
            }
            let at = at();
            self.put_aside(at);
            let mut pushed = self.keep(frame, at)?;
            pushed.needs_wake = true;
            return Ok(pushed);
        }
        self.bytes += size;
        self.frames.push_back(frame);
        Ok(Pushed {
            needs_wake: self.frames.len() == 1,
            dropped: 0,
        })
    }

    /// Whether frames wait elsewhere for now.
    fn must_wait(&self) -> bool {
        self.resumption()
            .is_some_and(|resumption| !resumption.is_attached || !resumption.waiting.is_empty())
    }

    /// Keeps `frame` until the session can be written to.
    fn keep(&mut self, frame: Frame, at: Timestamp) -> Result<Pushed, (Refused, Frame)> {
        let unread = self.acks.as_ref().map_or(0, |acks| acks.unreadable_bytes());
        let (bytes, bytes_max) = (self.bytes, self.bytes_max);
        let Some(resumption) = self.resumption_mut() else {
            return Err((Refused::Full, frame));
        };
        let cost = Waiting::cost(&frame);
        let fits = |waiting: &Waiting| {
            let held = bytes + unread + waiting.bytes();
            held == 0 || cost == 0 || held + cost <= bytes_max
        };
        let mut dropped = 0;
        if !fits(&resumption.waiting) {
            let had_presence;
            (dropped, had_presence) = resumption.waiting.thin_out();
            resumption.lost_presence |= had_presence;
            if !fits(&resumption.waiting) {
                if !Waiting::is_droppable(&frame) {
                    return Err((Refused::Full, frame));
                }
                resumption.lost_presence |= matches!(frame.stanza.kind(), Kind::Presence(_));
                return Ok(Pushed {
                    needs_wake: false,
                    dropped: dropped + 1,
                });
            }
        }
        resumption.waiting.push(frame, at);
        Ok(Pushed {
            needs_wake: false,
            dropped,
        })
    }

    /// The session is not written to from now on: what was to be, waits.
    fn put_aside(&mut self, at: Timestamp) {
        let frames = self.frames.take();
        let lull = self.lull.take();
        self.bytes = 0;
        let Some(resumption) = self.resumption_mut() else {
            return;
        };
        resumption.is_attached = false;
        // It comes before what waits already, for a client that had not caught up.
        let mut waiting = std::mem::take(&mut resumption.waiting);
        for frame in frames {
            resumption.waiting.push(frame, at);
        }
        if let Some(mut lull) = lull {
            while let Some((frame, at)) = lull.pop() {
                resumption.waiting.push(frame, at);
            }
        }
        while let Some(slot) = waiting.pop() {
            resumption.waiting.push_slot(slot);
        }
    }

    /// The client is inactive: holds `frame`, or sends what is held and then it.
    fn push_in_lull(&mut self, frame: Frame, at: Timestamp) -> Result<Pushed, (Refused, Frame)> {
        // What is held may not be what the session ends for.
        let bytes_max = self.bytes_max / 2;
        let frame = match &mut self.lull {
            None => frame,
            Some(lull) => match lull.take(frame, at, bytes_max) {
                Due::Held => {
                    return Ok(Pushed {
                        needs_wake: false,
                        dropped: 0,
                    });
                }
                Due::Now(frame) => frame,
            },
        };
        let needs_wake = self.release(at);
        let mut pushed = self.push_now(frame, || at)?;
        pushed.needs_wake |= needs_wake;
        Ok(pushed)
    }

    /// Moves what is held for an inactive client behind the frames: something goes to it anyway. `true` when the queue was
    /// empty, so that the connection needs a wake.
    pub(crate) fn release(&mut self, at: Timestamp) -> bool {
        if let Some(lull) = &mut self.lull {
            lull.woke(at);
        }
        let was_empty = self.frames.is_empty();
        while let Some(frame) = self.lull.as_mut().and_then(|lull| lull.pop_stamped()) {
            self.bytes += weight(&frame);
            self.frames.push_back(frame);
        }
        was_empty && !self.frames.is_empty()
    }

    /// From now on what is not important waits.
    pub(crate) fn begin_lull(&mut self, lull: Lull) {
        if self.lull.is_none() && !self.resting {
            self.lull = Some(Box::new(lull));
        }
    }

    /// Nothing waits any more, as [`Outbox::release`] says.
    pub(crate) fn end_lull(&mut self, at: Timestamp) -> bool {
        let needs_wake = self.release(at);
        self.lull = None;
        needs_wake
    }

    /// How many stanzas wait until something important comes.
    pub(crate) fn held_stanzas(&self) -> usize {
        self.lull.as_ref().map_or(0, |lull| lull.len())
    }

    /// All that counts against the bound.
    fn held_bytes(&self) -> usize {
        let unacked = self.acks.as_ref().map_or(0, |acks| acks.unacked_bytes());
        let held = self.lull.as_ref().map_or(0, |lull| lull.bytes());
        self.bytes + held + unacked
    }

    /// The next frame that may be shown, as `gate` says of each batch.
    ///
    /// A frame that rests on a failed batch is dropped; if it answers a request, it becomes an error.
    pub(crate) fn pop_due(&mut self, gate: impl Fn(Seq) -> Gate) -> Option<Frame> {
        loop {
            let front = self.frames.front()?.gates;
            if gate(front.after) == Gate::Pending || gate(front.needs) == Gate::Pending {
                return None;
            }
            let mut frame = self.frames.pop_front()?;
            self.bytes = self.bytes.saturating_sub(weight(&frame));
            self.wake_for_room();
            if gate(front.needs) == Gate::Durable {
                return Some(frame);
            }
            match frame.stanza.kind() {
                Kind::Iq(IqType::Result) => {
                    frame.stanza = Arc::new(frame.stanza.result_as_failure());
                    return Some(frame);
                }
                Kind::Iq(IqType::Error) => return Some(frame),
                _ => {}
            }
        }
    }

    /// Puts a frame back that could not be written after all.
    pub(crate) fn put_back(&mut self, frame: Frame) {
        self.bytes += weight(&frame);
        self.frames.push_front(frame);
    }

    /// The batch the front frame waits for.
    pub(crate) fn front_gate(&self, gate: impl Fn(Seq) -> Gate) -> Option<Seq> {
        let front = self.frames.front()?.gates;
        [front.after, front.needs]
            .into_iter()
            .find(|seq| gate(*seq) == Gate::Pending)
    }

    /// Whether the front frame may be written.
    pub(crate) fn is_due(&self, gate: impl Fn(Seq) -> Gate) -> bool {
        !self.frames.is_empty() && self.front_gate(gate).is_none()
    }

    /// Tells the connection to end with a stream error; the first reason counts.
    pub(crate) fn end(&mut self, fault: StreamFault) {
        if self.ending.is_none() {
            self.ending = Some(Box::new(Ending { fault }));
        }
    }

    /// Why the connection shall end, once somebody asked for it.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ending.as_deref()
    }

    /// What the client is told before the stream error, should somebody else end the session.
    pub(crate) fn set_last_words(&mut self, stanza: Option<Stanza>) {
        self.last_words = stanza.map(Box::new);
    }

    /// Takes what [`Outbox::set_last_words`] left.
    pub(crate) fn take_last_words(&mut self) -> Option<Box<Stanza>> {
        self.last_words.take()
    }

    /// Closes the queue for good and gives what the client did not take: written but not acked, then
    /// never written, what was held for an inactive client last.
    pub(crate) fn rest(&mut self) -> VecDeque<Frame> {
        if let Some(mut lull) = self.lull.take() {
            let held = std::iter::from_fn(|| lull.pop());
            held.for_each(|(frame, _)| self.frames.push_back(frame));
        }
        self.resting = true;
        self.bytes = 0;
        self.wake_for_room();
        let mut untaken = self
            .acks
            .take()
            .map(|acks| acks.into_unacked())
            .unwrap_or_default();
        untaken.extend(self.frames.take());
        untaken
    }

    /// Takes what waits for a session that is not written to, in order: behind what [`Outbox::rest`] will give.
    pub(crate) fn rest_waiting(&mut self) -> Waiting {
        self.resumption_mut()
            .map(|resumption| std::mem::take(&mut resumption.waiting))
            .unwrap_or_default()
    }

    /// Bytes queued, held or waiting, as counted against the limit.
    pub(crate) fn bytes(&self) -> usize {
        let held = self.lull.as_ref().map_or(0, |lull| lull.bytes());
        self.bytes + held + self.resumption().map_or(0, |it| it.waiting.bytes())
    }

    /// How much more would fit in half of the bound: what a backlog may take at once.
    pub(crate) fn room(&self) -> usize {
        (self.bytes_max / 2).saturating_sub(self.held_bytes())
    }

    /// Queues a piece of a long answer once no more than `most` bytes are queued and there is room for it: whether the
    /// connection needs a wake. The frame is taken then, and by a session that has ended.
    pub(crate) fn poll_push(
        &mut self,
        frame: &mut Option<Frame>,
        most: usize,
        at: impl FnOnce() -> Timestamp,
        cx: &task::Context<'_>,
    ) -> Poll<Result<bool, Refused>> {
        let size = frame.as_ref().map_or(0, weight);
        let has_room = self.room() == self.bytes_max / 2 || size <= self.room();
        if self.resting || (self.bytes() <= most && has_room) {
            let pushed = frame.take().map(|frame| self.push(frame, at));
            return Poll::Ready(match pushed {
                None => Ok(false),
                Some(Ok(pushed)) => Ok(pushed.needs_wake),
                Some(Err((refused, _))) => Err(refused),
            });
        }
        let is_new = |waker: &Waker| !waker.will_wake(cx.waker());
        if self.room_wakers.iter().all(is_new) {
            self.room_wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Something left the queue, or was acked: who waits for room looks again.
    pub(crate) fn wake_for_room(&mut self) {
        for waker in self.room_wakers.drain(..) {
            waker.wake();
        }
    }

    /// Whether nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether the session has ended.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }
}

/// The transport below, for a session that can be resumed.
impl Outbox {
    /// What makes the session resumable.
    pub(crate) fn resumption(&self) -> Option<&Resumption> {
        self.acks.as_ref()?.resumption.as_deref()
    }

    pub(crate) fn resumption_mut(&mut self) -> Option<&mut Resumption> {
        self.acks.as_mut()?.resumption.as_deref_mut()
    }

    /// How a transport stands to the session.
    pub(crate) fn standing(&self, transport: u32) -> Standing {
        match self.resumption() {
            _ if self.resting => Standing::Ended,
            None => Standing::Here,
            Some(resumption) => resumption.standing(transport),
        }
    }

    /// Whether the session waits to be resumed.
    pub(crate) fn is_detached(&self) -> bool {
        self.resumption().is_some_and(|it| it.is_detached)
    }

    /// The transport is gone, if it is the session's newest: what was to be written waits. Whether it is so.
    pub(crate) fn detach(&mut self, transport: u32, at: Timestamp) -> bool {
        match self.standing(transport) {
            Standing::Here if self.resumption().is_some() => self.put_aside(at),
            Standing::Dropped if !self.is_detached() => {}
            _ => return false,
        }
        if let Some(resumption) = self.resumption_mut() {
            resumption.is_detached = true;
        }
        true
    }

    /// The session goes on to another transport, whatever it sat on before: its number. Nothing is written there before
    /// [`Outbox::retransmit`].
    pub(crate) fn take_over(&mut self, at: Timestamp) -> Option<u32> {
        self.resumption()?;
        self.put_aside(at);
        let resumption = self.resumption_mut()?;
        resumption.transport = resumption.transport.wrapping_add(1);
        resumption.is_detached = false;
        Some(resumption.transport)
    }

    /// The session sits on its new transport: what the client did not ack is written again, as `again` makes it.
    pub(crate) fn retransmit(&mut self, mut again: impl FnMut(Frame) -> Frame) {
        let Some(acks) = &mut self.acks else { return };
        let unacked = acks.begin_anew();
        if let Some(resumption) = acks.resumption.as_deref_mut() {
            resumption.is_attached = true;
        }
        for frame in unacked {
            self.append(again(frame));
        }
    }

    /// What came first of what waits, if there is room for it.
    pub(crate) fn next_waiting(&mut self) -> Option<Slot> {
        if self.room() == 0 {
            return None;
        }
        self.resumption_mut()?.waiting.pop()
    }

    /// Puts what waited behind what is to be written.
    pub(crate) fn append(&mut self, frame: Frame) {
        self.bytes += weight(&frame);
        self.frames.push_back(frame);
    }
}

/// What a frame costs against the limit: its text and the queue's own record.
pub(crate) fn weight(frame: &Frame) -> usize {
    frame.stanza.bytes_len() + size_of::<Frame>()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::resumption::SmId;

    #[test]
    fn who_reads_too_little_loses_the_transport_and_keeps_the_session() {
        let mut outbox = resumable(5_000);
        let mut pushed = 0;
        while outbox.standing(0) == Standing::Here {
            outbox.push(message(pushed), at).unwrap();
            pushed += 1;
            assert!(pushed < 1_000, "it never ends");
        }
        assert_eq!(outbox.standing(0), Standing::Dropped);
        assert!(
            outbox.pop_due(|_| Gate::Durable).is_none(),
            "nothing is written"
        );
        // Entries of the mailbox take no room now.
        for number in pushed..pushed + 100 {
            outbox.push(message(number), at).unwrap();
        }
        assert!(outbox.detach(0, at()));
        assert!(!outbox.detach(0, at()), "once");
        assert_eq!(ids_of(&mut outbox).len(), pushed + 100);
    }

    #[test]
    fn what_cannot_be_read_again_has_a_bound_while_nobody_is_there() {
        let mut outbox = resumable(5_000);
        assert!(outbox.detach(0, at()));
        let refused = (0..1_000).find(|number| outbox.push(request(*number), at).is_err());
        assert!(refused.is_some_and(|number| number > 2), "{refused:?}");
        let fault = outbox.push(request(0), at).unwrap_err().0;
        assert_eq!(fault, Refused::Full);
    }

    #[test]
    fn a_session_that_cannot_be_resumed_is_full() {
        let mut outbox = Outbox::new(1_000);
        let refused = (0..1_000).find_map(|number| outbox.push(message(number), at).err());
        assert_eq!(refused.map(|(why, _)| why), Some(Refused::Full));
    }

    #[test]
    fn another_transport_goes_on_where_the_client_was() {
        let mut outbox = resumable(100_000);
        for number in 0..3 {
            outbox.push(request(number), at).unwrap();
        }
        for _ in 0..2 {
            let frame = outbox.pop_due(|_| Gate::Durable).unwrap();
            outbox.acks.as_mut().unwrap().wrote(frame);
        }
        // It is taken over while a third waits to be written, and a fourth comes meanwhile.
        outbox.acks.as_mut().unwrap().acked(1).unwrap();
        assert_eq!(outbox.take_over(at()), Some(1));
        assert_eq!(outbox.standing(0), Standing::TakenOver);
        assert_eq!(outbox.standing(1), Standing::Dropped);
        outbox.push(request(3), at).unwrap();
        assert!(!outbox.detach(0, at()), "the old one has no say");
        outbox.retransmit(|frame| frame);
        assert_eq!(outbox.standing(1), Standing::Here);
        let mut ids = Vec::new();
        while let Some(frame) = outbox.pop_due(|_| Gate::Durable) {
            ids.push(frame.stanza.id().unwrap().to_owned());
        }
        assert_eq!(ids, ["1"]);
        assert_eq!(ids_of(&mut outbox), ["2", "3"]);
    }

    fn resumable(bytes_max: usize) -> Outbox {
        let resumption = Resumption::new(SmId(1), Duration::from_secs(60));
        let mut outbox = Outbox::new(bytes_max);
        outbox.acks = Some(Box::new(Acks::new(Some(resumption))));
        outbox
    }

    /// What waits.
    fn ids_of(outbox: &mut Outbox) -> Vec<String> {
        let mut ids = Vec::new();
        let mut waiting = outbox.rest_waiting();
        while let Some(slot) = waiting.pop() {
            ids.push(match slot {
                Slot::Frame { frame, .. } => frame.stanza.id().unwrap_or_default().to_owned(),
                Slot::Entry { id, .. } => id.0.to_string(),
            });
        }
        ids
    }

    fn message(number: usize) -> Frame {
        let entry = EntryId(u64::try_from(number).unwrap());
        Frame {
            fate: Fate::Reroute {
                delivery: None,
                entry: Some(entry),
            },
            ..frame(&Stanza::message(stanza::MessageType::Chat).with_id(&number.to_string()))
        }
    }

    fn request(number: usize) -> Frame {
        frame(&Stanza::iq(IqType::Get, &number.to_string()))
    }

    fn frame(stanza: &Stanza) -> Frame {
        Frame {
            stanza: Arc::new(stanza.clone()),
            to: None,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        }
    }

    fn at() -> Timestamp {
        Timestamp::MIN
    }
}
