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
    frame::{Fate, Frame, weight},
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanza::Stanza;

    use super::*;

    const BODY: &str = "<body>hi</body>";
    const COMPOSING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

    #[test]
    fn the_latest_presence_of_a_sender_counts_in_its_new_place() {
        check(
            &["p a 1", "p b 1", "m 1", "p a 2"],
            &["p b 1", "m 1", "p a 2"],
        );
        check(&["p a 1", "u a 2", "p a 3"], &["p a 3"]);
        // Requests are no presence in this sense.
        check(&["s a 1", "s a 2"], &["s a 1", "s a 2"]);
    }

    #[test]
    fn chat_states_are_over_and_requests_are_kept() {
        check(&["c 1", "i 1", "m 1", "c 2"], &["i 1", "m 1"]);
    }

    #[test]
    fn what_is_taken_is_not_superseded_later() {
        let mut waiting = Waiting::default();
        for what in ["p a 1", "p b 1"] {
            waiting.push(frame(what), Timestamp::MIN);
        }
        assert_eq!(take(&mut waiting), ["p a 1", "p b 1"]);
        waiting.push(frame("p a 2"), Timestamp::MIN);
        assert_eq!(take(&mut waiting), ["p a 2"]);
        assert_eq!((waiting.bytes(), waiting.len()), (0, 0));
    }

    #[test]
    fn holes_are_closed_and_everything_is_found_again() {
        let mut waiting = Waiting::default();
        waiting.push(frame("m 0"), Timestamp::MIN);
        waiting.push(frame("p b 1"), Timestamp::MIN);
        for round in 0..500 {
            waiting.push(frame(&format!("p a {round}")), Timestamp::MIN);
        }
        assert!(waiting.slots.len() < 200, "{}", waiting.slots.len());
        waiting.push(frame("p b 2"), Timestamp::MIN);
        assert_eq!(waiting.len(), 3);
        assert_eq!(take(&mut waiting), ["m 0", "p a 499", "p b 2"]);
        assert_eq!(waiting.bytes(), 0);
    }

    #[test]
    fn an_entry_that_is_this_sessions_alone_takes_no_room() {
        let mut waiting = Waiting::default();
        let entry = Fate::Reroute {
            delivery: None,
            entry: Some(EntryId(7)),
        };
        let frame = Frame {
            fate: entry,
            ..frame("m 1")
        };
        assert_eq!(Waiting::cost(&frame), 0);
        waiting.push(frame, Timestamp::MIN);
        assert_eq!((waiting.bytes(), waiting.len()), (0, 1));
        assert!(matches!(
            waiting.pop(),
            Some(Slot::Entry { id: EntryId(7), .. })
        ));
    }

    #[test]
    fn presence_and_what_nobody_relies_on_give_way() {
        let mut waiting = Waiting::default();
        for what in ["p a 1", "n 1", "m 1", "i 1", "s a 1", "h 1"] {
            waiting.push(frame(what), Timestamp::MIN);
        }
        assert_eq!(waiting.thin_out(), (3, true));
        assert_eq!(take(&mut waiting), ["m 1", "i 1", "s a 1"]);
        assert_eq!(waiting.bytes(), 0);
    }

    #[track_caller]
    fn check(came: &[&str], waits: &[&str]) {
        let mut waiting = Waiting::default();
        for what in came {
            waiting.push(frame(what), Timestamp::MIN);
        }
        assert_eq!(take(&mut waiting), waits, "{came:?}");
    }

    /// What waits, in the words it was pushed with.
    fn take(waiting: &mut Waiting) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(slot) = waiting.pop() {
            let Slot::Frame { frame, .. } = slot else {
                panic!("no entry was pushed");
            };
            words.push(frame.stanza.id().unwrap_or_default().to_owned());
        }
        words
    }

    /// `p` available, `u` unavailable, `s` subscription of somebody; `m` message, `c` chat state, `n` one nobody keeps, `h`
    /// headline, `i` request. The whole is the id.
    fn frame(what: &str) -> Frame {
        let mut words = what.split(' ');
        let (kind, who) = (words.next().unwrap(), words.next().unwrap());
        let message = |kind: &str, child: &str| {
            format!("<message id='{what}' from='a@example/x' type='{kind}'>{child}</message>")
        };
        let presence = |kind: &str| format!("<presence id='{what}' from='{who}@example/x'{kind}/>");
        let xml = match kind {
            "p" => presence(""),
            "u" => presence(" type='unavailable'"),
            "s" => presence(" type='subscribe'"),
            "m" => message("chat", BODY),
            "c" => message("chat", COMPOSING),
            "n" => message("chat", &format!("{BODY}<no-store xmlns='urn:xmpp:hints'/>")),
            "h" => message("headline", BODY),
            _ => format!("<iq id='{what}' type='get'><query xmlns='jabber:iq:version'/></iq>"),
        };
        Frame {
            stanza: Arc::new(Stanza::from_stored(xml.as_bytes()).unwrap()),
            to: None,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        }
    }
}
