//! What a client sent and the server has not acknowledged, [XEP-0198 §4].
//!
//! [XEP-0198 §4]: https://xmpp.org/extensions/xep-0198.html#acking

use std::collections::{BTreeSet, VecDeque};

use super::message::MessageId;

/// A stanza that may have to be sent again.
#[derive(Clone, Debug)]
struct Stanza {
    xml: String,
    /// The counted messages in it: none, one, or one per address.
    messages: Vec<MessageId>,
}

/// The sending half of stream management.
#[derive(Debug, Default)]
pub(super) struct Sent {
    unacknowledged: VecDeque<Stanza>,
    /// How many of the session the server has acknowledged.
    h: u32,
    /// Messages it has acknowledged, ever.
    pub(super) acknowledged: BTreeSet<MessageId>,
    /// Messages of which the server could not say whether it had them.
    pub(super) unknown: BTreeSet<MessageId>,
}

impl Sent {
    /// Something was sent, or is about to be.
    pub(super) fn push(&mut self, xml: &str, messages: Vec<MessageId>) {
        self.unacknowledged.push_back(Stanza {
            xml: xml.to_owned(),
            messages,
        });
    }

    /// The server has handled `h` stanzas of the session. `None` when these are more than were sent.
    pub(super) fn acknowledge(&mut self, h: u32) -> Option<()> {
        let newly = usize::try_from(h.wrapping_sub(self.h)).ok()?;
        if newly > self.unacknowledged.len() {
            return None;
        }
        let taken = self.unacknowledged.drain(..newly);
        self.acknowledged
            .extend(taken.flat_map(|stanza| stanza.messages));
        self.h = h;
        Some(())
    }

    /// How many wait for their acknowledgement.
    pub(super) fn len(&self) -> usize {
        self.unacknowledged.len()
    }

    /// What is to be sent again on the same session.
    pub(super) fn again(&self) -> String {
        self.unacknowledged
            .iter()
            .map(|stanza| stanza.xml.as_str())
            .collect()
    }

    /// A new session counts from 0. Of the old one messages alone are worth sending again.
    pub(super) fn begin_session(&mut self) {
        self.h = 0;
        self.unacknowledged
            .retain(|stanza| !stanza.messages.is_empty());
    }

    /// Nobody can say what became of what is not acknowledged: it is not sent again.
    pub(super) fn give_up(&mut self) {
        let given_up = self.unacknowledged.drain(..);
        self.unknown
            .extend(given_up.flat_map(|stanza| stanza.messages));
    }
}
