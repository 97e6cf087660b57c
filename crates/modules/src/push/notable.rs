//! What a device is woken for, and what says that the user has seen it elsewhere: pure rules over messages.

use stanza::{Kind, MessageType, Stanza, hints::Hints};
use xml::Ns;

/// Calls, [XEP-0353](https://xmpp.org/extensions/xep-0353.html).
const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
/// Which encryption a message is under, [XEP-0380](https://xmpp.org/extensions/xep-0380.html).
const ENCRYPTION: &str = "urn:xmpp:eme:0";
/// Direct invitations to a room, [XEP-0249](https://xmpp.org/extensions/xep-0249.html).
const DIRECT_INVITATION: &str = "jabber:x:conference";
/// Invitations through a room, [XEP-0045](https://xmpp.org/extensions/xep-0045.html#invite-mediated).
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// Reactions, [XEP-0444](https://xmpp.org/extensions/xep-0444.html).
const REACTIONS: &str = "urn:xmpp:reactions:0";
/// Markers, [XEP-0333](https://xmpp.org/extensions/xep-0333.html).
const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// Chat states, [XEP-0085](https://xmpp.org/extensions/xep-0085.html).
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";

/// How urgent a notification is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Urgency {
    /// Something to read. It may wait while the user is at another device.
    Message,
    /// Somebody calls: every device rings.
    Call,
}

/// Whether `message`, which came for an account, is worth waking a device that has not got it. What can't be had
/// later is not: the device would find nothing.
pub(super) fn urgency(message: &Stanza) -> Option<Urgency> {
    let Kind::Message(MessageType::Normal | MessageType::Chat) = message.kind() else {
        return None;
    };
    let is_call = message
        .children()
        .any(|child| child.is("propose", JINGLE_MESSAGE));
    if is_call {
        return Some(Urgency::Call);
    }
    let is_notable =
        !Hints::of(message).no_store && message.children().any(|child| has_news(&child));
    is_notable.then_some(Urgency::Message)
}

fn has_news(child: &stanza::ChildRef<'_>) -> bool {
    match child.ns() {
        Ns::Content => child.name() == "body",
        Ns::Uri(ENCRYPTION) => child.name() == "encryption",
        Ns::Uri(REACTIONS) => child.name() == "reactions",
        Ns::Uri(DIRECT_INVITATION) => child.name() == "x",
        Ns::Uri(MUC_USER) => child.tree().root().child("invite", MUC_USER).is_some(),
        Ns::Uri(_) => false,
    }
}

/// Whether the user, having sent `message`, has seen what came in that chat before: it says so, or goes on with it, or
/// answered the call.
pub(super) fn shows_that_it_was_read(message: &Stanza) -> bool {
    is_by_hand(message)
        && message.children().any(|child| match child.ns() {
            Ns::Uri(CHAT_STATES) => false,
            Ns::Uri(MARKERS) => matches!(child.name(), "displayed" | "acknowledged"),
            Ns::Uri(JINGLE_MESSAGE) => matches!(child.name(), "accept" | "proceed" | "reject"),
            _ => has_news(&child),
        })
}

/// Whether the user was at the device that sent `message`: a receipt goes out with nobody there.
pub(super) fn is_by_hand(message: &Stanza) -> bool {
    matches!(
        message.kind(),
        Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat)
    ) && message.children().any(|child| match child.ns() {
        Ns::Uri(CHAT_STATES) => !matches!(child.name(), "inactive" | "gone" | "paused"),
        Ns::Uri(MARKERS) => matches!(child.name(), "displayed" | "acknowledged"),
        Ns::Uri(JINGLE_MESSAGE) => true,
        _ => has_news(&child),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "<body>hi</body>";
    const COMPOSING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    const GONE: &str = "<gone xmlns='http://jabber.org/protocol/chatstates'/>";
    const RECEIPT: &str = "<received xmlns='urn:xmpp:receipts' id='1'/>";
    const DISPLAYED: &str = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
    const NO_STORE: &str = "<no-store xmlns='urn:xmpp:hints'/>";
    const PROPOSE: &str = "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>";

    #[test]
    fn a_device_is_woken_for_what_a_user_wants_to_be_told_of() {
        wakes("chat", BODY, Some(Urgency::Message));
        wakes("normal", BODY, Some(Urgency::Message));
        wakes(
            "chat",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>",
            Some(Urgency::Message),
        );
        wakes(
            "chat",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
            Some(Urgency::Message),
        );
        wakes(
            "normal",
            "<x xmlns='jabber:x:conference' jid='room@muc.example'/>",
            Some(Urgency::Message),
        );
        wakes(
            "normal",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@example'/></x>",
            Some(Urgency::Message),
        );
        wakes("chat", PROPOSE, Some(Urgency::Call));
        wakes("chat", &format!("{PROPOSE}{NO_STORE}"), Some(Urgency::Call));
    }

    #[test]
    fn nothing_else_wakes_it() {
        wakes("chat", COMPOSING, None);
        wakes("chat", RECEIPT, None);
        wakes("chat", DISPLAYED, None);
        wakes(
            "chat",
            "<retract xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            None,
        );
        wakes("chat", &format!("{BODY}{NO_STORE}"), None);
        wakes("headline", BODY, None);
        wakes("error", BODY, None);
        wakes("groupchat", BODY, None);
        wakes(
            "normal",
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>",
            None,
        );
    }

    #[test]
    fn the_users_own_word_and_markers_show_that_a_chat_was_read() {
        reads("chat", BODY, true);
        reads("chat", DISPLAYED, true);
        reads(
            "chat",
            "<proceed xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            true,
        );
        reads(
            "chat",
            "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
            false,
        );
        reads("chat", COMPOSING, false);
        reads("chat", RECEIPT, false);
        reads(
            "chat",
            "<received xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            false,
        );
        reads("error", BODY, false);
    }

    #[test]
    fn a_receipt_and_going_are_not_done_by_hand() {
        by_hand("chat", BODY, true);
        by_hand("groupchat", BODY, true);
        by_hand("chat", COMPOSING, true);
        by_hand("chat", DISPLAYED, true);
        by_hand("chat", GONE, false);
        by_hand("chat", RECEIPT, false);
        by_hand("error", BODY, false);
    }

    #[track_caller]
    fn wakes(kind: &str, child: &str, expected: Option<Urgency>) {
        assert_eq!(urgency(&message(kind, child)), expected, "{kind} {child}");
    }

    #[track_caller]
    fn reads(kind: &str, child: &str, expected: bool) {
        assert_eq!(
            shows_that_it_was_read(&message(kind, child)),
            expected,
            "{kind} {child}"
        );
    }

    #[track_caller]
    fn by_hand(kind: &str, child: &str, expected: bool) {
        assert_eq!(
            is_by_hand(&message(kind, child)),
            expected,
            "{kind} {child}"
        );
    }

    fn message(kind: &str, child: &str) -> Stanza {
        let text = format!("<message type='{kind}'>{child}</message>");
        let tree = xml::Tree::parse_fragment(&text).unwrap();
        Stanza::accept(&tree.root(), None).unwrap()
    }
}
