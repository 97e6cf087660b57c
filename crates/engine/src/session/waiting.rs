//! What comes for a session that can't be written to it: because it sits on no transport, or because what came before
//! is still on its way to a client that has just resumed.
//!
//! A message in the mailbox is a reference to its entry and takes no room; of presence the latest of each sender counts;
//! chat states that nobody keeps are dropped; everything else is kept as it is, and counts against the outbox's bound.

use jid::Jid;
use mailbox::{Archiving, Class, classify};
use stanza::{Kind, MessageType, Timestamp};
use store::EntryId;

use super::{
    outbox::{Fate, Frame, weight},
    superseding::{Subject, Superseding},
};
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

/// What waits, in order, without what is superseded.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Superseding<Slot>,
    /// What the slots count against the bound.
    bytes: usize,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// What it counts against the bound.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What waits, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
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
        let subject = match &slot {
            Slot::Frame { frame, .. } => Subject::of(&frame.stanza),
            Slot::Entry { .. } => None,
        };
        if let Some(subject) = &subject
            && self
                .slots
                .latest(subject)
                .is_some_and(|before| rests_on_more(&slot, before))
        {
            self.slots.set_apart(subject);
        }
        self.bytes += cost(&slot);
        if let Some(before) = self.slots.push(subject, slot) {
            self.bytes -= cost(&before);
        }
    }

    /// What came first.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop()?;
        self.bytes -= cost(&slot);
        Some(slot)
    }

    /// Drops what can be told anew or was never worth keeping: presence, and messages that nobody relies on. How much
    /// that was, and whether there was presence.
    pub(crate) fn thin_out(&mut self) -> (usize, bool) {
        let before = self.slots.len();
        let mut had_presence = false;
        let bytes = &mut self.bytes;
        self.slots.retain(|slot| match slot {
            Slot::Frame { frame, .. } if Self::is_droppable(frame) => {
                had_presence |= matches!(frame.stanza.kind(), Kind::Presence(_));
                *bytes -= cost(slot);
                false
            }
            Slot::Frame { .. } | Slot::Entry { .. } => true,
        });
        (before - self.slots.len(), had_presence)
    }

    /// What goes first when there is no room.
    pub(crate) fn is_droppable(frame: &Frame) -> bool {
        match frame.stanza.kind() {
            Kind::Presence(_) => Subject::of(&frame.stanza).is_some(),
            Kind::Message(MessageType::Headline) => only_entry(frame).is_none(),
            Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat) => {
                classify(&frame.stanza, Archiving::Off) == Class::None
            }
            Kind::Message(MessageType::Error) | Kind::Iq(_) => false,
        }
    }
}

/// What may turn out not to be so does not supersede what is so for certain.
fn rests_on_more(slot: &Slot, before: &Slot) -> bool {
    match (slot, before) {
        (Slot::Frame { frame, .. }, Slot::Frame { frame: before, .. }) => {
            frame.gates.needs > before.gates.needs
        }
        _ => false,
    }
}

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

/// Nothing but a chat state: it says what is no more by the time anybody reads it.
fn is_dropped(frame: &Frame) -> bool {
    only_entry(frame).is_none() && matches!(Subject::of(&frame.stanza), Some(Subject::ChatState(_)))
}
