//! What comes for a session that can't be written to it: because it sits on no transport, or because what came before
//! is still on its way to a client that has just resumed.
//!
//! A message in the mailbox is a reference to its entry and takes no room; of presence the latest of each sender counts;
//! chat states that nobody keeps are dropped; everything else is kept as it is, and counts against the outbox's bound.

use std::collections::{BTreeMap, VecDeque};

use jid::Jid;
use mailbox::{Archiving, Class, classify, is_fleeting};
use stanza::{Kind, MessageType, PresenceType, Timestamp};
use store::EntryId;

use super::outbox::{Fate, Frame, weight};
use crate::pipeline::Gates;

/// One thing that waits.
#[derive(Debug)]
pub(crate) enum Slot {
    /// As it came, and when.
    Frame {
        /// What it is.
        frame: Frame,
        /// The moment for its delay stamp.
        at: Timestamp,
    },
    /// An entry of the mailbox that no other session was given.
    Entry {
        /// Its position.
        id: EntryId,
        /// The `to` to write.
        to: Option<Jid>,
        /// What it waits for.
        gates: Gates,
    },
}

/// A queue that forgets what is superseded.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// What is superseded leaves a hole until it comes to the front.
    slots: VecDeque<Option<Slot>>,
    /// The number of the first slot; they are numbered on for ever.
    first: u64,
    /// Where the latest presence of each sender stands.
    presence: BTreeMap<Jid, u64>,
    /// What the slots count against the bound.
    bytes: usize,
    /// How many are no holes.
    len: usize,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What it counts against the bound.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What `frame` would add to [`Waiting::bytes`], what it supersedes apart.
    pub(crate) fn cost(frame: &Frame) -> usize {
        match only_entry(frame) {
            Some(_) => 0,
            None => weight(frame),
        }
    }

    /// Puts `frame` behind everything else.
    pub(crate) fn push(&mut self, frame: Frame, at: Timestamp) {
        if is_dropped(&frame) {
            return;
        }
        let slot = match only_entry(&frame) {
            Some(id) => Slot::Entry {
                id,
                to: frame.to,
                gates: frame.gates,
            },
            None => Slot::Frame { frame, at },
        };
        self.push_slot(slot);
    }

    /// The same for what waited elsewhere.
    pub(crate) fn push_slot(&mut self, slot: Slot) {
        let number = self.first + u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        if let Slot::Frame { frame, .. } = &slot
            && let Some(sender) = superseding(frame)
            && let Some(before) = self.presence.insert(sender, number)
        {
            self.take(before);
        }
        self.bytes += cost(&slot);
        self.len += 1;
        self.slots.push_back(Some(slot));
    }

    /// What came first.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        loop {
            let slot = self.slots.pop_front()?;
            self.first += 1;
            if let Some(slot) = slot {
                self.len -= 1;
                self.bytes -= cost(&slot);
                if let Slot::Frame { frame, .. } = &slot
                    && let Some(sender) = superseding(frame)
                    && self.presence.get(&sender) == Some(&(self.first - 1))
                {
                    self.presence.remove(&sender);
                }
                return Some(slot);
            }
        }
    }

    /// Drops what can be told anew or was never worth keeping: presence, and messages that nobody relies on. How much
    /// that was, and whether there was presence.
    pub(crate) fn thin_out(&mut self) -> (usize, bool) {
        let (before, had_presence) = (self.len, !self.presence.is_empty());
        self.presence.clear();
        for place in &mut self.slots {
            if let Some(Slot::Frame { frame, .. }) = place
                && Self::is_droppable(frame)
            {
                self.bytes -= weight(frame);
                self.len -= 1;
                *place = None;
            }
        }
        (before - self.len, had_presence)
    }

    /// Whether it is among what goes first when there is no room.
    pub(crate) fn is_droppable(frame: &Frame) -> bool {
        match frame.stanza.kind() {
            Kind::Presence(_) => superseding(frame).is_some(),
            Kind::Message(MessageType::Headline) => only_entry(frame).is_none(),
            Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat) => {
                classify(&frame.stanza, Archiving::Off) == Class::None
            }
            Kind::Message(MessageType::Error) | Kind::Iq(_) => false,
        }
    }

    fn take(&mut self, number: u64) {
        let index = number.checked_sub(self.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| self.slots.get_mut(index)?.take());
        if let Some(slot) = slot {
            self.bytes -= cost(&slot);
            self.len -= 1;
        }
        // Holes in front are of no use; so many in the middle would be a leak.
        while matches!(self.slots.front(), Some(None)) {
            self.slots.pop_front();
            self.first += 1;
        }
        if self.slots.len() > 2 * self.len + HOLES_MAX {
            self.close_up();
        }
    }

    /// Takes the holes out, and numbers what is left anew.
    fn close_up(&mut self) {
        self.slots.retain(Option::is_some);
        self.presence.clear();
        for (slot, number) in self.slots.iter().flatten().zip(self.first..) {
            if let Slot::Frame { frame, .. } = slot
                && let Some(sender) = superseding(frame)
            {
                self.presence.insert(sender, number);
            }
        }
    }
}

/// So many holes don't matter.
const HOLES_MAX: usize = 64;

fn cost(slot: &Slot) -> usize {
    match slot {
        Slot::Frame { frame, .. } => weight(frame),
        Slot::Entry { .. } => 0,
    }
}

/// The entry of a message that this session alone was given: it stays in the mailbox until this session took it.
fn only_entry(frame: &Frame) -> Option<EntryId> {
    match &frame.fate {
        Fate::Reroute {
            delivery: None,
            entry,
        } => *entry,
        _ => None,
    }
}

/// Whose presence it is, if a later one makes it pointless.
fn superseding(frame: &Frame) -> Option<Jid> {
    match frame.stanza.kind() {
        Kind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
            frame.stanza.from().cloned()
        }
        _ => None,
    }
}

/// Nothing but a chat state: it says what is no more by the time anybody reads it.
fn is_dropped(frame: &Frame) -> bool {
    matches!(frame.stanza.kind(), Kind::Message(_))
        && only_entry(frame).is_none()
        && is_fleeting(&frame.stanza)
}
