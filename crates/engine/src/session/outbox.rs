//! A session's bounded queue of frames on their way to its client.
//!
//! Frames leave in order, and only up to the first whose gate is not durable: an ack, a delivery or
//! an answer seen by a client therefore always means "durable". A frame whose batch failed is never
//! shown; the failed batch has told the sender already.
//!
//! At the bound the session ends (`policy-violation`, or detached once sessions can be resumed) and
//! what it held is rerouted; a full outbox never holds back a sender.

use std::{collections::VecDeque, sync::Arc};

use jid::Jid;
use stanza::{Kind, Stanza};
use store::{EntryId, Gate, Seq};
use stream::StreamFault;

use super::sm::Acks;

/// One stanza for one session.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What is written, shared between all who get it.
    pub stanza: Arc<Stanza>,
    /// The `to` to write instead of the stanza's own.
    pub to: Option<Jid>,
    /// Not written before this is durable.
    pub gate: Seq,
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

/// One message delivered to several sessions of an account.
#[derive(Debug, Default)]
pub struct Delivery {
    taken: std::sync::atomic::AtomicBool,
}

impl Delivery {
    pub(crate) fn take(&self) {
        self.taken.store(true, std::sync::atomic::Ordering::Release);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.load(std::sync::atomic::Ordering::Acquire)
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
        if !self.frames.is_empty() && self.bytes + size > self.bytes_max {
            return Err((Refused::Full, frame));
        }
        self.bytes += size;
        self.frames.push_back(frame);
        Ok(self.frames.len() == 1)
    }

    /// The next frame that may be shown, as `gate` says of each gate.
    ///
    /// A request's answer whose batch failed becomes an error in place; any other frame of a failed
    /// batch is dropped.
    pub(crate) fn pop_due(&mut self, gate: impl Fn(Seq) -> Gate) -> Option<Frame> {
        loop {
            let front = self.frames.front()?;
            let verdict = gate(front.gate);
            if verdict == Gate::Pending {
                return None;
            }
            let mut frame = self.frames.pop_front()?;
            self.bytes = self.bytes.saturating_sub(weight(&frame));
            if self.frames.is_empty() && self.frames.capacity() > FRAMES_KEPT {
                self.frames = VecDeque::new();
            }
            match verdict {
                Gate::Durable => return Some(frame),
                Gate::Failed if matches!(frame.stanza.kind(), Kind::Iq(stanza::IqType::Result)) => {
                    frame.stanza = Arc::new(frame.stanza.result_as_failure());
                    return Some(frame);
                }
                Gate::Failed | Gate::Pending => {}
            }
        }
    }

    /// The gate the front frame waits for.
    pub(crate) fn front_gate(&self) -> Option<Seq> {
        self.frames.front().map(|frame| frame.gate)
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

    /// Whether the session has ended.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }
}

/// An empty queue keeps room for this many frames, so that a quiet session holds little.
const FRAMES_KEPT: usize = 4;

/// What a frame costs against the limit: its text and the queue's own record.
fn weight(frame: &Frame) -> usize {
    frame.stanza.bytes_len() + size_of::<Frame>()
}
