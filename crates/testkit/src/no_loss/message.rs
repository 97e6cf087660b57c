//! Messages that say themselves who sent them, to whom, and as the how-manieth.

use std::fmt;

/// The namespace of [XEP-0359](https://xmpp.org/extensions/xep-0359.html).
pub(super) const IDS: &str = "urn:xmpp:sid:0";

/// One message: what its sender calls it, as stanza id, as origin id, and in its text.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId {
    /// The client that sent it.
    pub sender: usize,
    /// The account it is for.
    pub recipient: usize,
    /// Counted from 1 for this sender and recipient.
    pub number: u32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sender,
            recipient,
            number,
        } = self;
        write!(f, "m-{sender}-{recipient}-{number}")
    }
}

impl MessageId {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("m-")?.split('-');
        let mut part = || parts.next()?.parse::<u32>().ok();
        Some(Self {
            sender: usize::try_from(part()?).ok()?,
            recipient: usize::try_from(part()?).ok()?,
            number: part()?,
        })
    }

    /// The stanza.
    pub(super) fn stanza(&self, to: &str) -> String {
        format!(
            "<message to='{to}' type='chat' id='{self}'><body>{self}</body><origin-id xmlns='{IDS}' id='{self}'/></message>"
        )
    }
}
