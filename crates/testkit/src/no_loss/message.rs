//! Messages that say themselves who sent them, to whom, and as the how-manieth.

use std::fmt;

use super::client::Client;

/// The namespace of [XEP-0359](https://xmpp.org/extensions/xep-0359.html).
pub(super) const IDS: &str = "urn:xmpp:sid:0";

/// The namespace of [XEP-0033](https://xmpp.org/extensions/xep-0033.html).
const ADDRESSES: &str = "http://jabber.org/protocol/address";

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

    /// Which message stands in a text, for a copy of it that went to this address.
    pub(super) fn find(text: &str, to: &str) -> Option<Self> {
        let mut all = text.split(' ').filter_map(Self::parse);
        let is_for = |message: &Self| {
            let account = to.split('@').next().unwrap_or_default();
            account == Client::name_of(message.recipient)
        };
        all.find(is_for)
    }

    /// One stanza for the host to send on to each of these (XEP-0033).
    pub(super) fn multicast(messages: &[Self], domain: &str) -> String {
        let addresses: String = messages
            .iter()
            .map(|message| {
                let name = Client::name_of(message.recipient);
                format!("<address type='to' jid='{name}@{domain}'/>")
            })
            .collect();
        let texts: Vec<String> = messages.iter().map(Self::to_string).collect();
        let id = texts.first().map_or("", String::as_str);
        let body = texts.join(" ");
        format!(
            "<message to='{domain}' type='chat' id='{id}'><addresses xmlns='{ADDRESSES}'>{addresses}</addresses><body>{body}</body><origin-id xmlns='{IDS}' id='{id}'/></message>"
        )
    }

    /// The stanza.
    pub(super) fn stanza(&self, to: &str) -> String {
        format!(
            "<message to='{to}' type='chat' id='{self}'><body>{self}</body><origin-id xmlns='{IDS}' id='{self}'/></message>"
        )
    }
}
