//! Who of an account gets a stanza: [RFC 6121 §8.5] as one pure function.
//!
//! [`decide`] looks at the stanza's kind, at the form of its `to` and at the account's connected resources, and says
//! which of them get it or what happens instead. [`decide_for_nobody`] does the same for an account that does not
//! exist. Neither touches the stanza, a session or the store; what follows from the answer is the caller's.
//!
//! A connected resource is one with a full JID, whether or not it has sent presence, and whether or not a transport is
//! attached to it: a detached session that may still be resumed receives like any other.
//!
//! [RFC 6121 §8.5]: https://www.rfc-editor.org/rfc/rfc6121#section-8.5

use smallvec::{SmallVec, smallvec};
use stanza::{Condition, IqType, Kind, MessageType, PresenceType};

/// The form of the recipient's address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Target {
    /// The account's bare JID.
    Bare,
    /// A full JID of the account.
    Full,
    /// The sender's own bare JID, be it by name or by leaving `to` out.
    OwnBare,
    /// A full JID of the sender's own account.
    OwnFull,
}

impl Target {
    const fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::OwnFull)
    }

    const fn is_own(self) -> bool {
        matches!(self, Self::OwnBare | Self::OwnFull)
    }
}

/// What counts of one connected resource.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Resource {
    /// Its full JID is the stanza's `to`. Always false for a bare target.
    pub matches: bool,
    /// It has sent available presence and not taken it back.
    pub available: bool,
    /// The priority of that presence; without meaning while not available.
    pub priority: i8,
}

/// Positions in the list of resources that was given to [`decide`], ascending.
pub type Recipients = SmallVec<[usize; 4]>;

/// What happens to the stanza.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// These resources get it. Never empty.
    Deliver(Recipients),
    /// Nobody can take it now: it is kept until somebody can.
    ///
    /// Whether this message may be kept at all (XEP-0160, XEP-0334) and what is answered when it may not or when the
    /// mailbox is full is for the mailbox to say.
    Store,
    /// The account itself takes it: its subscription rules, its answer to probes and IQs, its wait for IQ results.
    Handle,
    /// The sender gets this stanza error.
    Refuse(Condition),
    /// Nothing happens.
    Drop,
}

/// What to do with a stanza of `kind` for an account that exists and has these connected `resources`.
///
/// Allocates nothing for up to four recipients. `resources` is walked at most twice.
#[must_use]
pub fn decide(
    kind: Kind,
    target: Target,
    resources: impl Iterator<Item = Resource> + Clone,
) -> Decision {
    // Subscriptions and probes concern the account, whatever resource they name, and nobody subscribes to himself.
    if let Kind::Presence(presence) = kind {
        match presence {
            PresenceType::Probe => return Decision::Handle,
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed => {
                return if target.is_own() {
                    Decision::Drop
                } else {
                    Decision::Handle
                };
            }
            PresenceType::Available | PresenceType::Unavailable | PresenceType::Error => {}
        }
    }
    if target.is_full() {
        match resources.clone().position(|resource| resource.matches) {
            Some(index) => Decision::Deliver(smallvec![index]),
            None => without_match(kind, resources),
        }
    } else {
        for_bare(kind, resources)
    }
}

/// What to do with a stanza for an account that does not exist, [RFC 6121 §8.5.1].
///
/// Subscription stanzas and probes are handled, with nothing known of the sender, so that an account that does not
/// exist answers them as one that knows the sender not; nothing may be stored for it.
///
/// [RFC 6121 §8.5.1]: https://www.rfc-editor.org/rfc/rfc6121#section-8.5.1
#[must_use]
pub fn decide_for_nobody(kind: Kind) -> Decision {
    match kind {
        Kind::Message(MessageType::Normal | MessageType::Chat | MessageType::Groupchat)
        | Kind::Iq(IqType::Get | IqType::Set) => Decision::Refuse(Condition::ServiceUnavailable),
        Kind::Presence(PresenceType::Subscribe | PresenceType::Probe) => Decision::Handle,
        Kind::Message(MessageType::Headline | MessageType::Error)
        | Kind::Iq(IqType::Result | IqType::Error)
        | Kind::Presence(
            PresenceType::Available
            | PresenceType::Unavailable
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Error,
        ) => Decision::Drop,
    }
}

/// The bare JID, [RFC 6121 §8.5.2](https://www.rfc-editor.org/rfc/rfc6121#section-8.5.2).
fn for_bare(kind: Kind, resources: impl Iterator<Item = Resource> + Clone) -> Decision {
    match kind {
        Kind::Message(MessageType::Normal | MessageType::Chat) => most_available(resources),
        Kind::Message(MessageType::Headline) => to_all(resources, |resource| {
            resource.available && resource.priority >= 0
        }),
        Kind::Message(MessageType::Groupchat) => Decision::Refuse(Condition::ServiceUnavailable),
        Kind::Message(MessageType::Error) => Decision::Drop,
        // The priority counts for messages only. An error tells of what was sent with a bare `from`, such as a
        // subscription request, hence to all who may have sent it.
        Kind::Presence(_) => to_all(resources, |resource| resource.available),
        Kind::Iq(_) => Decision::Handle,
    }
}

/// A full JID that no connected resource has,
/// [RFC 6121 §8.5.3.2](https://www.rfc-editor.org/rfc/rfc6121#section-8.5.3.2).
fn without_match(kind: Kind, resources: impl Iterator<Item = Resource> + Clone) -> Decision {
    match kind {
        // DEVIATION: §8.5.3.2.1 lets only `chat` fall back to the bare JID and wants `normal` ignored or refused. But
        // `normal` is also what a missing type means: receipts, invitations and encrypted key transports would be lost
        // whenever a client reconnects under a new resource. Prosody does the same.
        Kind::Message(MessageType::Normal | MessageType::Chat) => most_available(resources),
        // A room relies on this error to learn that its occupant has gone.
        Kind::Message(MessageType::Groupchat) | Kind::Iq(IqType::Get | IqType::Set) => {
            Decision::Refuse(Condition::ServiceUnavailable)
        }
        Kind::Message(MessageType::Headline | MessageType::Error)
        | Kind::Presence(_)
        | Kind::Iq(IqType::Result | IqType::Error) => Decision::Drop,
    }
}

/// All resources that share the highest non-negative priority, or the store; a negative priority never receives what
/// was not sent to it by name, [RFC 6121 §8.5.2.1.1](https://www.rfc-editor.org/rfc/rfc6121#section-8.5.2.1.1).
fn most_available(resources: impl Iterator<Item = Resource> + Clone) -> Decision {
    let highest = resources
        .clone()
        .filter(|resource| resource.available && resource.priority >= 0)
        .map(|resource| resource.priority)
        .max();
    match highest {
        Some(priority) => to_all(resources, |resource| {
            resource.available && resource.priority == priority
        }),
        None => Decision::Store,
    }
}

/// All resources that are `wanted`, or nobody.
fn to_all(
    resources: impl Iterator<Item = Resource>,
    wanted: impl Fn(&Resource) -> bool,
) -> Decision {
    let recipients: Recipients = resources
        .enumerate()
        .filter(|(_, resource)| wanted(resource))
        .map(|(index, _)| index)
        .collect();
    if recipients.is_empty() {
        Decision::Drop
    } else {
        Decision::Deliver(recipients)
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
