//! What a message is worth keeping for: one pure decision per entry, by type, hints and the names of the children.
//!
//! Not here: whether anybody relies on it now (`reliance.rs`), and whose preferences say that the archive keeps it
//! ([XEP-0441]); the caller brings that verdict along.
//!
//! [XEP-0441]: https://xmpp.org/extensions/xep-0441.html

use stanza::hints::{self, Hints};
use stanza::{Kind, MessageType, Stanza, delay, ids};
use xml::Ns;

/// Chat state notifications, [XEP-0085](https://xmpp.org/extensions/xep-0085.html).
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Rooms' extensions for users, [XEP-0045](https://xmpp.org/extensions/xep-0045.html#invite-mediated).
const ROOM_USER: &str = "http://jabber.org/protocol/muc#user";

/// Namespaces of payloads that an archive keeps without a body: [XEP-0313] asks for bodies and leaves the rest to us.
///
/// [XEP-0313]: https://xmpp.org/extensions/xep-0313.html#business-storeret-user-archives
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
    /// The log's `class` column, which pages can be filtered by; `None` has no entries.
    #[must_use]
    pub fn column(self) -> u8 {
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

/// Whether the owner's archive takes messages of this conversation: configuration and preferences, decided before. It
/// takes an error only if it has the message that came back ([`Mailbox::has_sent`](crate::Mailbox::has_sent)).
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
        MessageType::Error if names_a_resource(message) => {
            return match archiving {
                Archiving::On => Class::Archive,
                Archiving::Off => Class::Delivery,
            };
        }
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

/// Nothing but a chat state and what may surround one: a thread ([XEP-0085] "Syntax of Notifications"), ids, hints, and
/// when it came if it came late. A message without any child is not one: `normal` messages are kept whatever they hold.
///
/// [XEP-0085]: https://xmpp.org/extensions/xep-0085.html#bizrules-syntax
#[must_use]
pub fn is_fleeting(message: &Stanza) -> bool {
    let mut has_state = false;
    let only = message.children().all(|child| match child.ns() {
        Ns::Uri(CHAT_STATES) => {
            has_state = true;
            true
        }
        Ns::Uri(hints::NS | ids::NS | delay::NS) => true,
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

#[cfg(test)]
mod tests {
    use super::*;
    use Class::{Archive, Delivery, None};

    const BODY: &str = "<body>Neither, fair saint</body>";
    const COMPOSING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    const NO_STORE: &str = "<no-store xmlns='urn:xmpp:hints'/>";
    const NO_PERMANENT: &str = "<no-permanent-store xmlns='urn:xmpp:hints'/>";
    const STORE: &str = "<store xmlns='urn:xmpp:hints'/>";

    #[test]
    fn chat_and_normal_messages_are_history() {
        check("<message type='chat'>", BODY, Archive, Delivery);
        check("<message>", BODY, Archive, Delivery);
        check("<message type='unheard-of'>", BODY, Archive, Delivery);
        check("<message>", "<subject>Verona</subject>", Archive, Delivery);
    }

    #[test]
    fn what_has_no_body_may_still_be_history() {
        check(
            "<message type='chat'>",
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            Archive,
            Delivery,
        );
        check(
            "<message>",
            "<x xmlns='jabber:x:conference' jid='room@conference.example'/>",
            Archive,
            Delivery,
        );
        check(
            "<message>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='juliet@example'/></x>",
            Archive,
            Delivery,
        );
    }

    #[test]
    fn other_messages_without_a_body_are_kept_until_delivered() {
        check("<message>", "", Delivery, Delivery);
        check(
            "<message type='chat'>",
            "<x xmlns='jabber:x:unknown'/>",
            Delivery,
            Delivery,
        );
        check(
            "<message>",
            "<x xmlns='http://jabber.org/protocol/muc#user'/>",
            Delivery,
            Delivery,
        );
    }

    #[test]
    fn chat_states_alone_are_never_kept() {
        let with_thread =
            format!("<thread>1</thread>{COMPOSING}<origin-id xmlns='urn:xmpp:sid:0' id='1'/>");
        check("<message type='chat'>", COMPOSING, None, None);
        check("<message>", COMPOSING, None, None);
        check("<message type='groupchat'>", COMPOSING, None, None);
        check("<message type='chat'>", &with_thread, None, None);
        let late =
            format!("{COMPOSING}<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>");
        check("<message type='chat'>", &late, None, None);
        check(
            "<message type='chat'>",
            &format!("{COMPOSING}{BODY}"),
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            &format!("{COMPOSING}<x xmlns='jabber:x:unknown'/>"),
            Delivery,
            Delivery,
        );
    }

    #[test]
    fn hints_overrule_the_payload() {
        check(
            "<message type='chat'>",
            &format!("{BODY}{NO_STORE}"),
            None,
            None,
        );
        check(
            "<message type='chat'>",
            &format!("{BODY}{NO_PERMANENT}"),
            Delivery,
            Delivery,
        );
        check(
            "<message type='chat'>",
            &format!("{COMPOSING}{STORE}"),
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            &format!("<x xmlns='jabber:x:unknown'/>{STORE}"),
            Archive,
            Delivery,
        );
        check(
            "<message type='chat'>",
            &format!("{BODY}{STORE}{NO_STORE}"),
            None,
            None,
        );
        check(
            "<message type='groupchat'>",
            &format!("{BODY}{NO_STORE}"),
            None,
            None,
        );
    }

    #[test]
    fn rooms_and_headlines_are_no_history() {
        check("<message type='groupchat'>", BODY, Delivery, Delivery);
        check("<message type='headline'>", BODY, Delivery, Delivery);
        check(
            "<message type='groupchat'>",
            &format!("{BODY}{STORE}"),
            Delivery,
            Delivery,
        );
    }

    #[test]
    fn errors_are_kept_for_the_resource_they_name_and_as_bounces_in_the_archive() {
        check(
            "<message type='error' to='juliet@example'>",
            BODY,
            None,
            None,
        );
        check("<message type='error'>", BODY, None, None);
        check(
            "<message type='error' to='juliet@example/balcony'>",
            BODY,
            Archive,
            Delivery,
        );
        check(
            "<message type='error' to='juliet@example/balcony'>",
            NO_STORE,
            Archive,
            Delivery,
        );
    }

    #[test]
    fn presence_and_iq_are_never_kept() {
        assert_eq!(
            classify(
                &Stanza::presence(stanza::PresenceType::Available),
                Archiving::On
            ),
            None
        );
        assert_eq!(
            classify(&Stanza::iq(stanza::IqType::Result, "1"), Archiving::On),
            None
        );
    }

    #[test]
    fn only_messages_to_a_person_wait_for_another_resource() {
        let waits = |start: &str| may_wait(&message(start, BODY));
        assert!(waits("<message>"));
        assert!(waits("<message type='chat'>"));
        assert!(!waits("<message type='groupchat'>"));
        assert!(!waits("<message type='headline'>"));
        assert!(!waits("<message type='error' to='juliet@example/balcony'>"));
    }

    #[track_caller]
    fn check(start: &str, children: &str, archive_on: Class, archive_off: Class) {
        let message = message(start, children);
        assert_eq!(
            classify(&message, Archiving::On),
            archive_on,
            "{start}{children}, archive on"
        );
        assert_eq!(
            classify(&message, Archiving::Off),
            archive_off,
            "{start}{children}, archive off"
        );
    }

    fn message(start: &str, children: &str) -> Stanza {
        Stanza::from_stored(format!("{start}{children}</message>").as_bytes()).unwrap()
    }
}
