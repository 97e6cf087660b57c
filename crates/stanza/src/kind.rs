//! What a stanza is: message, presence or IQ, each with the types RFC 6120 and RFC 6121 define.
//!
//! Not here: what a type means for delivery (the router decides that), nor the rules a stanza must keep (`accept.rs`).

/// The kind of a stanza together with its type, [RFC 6120 §8.2].
///
/// [RFC 6120 §8.2]: https://www.rfc-editor.org/rfc/rfc6120#section-8.2
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// `<message/>`: pushed to its recipient.
    Message(MessageType),
    /// `<presence/>`: broadcast, or a step of a subscription.
    Presence(PresenceType),
    /// `<iq/>`: a request or its one answer.
    Iq(IqType),
}

/// The types of `<message/>`, [RFC 6121 §5.2.2].
///
/// [RFC 6121 §5.2.2]: https://www.rfc-editor.org/rfc/rfc6121#section-5.2.2
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum MessageType {
    /// A single message; also what a missing or unknown type means.
    #[default]
    Normal,
    /// Part of a conversation between two.
    Chat,
    /// To or from a room.
    Groupchat,
    /// An alert that expects no answer and is not kept.
    Headline,
    /// Says that an earlier message failed.
    Error,
}

/// The types of `<presence/>`, [RFC 6121 §4.7.1].
///
/// [RFC 6121 §4.7.1]: https://www.rfc-editor.org/rfc/rfc6121#section-4.7.1
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PresenceType {
    /// No type: the sender is available.
    #[default]
    Available,
    /// The sender is no longer available.
    Unavailable,
    /// Asks to see the recipient's presence.
    Subscribe,
    /// Allows the recipient to see the sender's presence.
    Subscribed,
    /// No longer wants to see the recipient's presence.
    Unsubscribe,
    /// Refuses, or no longer allows, the recipient to see the sender's presence.
    Unsubscribed,
    /// A server asks for a contact's current presence.
    Probe,
    /// Says that an earlier presence stanza failed.
    Error,
}

/// The types of `<iq/>`, [RFC 6120 §8.2.3].
///
/// [RFC 6120 §8.2.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.2.3
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IqType {
    /// Asks for information.
    Get,
    /// Asks for a change.
    Set,
    /// Answers a get or set that succeeded.
    Result,
    /// Answers a get or set that failed.
    Error,
}

impl Kind {
    /// The name of the element: `message`, `presence` or `iq`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Presence(_) => "presence",
            Self::Iq(_) => "iq",
        }
    }

    /// The value of the `type` attribute; nothing for available presence, which has none.
    #[must_use]
    pub fn type_name(self) -> Option<&'static str> {
        match self {
            Self::Message(kind) => Some(kind.name()),
            Self::Presence(kind) => kind.name(),
            Self::Iq(kind) => Some(kind.name()),
        }
    }

    /// Whether the stanza reports an error, which nothing may answer ([RFC 6120 §8.3.1]).
    ///
    /// [RFC 6120 §8.3.1]: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.1
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Self::Message(MessageType::Error)
                | Self::Presence(PresenceType::Error)
                | Self::Iq(IqType::Error)
        )
    }

    /// Whether the stanza is an IQ that must be answered exactly once.
    #[must_use]
    pub fn is_request(self) -> bool {
        matches!(self, Self::Iq(IqType::Get | IqType::Set))
    }

    /// Whether an error may be sent back for it: never for an error, nor for an IQ result.
    #[must_use]
    pub fn may_be_answered(self) -> bool {
        !self.is_error() && self != Self::Iq(IqType::Result)
    }

    /// The same kind with the type `error`.
    #[must_use]
    pub fn into_error(self) -> Self {
        match self {
            Self::Message(_) => Self::Message(MessageType::Error),
            Self::Presence(_) => Self::Presence(PresenceType::Error),
            Self::Iq(_) => Self::Iq(IqType::Error),
        }
    }
}

impl MessageType {
    /// The value of the `type` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Chat => "chat",
            Self::Groupchat => "groupchat",
            Self::Headline => "headline",
            Self::Error => "error",
        }
    }

    /// Reads the `type` attribute. An unknown type counts as [`MessageType::Normal`].
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "chat" => Self::Chat,
            "groupchat" => Self::Groupchat,
            "headline" => Self::Headline,
            "error" => Self::Error,
            _ => Self::Normal,
        }
    }
}

impl PresenceType {
    /// The value of the `type` attribute; nothing for [`PresenceType::Available`].
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Available => None,
            Self::Unavailable => Some("unavailable"),
            Self::Subscribe => Some("subscribe"),
            Self::Subscribed => Some("subscribed"),
            Self::Unsubscribe => Some("unsubscribe"),
            Self::Unsubscribed => Some("unsubscribed"),
            Self::Probe => Some("probe"),
            Self::Error => Some("error"),
        }
    }

    /// Reads the `type` attribute; nothing when it is none of the defined ones.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "unavailable" => Self::Unavailable,
            "subscribe" => Self::Subscribe,
            "subscribed" => Self::Subscribed,
            "unsubscribe" => Self::Unsubscribe,
            "unsubscribed" => Self::Unsubscribed,
            "probe" => Self::Probe,
            "error" => Self::Error,
            _ => return None,
        })
    }

    /// Whether it belongs to the handling of subscriptions, [RFC 6121 §3].
    ///
    /// [RFC 6121 §3]: https://www.rfc-editor.org/rfc/rfc6121#section-3
    #[must_use]
    pub fn is_subscription(self) -> bool {
        matches!(
            self,
            Self::Subscribe | Self::Subscribed | Self::Unsubscribe | Self::Unsubscribed
        )
    }
}

impl IqType {
    /// The value of the `type` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// Reads the `type` attribute; nothing when it is none of the four.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "get" => Self::Get,
            "set" => Self::Set,
            "result" => Self::Result,
            "error" => Self::Error,
            _ => return None,
        })
    }
}
