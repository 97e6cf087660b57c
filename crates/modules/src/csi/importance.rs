//! What a sleeping device is woken for, as one pure function.
//!
//! The same as with Prosody: whatever a user would want to be told of, and whatever somebody waits for an answer to.

use stanza::{Kind, MessageType, PresenceType, Stanza, carbon::Carbon};
use xml::Ns;

/// Which encryption a message is under, [XEP-0380](https://xmpp.org/extensions/xep-0380.html).
const ENCRYPTION: &str = "urn:xmpp:eme:0";
/// Direct invitations to a room, [XEP-0249](https://xmpp.org/extensions/xep-0249.html).
const DIRECT_INVITATION: &str = "jabber:x:conference";
/// What a room adds, [XEP-0045](https://xmpp.org/extensions/xep-0045.html#invite-mediated): invitations are of it.
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// Calls, [XEP-0353](https://xmpp.org/extensions/xep-0353.html).
const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";

/// The name of a child with its namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PayloadName {
    ns: String,
    name: String,
}

impl PayloadName {
    /// Reads `{namespace}name`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ns, name) = text.strip_prefix('{')?.split_once('}')?;
        let is_plain = !ns.is_empty() && !name.is_empty() && !name.contains(['{', '}', ' ']);
        is_plain.then(|| Self {
            ns: ns.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Whether `stanza` is sent to an inactive client at once.
pub(super) fn is_important(stanza: &Stanza, named: &[PayloadName]) -> bool {
    match stanza.kind() {
        // Somebody waits for the answer, or the client for this.
        Kind::Iq(_) => true,
        Kind::Presence(kind) => match kind {
            PresenceType::Available
            | PresenceType::Unavailable
            | PresenceType::Error
            | PresenceType::Probe => false,
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed => true,
        },
        Kind::Message(MessageType::Headline) => false,
        Kind::Message(MessageType::Error) => true,
        Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat) => {
            match Carbon::of(stanza) {
                // The user is at another device: what this one shows as new is so no more.
                Some(Carbon::Sent(_)) => true,
                Some(Carbon::Received(copied)) => has_payload(&copied, named),
                None => has_payload(stanza, named),
            }
        }
    }
}

/// Something to be read, decided or answered.
fn has_payload(message: &Stanza, named: &[PayloadName]) -> bool {
    message.children().any(|child| match child.ns() {
        Ns::Content => matches!(child.name(), "body" | "subject"),
        Ns::Uri(ENCRYPTION) => child.name() == "encryption",
        Ns::Uri(JINGLE_MESSAGE) => true,
        Ns::Uri(DIRECT_INVITATION) => child.name() == "x",
        Ns::Uri(MUC_USER) => child.tree().root().child("invite", MUC_USER).is_some(),
        Ns::Uri(ns) => named
            .iter()
            .any(|payload| payload.ns == ns && payload.name == child.name()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_waits_but_requests_do_not() {
        waits("<presence from='a@example/1'/>");
        waits("<presence from='a@example/1' type='unavailable'/>");
        waits("<presence from='a@example/1' type='error'/>");
        wakes("<presence from='a@example' type='subscribe'/>");
        wakes("<presence from='a@example' type='subscribed'/>");
        wakes("<presence from='a@example' type='unsubscribe'/>");
        wakes("<presence from='a@example' type='unsubscribed'/>");
    }

    #[test]
    fn every_iq_wakes() {
        wakes("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
        wakes("<iq type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>");
        wakes("<iq type='result' id='1'/>");
        wakes("<iq type='error' id='1'/>");
    }

    #[test]
    fn a_message_wakes_for_what_a_user_wants_to_be_told_of() {
        wakes("<message type='chat'><body>hi</body></message>");
        wakes("<message type='groupchat'><body>hi</body></message>");
        wakes("<message type='groupchat'><subject/></message>");
        wakes("<message type='error'/>");
        wakes(
            "<message><encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/></message>",
        );
        wakes("<message><x xmlns='jabber:x:conference' jid='room@muc.example'/></message>");
        wakes(
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@example'/></x></message>",
        );
        wakes("<message><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>");
        wakes("<message><retract xmlns='urn:xmpp:jingle-message:0' id='1'/></message>");
    }

    #[test]
    fn other_messages_wait() {
        waits("<message type='chat'/>");
        waits("<message type='headline'><body>news</body></message>");
        waits(
            "<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        );
        waits("<message><received xmlns='urn:xmpp:receipts' id='1'/></message>");
        waits("<message><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>");
        waits(
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>",
        );
        waits("<message><alarm xmlns='urn:example:alarm'/></message>");
    }

    #[test]
    fn a_copy_counts_as_what_it_copies_and_one_of_the_users_own_wakes() {
        let body = "<body>hi</body>";
        let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        wakes(&copy("received", body));
        waits(&copy("received", typing));
        wakes(&copy("sent", body));
        wakes(&copy("sent", typing));
    }

    fn copy(direction: &str, child: &str) -> String {
        format!(
            "<message from='romeo@example' type='chat'><{direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat' from='juliet@example/phone'>{child}</message></forwarded></{direction}></message>"
        )
    }

    #[test]
    fn an_operator_may_name_more() {
        let alarm = PayloadName::parse("{urn:example:alarm}alarm").unwrap();
        let message = stanza("<message><alarm xmlns='urn:example:alarm'/></message>");
        assert!(is_important(&message, &[alarm.clone()]));
        let other = stanza("<message><test xmlns='urn:example:alarm'/></message>");
        assert!(!is_important(&other, &[alarm]));
        for wrong in [
            "",
            "alarm",
            "{}alarm",
            "{urn:example:alarm}",
            "{a}b/{c}d",
            "a}b",
        ] {
            assert_eq!(PayloadName::parse(wrong), None, "{wrong}");
        }
    }

    fn stanza(xml: &str) -> Stanza {
        let tree = xml::Tree::parse_fragment(xml).unwrap();
        Stanza::accept(&tree.root(), None).unwrap()
    }

    #[track_caller]
    fn wakes(xml: &str) {
        assert!(is_important(&stanza(xml), &[]), "{xml}");
    }

    #[track_caller]
    fn waits(xml: &str) {
        assert!(!is_important(&stanza(xml), &[]), "{xml}");
    }
}
