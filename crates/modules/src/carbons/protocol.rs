//! Wire forms of [XEP-0280](https://xmpp.org/extensions/xep-0280.html): two requests and the copy.

use engine::module::{BindElement, Method, Payload};
use jid::{BareJid, Jid};
use stanza::{Kind, Stanza, StanzaError, forward};
use xml::{Builder, Element};

/// The namespace.
pub(super) const NS: &str = stanza::carbon::NS;

/// The feature that promises the rules of [§6.1](https://xmpp.org/extensions/xep-0280.html#which-messages).
pub(super) const NS_RULES: &str = "urn:xmpp:carbons:rules:0";

/// `<enable/>`.
pub(super) struct Enable;

/// `<disable/>`.
pub(super) struct Disable;

/// Whether the user sent or received the message that is copied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    /// `<sent/>`.
    Sent,
    /// `<received/>`.
    Received,
}

impl Payload for Enable {
    const ELEMENT: &'static str = "enable";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl BindElement for Enable {
    const ELEMENT: &'static str = "enable";
    const NS: &'static str = NS;

    fn parse(_: &Element<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl Payload for Disable {
    const ELEMENT: &'static str = "disable";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

/// The copy of `message` for the resources of `account`: the same type, from the bare JID.
pub(super) fn copy(direction: Direction, message: &Stanza, account: &BareJid) -> Stanza {
    let name = match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    };
    let kind = match message.kind() {
        Kind::Message(kind) => kind,
        Kind::Presence(_) | Kind::Iq(_) => stanza::MessageType::Normal,
    };
    Stanza::message(kind)
        .with_from(Jid::from(account.clone()))
        .with_child(
            Builder::new(name, NS)
                .child(forward::forwarded(message, None))
                .build(),
        )
}
