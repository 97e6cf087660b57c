//! Copies of messages as a user's other devices get them, [XEP-0280] 1.0.1: reading one, for whoever has to know what is
//! in it. Making them is the feature's.
//!
//! [XEP-0280]: https://xmpp.org/extensions/xep-0280.html

use crate::{Kind, Stanza, forward::Forwarded};

/// The namespace.
pub const NS: &str = "urn:xmpp:carbons:2";

/// What a carbon copies.
#[derive(Clone, Debug)]
pub enum Carbon {
    /// What the user sent on another device.
    Sent(Stanza),
    /// What another device of the user got.
    Received(Stanza),
}

impl Carbon {
    /// What `message` copies; `None` when it is no carbon. It is one only if it comes from the user's own bare JID,
    /// [§11], which is for the caller to know.
    ///
    /// [§11]: https://xmpp.org/extensions/xep-0280.html#security
    #[must_use]
    pub fn of(message: &Stanza) -> Option<Self> {
        if !matches!(message.kind(), Kind::Message(_)) {
            return None;
        }
        let child = message
            .children()
            .find(|child| child.is("received", NS) || child.is("sent", NS))?;
        let tree = child.tree();
        let forwarded = tree.root().child("forwarded", crate::forward::NS)?;
        let stanza = Forwarded::parse(&forwarded).ok()?.stanza;
        Some(match child.name() {
            "sent" => Self::Sent(stanza),
            _ => Self::Received(stanza),
        })
    }
}
