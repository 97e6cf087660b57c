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
//! [`waiting`](super::waiting) instead, and what the lull held is there too. When even that is full the session ends. That
//! is in `transport.rs`.

mod transport;

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{self, Poll, Waker},
};

use stanza::{IqType, Kind, Stanza, Timestamp};
use store::{Gate, Seq};
use stream::StreamFault;

use super::{
    frame::{Frame, weight},
    frames::Frames,
    lull::{Due, Lull},
    sm::Acks,
};

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
