//! Which messages are copied: [§6.1](https://xmpp.org/extensions/xep-0280.html#which-messages), as one
//! pure function.

use stanza::{Kind, MessageType, Stanza, hints::Hints};
use xml::Ns;

use super::protocol::{Direction, NS};

/// Message Delivery Receipts.
const RECEIPTS: &str = "urn:xmpp:receipts";
/// Chat State Notifications.
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Displayed Markers.
const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// Direct MUC invitations.
const DIRECT_INVITATION: &str = "jabber:x:conference";
/// What a room adds to what comes from it.
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

/// Whether the account's other resources get a copy of `message`.
///
/// `<no-copy/>` counts as `<private/>` does, [XEP-0334 §4.3]. An error carries nothing that says what it
/// answers, so all of them are copied but those that repeat the wish not to be.
///
/// [XEP-0334 §4.3]: https://xmpp.org/extensions/xep-0334.html
pub(super) fn is_eligible(message: &Stanza, direction: Direction) -> bool {
    let Kind::Message(kind) = message.kind() else {
        return false;
    };
    // An error repeats the children of what it answers, `<private/>` included.
    if message.has("private", NS) || has_no_copy(message) {
        return false;
    }
    let from_room = message.has("x", MUC_USER);
    if message.has("x", DIRECT_INVITATION) || is_mediated_invitation(message) {
        return kind != MessageType::Groupchat;
    }
    // A room sends its private messages to every joined resource itself. An error repeats what the room's mark was on: a
    // private message of the user's own, which was copied.
    if from_room && direction == Direction::Received && kind != MessageType::Error {
        return false;
    }
    match kind {
        MessageType::Groupchat => false,
        MessageType::Chat | MessageType::Error => true,
        MessageType::Normal => message.has_body() || has_im_payload(message),
        MessageType::Headline => has_im_payload(message),
    }
}

/// The hint that forbids copies. `Hints::of` reads none of an error.
fn has_no_copy(message: &Stanza) -> bool {
    Hints::of(message).no_copy || message.has("no-copy", stanza::hints::NS)
}

fn has_im_payload(message: &Stanza) -> bool {
    message
        .children()
        .any(|child| matches!(child.ns(), Ns::Uri(RECEIPTS | CHAT_STATES | MARKERS)))
}

/// `<x><invite/></x>`, through a room. A refusal is none.
fn is_mediated_invitation(message: &Stanza) -> bool {
    message
        .child("x", MUC_USER)
        .is_some_and(|x| x.tree().root().child("invite", MUC_USER).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_messages_are_copied() {
        check("<message type='chat'/>", true, true);
        check("<message type='chat'><body>hi</body></message>", true, true);
        check("<message><body>hi</body></message>", true, true);
        check("<message type='normal'/>", false, false);
        check("<message><subject>hi</subject></message>", false, false);
        check(
            "<message><received xmlns='urn:xmpp:receipts' id='1'/></message>",
            true,
            true,
        );
        check(
            "<message><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
            true,
            true,
        );
        check(
            "<message><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
            true,
            true,
        );
        check(
            "<message type='headline'><body>news</body></message>",
            false,
            false,
        );
    }

    #[test]
    fn what_asks_not_to_be_copied_is_not() {
        check(
            "<message type='chat'><private xmlns='urn:xmpp:carbons:2'/></message>",
            false,
            false,
        );
        check(
            "<message type='chat'><no-copy xmlns='urn:xmpp:hints'/></message>",
            false,
            false,
        );
        check(
            "<message type='error'><private xmlns='urn:xmpp:carbons:2'/></message>",
            false,
            false,
        );
        check(
            "<message type='error'><no-copy xmlns='urn:xmpp:hints'/></message>",
            false,
            false,
        );
    }

    #[test]
    fn errors_are_copied() {
        check("<message type='error'/>", true, true);
        check(
            "<message type='error'><body>psst</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
            true,
            true,
        );
    }

    #[test]
    fn payloads_of_instant_messages_make_any_type_eligible_but_those_of_rooms() {
        for payload in [
            "<request xmlns='urn:xmpp:receipts'/>",
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            "<active xmlns='http://jabber.org/protocol/chatstates'/>",
            "<markable xmlns='urn:xmpp:chat-markers:0'/>",
        ] {
            check(&format!("<message>{payload}</message>"), true, true);
            check(
                &format!("<message type='headline'>{payload}</message>"),
                true,
                true,
            );
            check(
                &format!("<message type='groupchat'>{payload}</message>"),
                false,
                false,
            );
        }
        check(
            "<message><reactions xmlns='urn:xmpp:reactions:0' id='1'/></message>",
            false,
            false,
        );
        check(
            "<message type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='1'/></message>",
            true,
            true,
        );
    }

    #[test]
    fn rooms_copy_for_themselves() {
        check(
            "<message type='groupchat'><body>hi</body></message>",
            false,
            false,
        );
        check(
            "<message type='chat'><body>psst</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
            true,
            false,
        );
        check(
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite to='romeo@example'/></x></message>",
            true,
            true,
        );
        check(
            "<message><x xmlns='jabber:x:conference' jid='room@muc.example'/></message>",
            true,
            true,
        );
        check(
            "<message><x xmlns='jabber:x:conference' jid='room@muc.example'/><private xmlns='urn:xmpp:carbons:2'/></message>",
            false,
            false,
        );
        check(
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><decline to='romeo@example'/></x></message>",
            false,
            false,
        );
        check(
            "<message><body>psst</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
            true,
            false,
        );
    }

    #[track_caller]
    fn check(xml: &str, sent: bool, received: bool) {
        let tree = xml::Tree::parse_fragment(xml).unwrap();
        let message = Stanza::accept(&tree.root(), None).unwrap();
        assert_eq!(is_eligible(&message, Direction::Sent), sent, "sent {xml}");
        assert_eq!(
            is_eligible(&message, Direction::Received),
            received,
            "received {xml}"
        );
    }
}
