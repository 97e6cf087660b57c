//! A session's bounded queue of frames on their way to its client.
//!
//! Frames leave in order, and only up to the first whose gate is not durable: an ack, a delivery or
//! an answer seen by a client therefore always means "durable". A frame whose batch failed is never
//! shown; the failed batch has told the sender already.
//!
//! At the bound the session ends (`policy-violation`, or detached once sessions can be resumed) and
//! what it held is rerouted; a full outbox never holds back a sender.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{self, Poll, Waker},
};

use jid::Jid;
use stanza::{IqType, Kind, Stanza};
use store::{EntryId, Gate, Seq};
use stream::StreamFault;

use super::sm::Acks;
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
}

impl Delivery {
    pub(crate) fn new(holders: usize) -> Self {
        let holders = u32::try_from(holders).unwrap_or(u32::MAX);
        Self {
            taken: AtomicBool::new(false),
            holders: AtomicU32::new(holders),
        }
    }

    /// A session took it for good.
    pub(crate) fn take(&self) {
        self.taken.store(true, Ordering::Release);
    }

    /// A session ended without having taken it. Whether it was the last and nobody took it.
    pub(crate) fn is_lost_by_one(&self) -> bool {
        self.holders.fetch_sub(1, Ordering::AcqRel) == 1 && !self.taken.load(Ordering::Acquire)
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
    frames: VecDeque<Frame>,
    bytes: usize,
    bytes_max: usize,
    ending: Option<Ending>,
    resting: bool,
    /// Told before the stream error when somebody else ends the session.
    last_words: Option<Box<Stanza>>,
    /// Who gives it pieces and waits for room.
    room_wakers: Vec<Waker>,
    /// XEP-0198 counts, once the client turned them on.
    pub(crate) acks: Option<Box<Acks>>,
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
            frames: VecDeque::new(),
            bytes: 0,
            bytes_max,
            ending: None,
            resting: false,
            last_words: None,
            room_wakers: Vec::new(),
            acks: None,
        }
    }

    /// Queues `frame`. `true` when the queue was empty, so that the connection needs a wake.
    pub(crate) fn push(&mut self, frame: Frame) -> Result<bool, (Refused, Frame)> {
        if self.resting {
            return Err((Refused::Resting, frame));
        }
        let size = weight(&frame);
        // One frame always fits, whatever its size: the limit is on what piles up.
        let held = self.bytes + self.acks.as_ref().map_or(0, |acks| acks.unacked_bytes());
        if held > 0 && held + size > self.bytes_max {
            return Err((Refused::Full, frame));
        }
        self.bytes += size;
        self.frames.push_back(frame);
        Ok(self.frames.len() == 1)
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
            if self.frames.is_empty() && self.frames.capacity() > FRAMES_KEPT {
                self.frames = VecDeque::new();
            }
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
            self.ending = Some(Ending { fault });
        }
    }

    /// Why the connection shall end, once somebody asked for it.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
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
    /// never written.
    pub(crate) fn rest(&mut self) -> VecDeque<Frame> {
        self.resting = true;
        self.bytes = 0;
        self.wake_for_room();
        let mut untaken = self
            .acks
            .take()
            .map(|acks| acks.into_unacked())
            .unwrap_or_default();
        untaken.append(&mut self.frames);
        untaken
    }

    /// Bytes queued, as counted against the limit.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much more would fit in half of the bound: what a backlog may take at once.
    pub(crate) fn room(&self) -> usize {
        let held = self.bytes + self.acks.as_ref().map_or(0, |acks| acks.unacked_bytes());
        (self.bytes_max / 2).saturating_sub(held)
    }

    /// Queues a piece of a long answer once no more than `most` bytes are queued and there is room for it: whether the
    /// connection needs a wake. The frame is taken then, and by a session that has ended.
    pub(crate) fn poll_push(
        &mut self,
        frame: &mut Option<Frame>,
        most: usize,
        cx: &task::Context<'_>,
    ) -> Poll<Result<bool, Refused>> {
        let size = frame.as_ref().map_or(0, weight);
        let has_room = self.room() == self.bytes_max / 2 || size <= self.room();
        if self.resting || (self.bytes() <= most && has_room) {
            let pushed = frame.take().map(|frame| self.push(frame));
            return Poll::Ready(match pushed {
                None => Ok(false),
                Some(Ok(needs_wake)) => Ok(needs_wake),
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

/// An empty queue keeps room for this many frames, so that a quiet session holds little.
const FRAMES_KEPT: usize = 4;

/// What a frame costs against the limit: its text and the queue's own record.
pub(crate) fn weight(frame: &Frame) -> usize {
    frame.stanza.bytes_len() + size_of::<Frame>()
}
