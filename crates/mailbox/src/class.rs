//! What a message is worth keeping for: one pure decision per entry, by type, hints and the names of the children.
//!
//! Not here: whether anybody relies on it now (`reliance.rs`), and whose preferences say that the archive keeps it
//! ([XEP-0441]); the caller brings that verdict along.
//!
//! [XEP-0441]: https://xmpp.org/extensions/xep-0441.html

use stanza::hints::{self, Hints};
use stanza::{Kind, MessageType, Stanza, ids};
use xml::Ns;

/// Chat state notifications, [XEP-0085](https://xmpp.org/extensions/xep-0085.html).
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Rooms' extensions for users, [XEP-0045](https://xmpp.org/extensions/xep-0045.html#invite-mediated).
const ROOM_USER: &str = "http://jabber.org/protocol/muc#user";

/// Namespaces of payloads that an archive keeps without a body ([XEP-0313 §5.1.3] asks to err on storing).
///
/// [XEP-0313 §5.1.3]: https://xmpp.org/extensions/xep-0313.html#business-storage-user-archives
const ARCHIVED: [&str; 12] = [
    "urn:xmpp:eme:0",
    "eu.siacs.conversations.axolotl",
    "urn:xmpp:omemo:2",
    "urn:xmpp:openpgp:0",
    "jabber:x:encrypted",
    "urn:xmpp:receipts",
    "urn:xmpp:chat-markers:0",
    "urn:xmpp:reactions:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:fasten:0",
    "jabber:x:conference",
    "urn:xmpp:jingle-message:0",
];

/// What an entry is kept for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// Never on disk, for nobody.
    None,
    /// Until it is delivered. It has no id on the wire and no archive shows it.
    Delivery,
    /// For good, as part of the history.
    Archive,
}

impl Class {
    /// The log's `class` column; `None` has no entries.
    pub(crate) fn column(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Delivery => 1,
            Self::Archive => 2,
        }
    }

    /// The class of a stored entry. An unknown number is kept like the archive: never removed by delivery.
    pub(crate) fn of_column(column: u8) -> Self {
        match column {
            1 => Self::Delivery,
            _ => Self::Archive,
        }
    }
}

/// Whether the owner's archive takes messages of this conversation: configuration and preferences, decided before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Archiving {
    /// It does.
    On,
    /// It does not; what must be delivered is kept until then.
    Off,
}

/// What a message is kept for in the mailbox of its recipient, or of its sender. Anything but a message is
/// [`Class::None`].
///
/// In this order: the type, `no-store` and `no-permanent-store`, the owner's archive, `store`, the payloads. Errors
/// ignore hints, because they may carry those of the message that failed ([XEP-0334 §5]).
///
/// [XEP-0334 §5]: https://xmpp.org/extensions/xep-0334.html#business
#[must_use]
pub fn classify(message: &Stanza, archiving: Archiving) -> Class {
    let Kind::Message(kind) = message.kind() else {
        return Class::None;
    };
    let hints = Hints::of(message);
    match kind {
        MessageType::Error if names_a_resource(message) => return Class::Delivery,
        MessageType::Error => return Class::None,
        _ if hints.no_store => return Class::None,
        MessageType::Groupchat | MessageType::Headline if is_fleeting(message) => {
            return Class::None;
        }
        MessageType::Groupchat | MessageType::Headline => return Class::Delivery,
        MessageType::Normal | MessageType::Chat => {}
    }
    if is_fleeting(message) && !hints.store {
        return Class::None;
    }
    let archived = archiving == Archiving::On && !hints.no_permanent_store;
    if archived && (hints.store || has_payload(message)) {
        Class::Archive
    } else {
        Class::Delivery
    }
}

/// Whether a message may wait for a resource that is not there yet, [XEP-0160 §3]: `normal` and `chat` do; `groupchat`,
/// `headline` and `error` are kept at most for the session they were sent to.
///
/// [XEP-0160 §3]: https://xmpp.org/extensions/xep-0160.html#types
#[must_use]
pub fn may_wait(message: &Stanza) -> bool {
    matches!(
        message.kind(),
        Kind::Message(MessageType::Normal | MessageType::Chat)
    )
}

fn names_a_resource(message: &Stanza) -> bool {
    message.to().is_some_and(jid::Jid::is_full)
}

/// Nothing but a chat state and what may surround one ([XEP-0085 §5.1]: a thread). A message without any child is not
/// one: `normal` messages are kept whatever they hold.
///
/// [XEP-0085 §5.1]: https://xmpp.org/extensions/xep-0085.html#bizrules-syntax
fn is_fleeting(message: &Stanza) -> bool {
    let mut has_state = false;
    let only = message.children().all(|child| match child.ns() {
        Ns::Uri(CHAT_STATES) => {
            has_state = true;
            true
        }
        Ns::Uri(hints::NS | ids::NS) => true,
        Ns::Content => child.name() == "thread",
        Ns::Uri(_) => false,
    });
    only && has_state
}

/// A body, a subject, or one of the payloads that are messages without one.
fn has_payload(message: &Stanza) -> bool {
    message.children().any(|child| match child.ns() {
        Ns::Content => matches!(child.name(), "body" | "subject"),
        Ns::Uri(ROOM_USER) => child
            .tree()
            .root()
            .child("invite", Ns::Uri(ROOM_USER))
            .is_some(),
        Ns::Uri(uri) => ARCHIVED.contains(&uri),
    })
}
