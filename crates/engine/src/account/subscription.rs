//! The presence subscription machine of [RFC 6121 §3] and its appendix A, as pure functions.
//!
//! What a user and a contact are to each other is a [`Standing`]: one of the nine states of appendix A, whether the
//! contact is pre-approved ([§3.4]) and whether the roster lists it. [`outbound`], [`inbound`] and [`removal`] map a
//! standing and a stanza to the next standing and the [`Effect`]s, *in the order in which they are to happen*. The
//! caller stores the new standing and executes the effects; it decides nothing.
//!
//! Not here: the rule that nobody subscribes to himself (`pipeline::decide` drops such stanzas), probes, the stamping
//! of bare addresses and the roster protocol. A roster set never touches a standing: neither `subscription` (but
//! `remove`) nor `ask` nor `approved` is the client's to write.
//!
//! [RFC 6121 §3]: https://www.rfc-editor.org/rfc/rfc6121#section-3
//! [§3.4]: https://www.rfc-editor.org/rfc/rfc6121#section-3.4

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use stanza::PresenceType;

/// The four presence types that manage subscriptions, [RFC 6121 §3].
///
/// [RFC 6121 §3]: https://www.rfc-editor.org/rfc/rfc6121#section-3
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SubscriptionType {
    /// The sender asks to see the recipient's presence.
    Subscribe,
    /// The sender lets the recipient see its presence.
    Subscribed,
    /// The sender no longer wants to see the recipient's presence.
    Unsubscribe,
    /// The sender denies, or no longer lets the recipient see, its presence.
    Unsubscribed,
}

impl SubscriptionType {
    /// The subscription stanza that a presence stanza of this type is; `None` for the other types.
    #[must_use]
    pub const fn of(presence: PresenceType) -> Option<Self> {
        match presence {
            PresenceType::Subscribe => Some(Self::Subscribe),
            PresenceType::Subscribed => Some(Self::Subscribed),
            PresenceType::Unsubscribe => Some(Self::Unsubscribe),
            PresenceType::Unsubscribed => Some(Self::Unsubscribed),
            PresenceType::Available
            | PresenceType::Unavailable
            | PresenceType::Probe
            | PresenceType::Error => None,
        }
    }

    /// The presence type of such a stanza.
    #[must_use]
    pub const fn presence_type(self) -> PresenceType {
        match self {
            Self::Subscribe => PresenceType::Subscribe,
            Self::Subscribed => PresenceType::Subscribed,
            Self::Unsubscribe => PresenceType::Unsubscribe,
            Self::Unsubscribed => PresenceType::Unsubscribed,
        }
    }
}

/// What the roster protocol calls `subscription`, [RFC 6121 §2.1.2.5].
///
/// [RFC 6121 §2.1.2.5]: https://www.rfc-editor.org/rfc/rfc6121#section-2.1.2.5
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Subscription {
    /// Neither sees the other.
    #[default]
    None,
    /// The user sees the contact.
    To,
    /// The contact sees the user.
    From,
    /// Both see each other.
    Both,
}

impl Subscription {
    /// The value of the `subscription` attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::To => "to",
            Self::From => "from",
            Self::Both => "both",
        }
    }
}

/// The nine states of [RFC 6121 appendix A.1], seen from the user whose roster it is.
///
/// [RFC 6121 appendix A.1]: https://www.rfc-editor.org/rfc/rfc6121#appendix-A.1
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Neither is subscribed, nobody has asked.
    #[default]
    None,
    /// The user has asked, the contact has not answered.
    NonePendingOut,
    /// The contact has asked, the user has not answered.
    NonePendingIn,
    /// Both have asked, neither has answered.
    NonePendingOutIn,
    /// The user sees the contact.
    To,
    /// The user sees the contact, which has asked in its turn.
    ToPendingIn,
    /// The contact sees the user.
    From,
    /// The contact sees the user, which has asked in its turn.
    FromPendingOut,
    /// Both see each other.
    Both,
}

impl State {
    /// All nine, in the order of appendix A.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::NonePendingOut,
        Self::NonePendingIn,
        Self::NonePendingOutIn,
        Self::To,
        Self::ToPendingIn,
        Self::From,
        Self::FromPendingOut,
        Self::Both,
    ];

    /// The state that `subscription`, an unanswered request of ours (`asks`) and an unanswered request of the contact's
    /// (`pending_in`) make together. A request beside the subscription it asks for is answered, and so forgotten.
    #[must_use]
    pub const fn new(subscription: Subscription, asks: bool, pending_in: bool) -> Self {
        match (subscription, asks, pending_in) {
            (Subscription::None, false, false) => Self::None,
            (Subscription::None, true, false) => Self::NonePendingOut,
            (Subscription::None, false, true) => Self::NonePendingIn,
            (Subscription::None, true, true) => Self::NonePendingOutIn,
            (Subscription::To, _, false) => Self::To,
            (Subscription::To, _, true) => Self::ToPendingIn,
            (Subscription::From, false, _) => Self::From,
            (Subscription::From, true, _) => Self::FromPendingOut,
            (Subscription::Both, _, _) => Self::Both,
        }
    }

    /// What the roster shows as `subscription`.
    #[must_use]
    pub const fn subscription(self) -> Subscription {
        match self {
            Self::None | Self::NonePendingOut | Self::NonePendingIn | Self::NonePendingOutIn => {
                Subscription::None
            }
            Self::To | Self::ToPendingIn => Subscription::To,
            Self::From | Self::FromPendingOut => Subscription::From,
            Self::Both => Subscription::Both,
        }
    }

    /// Whether the user's request waits for the contact: the roster's `ask='subscribe'`. Such a request is sent again
    /// at initial presence.
    #[must_use]
    pub const fn asks(self) -> bool {
        matches!(
            self,
            Self::NonePendingOut | Self::NonePendingOutIn | Self::FromPendingOut
        )
    }

    /// Whether the contact's request waits for the user. The stored stanza is delivered to each resource that becomes
    /// available.
    #[must_use]
    pub const fn is_pending_in(self) -> bool {
        matches!(
            self,
            Self::NonePendingIn | Self::NonePendingOutIn | Self::ToPendingIn
        )
    }

    /// Whether the user is subscribed to the contact: `to` or `both`.
    #[must_use]
    pub const fn sees_contact(self) -> bool {
        matches!(self, Self::To | Self::ToPendingIn | Self::Both)
    }

    /// Whether the contact is subscribed to the user: `from` or `both`. Presence is broadcast to it and its probes are
    /// answered.
    #[must_use]
    pub const fn is_seen_by_contact(self) -> bool {
        matches!(self, Self::From | Self::FromPendingOut | Self::Both)
    }
}

/// What a user's account knows of one contact as far as subscriptions go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Standing {
    /// One of the nine states.
    #[serde(default)]
    pub state: State,
    /// The user has approved a request that has yet to come, [RFC 6121 §3.4]. It stays when the request came, as the
    /// RFC's examples show, and goes only when the user takes it back.
    ///
    /// [RFC 6121 §3.4]: https://www.rfc-editor.org/rfc/rfc6121#section-3.4
    #[serde(default)]
    pub approved: bool,
    /// The roster has an item for the contact. A contact that has asked and was not answered has a standing, but no
    /// item until the user makes one, [RFC 6121 §3.1.3].
    ///
    /// [RFC 6121 §3.1.3]: https://www.rfc-editor.org/rfc/rfc6121#section-3.1.3
    #[serde(default)]
    pub listed: bool,
}

impl Standing {
    /// Whether nothing is known, so that there is nothing to keep.
    #[must_use]
    pub fn is_blank(self) -> bool {
        self == Self::default()
    }

    /// What the roster item shows of it; `None` when there is no item.
    fn shown(self) -> Option<(Subscription, bool, bool)> {
        self.listed
            .then(|| (self.state.subscription(), self.state.asks(), self.approved))
    }
}

/// Which of the user's resources get a subscription stanza.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audience {
    /// Those that have sent presence: requests go there.
    Available,
    /// Those that have asked for the roster: answers and cancellations go there.
    Interested,
}

/// One thing to do. "To the contact" means its bare JID, and `from` is the user's bare JID unless a resource is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Keep the complete stanza, extended content included, until the user answers.
    StoreRequest,
    /// Forget the stanza kept by [`Effect::StoreRequest`].
    ForgetRequest,
    /// Send `unavailable` to the contact from each of the user's available resources.
    SendUnavailable,
    /// Route the user's stanza to the contact.
    Route,
    /// Deliver the contact's stanza to these resources of the user.
    Deliver(Audience),
    /// Send the contact a subscription stanza in the user's name.
    Send(SubscriptionType),
    /// Send the contact `unavailable` from the user's bare JID: the receipt for its request.
    ///
    /// It tells nothing: an account that does not exist answers the same.
    SendReceipt,
    /// Push the roster item as it now stands to the interested resources.
    Push,
    /// Push the removal of the item (`subscription='remove'`) to the interested resources.
    PushRemoval,
    /// Send the contact the current presence of each available resource.
    SendPresence,
    /// As [`Effect::SendPresence`], and `unavailable` from the bare JID when there is no available resource: the
    /// contact's server asked, so it believes it has to learn something.
    SendPresenceOrUnavailable,
    /// Probe the contact, [RFC 6121 §4.3](https://www.rfc-editor.org/rfc/rfc6121#section-4.3).
    Probe,
}

/// The effects of one stanza, in order. Never more than six, so nothing is allocated.
pub type Effects = SmallVec<[Effect; 6]>;

/// What one stanza does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transition {
    /// The standing from now on. To be stored when it differs from the one before; to be deleted when it
    /// [is blank](Standing::is_blank).
    pub standing: Standing,
    /// What to do, in this order.
    pub effects: Effects,
}

/// The user sends a subscription stanza to the contact, [RFC 6121 appendix A.2].
///
/// [RFC 6121 appendix A.2]: https://www.rfc-editor.org/rfc/rfc6121#appendix-A.2
#[must_use]
pub fn outbound(before: Standing, stanza: SubscriptionType) -> Transition {
    match stanza {
        SubscriptionType::Subscribe => outbound_subscribe(before),
        SubscriptionType::Subscribed => outbound_subscribed(before),
        SubscriptionType::Unsubscribe => outbound_unsubscribe(before),
        SubscriptionType::Unsubscribed => outbound_unsubscribed(before),
    }
}

/// A subscription stanza of the contact's arrives for the user, [RFC 6121 appendix A.3].
///
/// [RFC 6121 appendix A.3]: https://www.rfc-editor.org/rfc/rfc6121#appendix-A.3
#[must_use]
pub fn inbound(before: Standing, stanza: SubscriptionType) -> Transition {
    match stanza {
        SubscriptionType::Subscribe => inbound_subscribe(before),
        SubscriptionType::Subscribed => inbound_subscribed(before),
        SubscriptionType::Unsubscribe => inbound_unsubscribe(before),
        SubscriptionType::Unsubscribed => inbound_unsubscribed(before),
    }
}

/// The user removes the roster item, or the account goes: all ties end, [RFC 6121 §2.5.2].
///
/// Also ends what only hangs in the air: a request of the contact's is denied, one of ours taken back, a pre-approval
/// cancelled.
///
/// [RFC 6121 §2.5.2]: https://www.rfc-editor.org/rfc/rfc6121#section-2.5.2
#[must_use]
pub fn removal(before: Standing) -> Transition {
    let state = before.state;
    let mut effects = Effects::new();
    if state.is_pending_in() {
        effects.push(Effect::ForgetRequest);
    }
    if state.is_seen_by_contact() {
        effects.push(Effect::SendUnavailable);
    }
    if state.is_seen_by_contact() || state.is_pending_in() {
        effects.push(Effect::Send(SubscriptionType::Unsubscribed));
    }
    if state.sees_contact() || state.asks() {
        effects.push(Effect::Send(SubscriptionType::Unsubscribe));
    }
    if before.listed {
        effects.push(Effect::PushRemoval);
    }
    Transition {
        standing: Standing::default(),
        effects,
    }
}

/// [§3.1.2](https://www.rfc-editor.org/rfc/rfc6121#section-3.1.2): always routed, so that a request that got lost can
/// be repeated.
fn outbound_subscribe(before: Standing) -> Transition {
    let state = match before.state {
        State::None => State::NonePendingOut,
        State::NonePendingIn => State::NonePendingOutIn,
        State::From => State::FromPendingOut,
        other => other,
    };
    let after = Standing {
        state,
        listed: true,
        ..before
    };
    finish(before, after, [Effect::Route], [])
}

/// [§3.3.2](https://www.rfc-editor.org/rfc/rfc6121#section-3.3.2): always routed, so that both sides agree in the end.
fn outbound_unsubscribe(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingOut | State::To => State::None,
        State::NonePendingOutIn | State::ToPendingIn => State::NonePendingIn,
        State::FromPendingOut | State::Both => State::From,
        other => other,
    };
    finish(before, Standing { state, ..before }, [Effect::Route], [])
}

/// [§3.1.5](https://www.rfc-editor.org/rfc/rfc6121#section-3.1.5) answers a request; without one it is a pre-approval,
/// [§3.4.2](https://www.rfc-editor.org/rfc/rfc6121#section-3.4.2), which is not routed; from a contact that is
/// subscribed already it is ignored.
fn outbound_subscribed(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingIn => State::From,
        State::NonePendingOutIn => State::FromPendingOut,
        State::ToPendingIn => State::Both,
        State::None | State::NonePendingOut | State::To => {
            let after = Standing {
                approved: true,
                listed: true,
                ..before
            };
            return finish(before, after, [], []);
        }
        State::From | State::FromPendingOut | State::Both => return ignored(before),
    };
    let after = Standing {
        state,
        listed: true,
        ..before
    };
    let then = [Some(Effect::SendPresence), probe_if_mutual(state)];
    finish(
        before,
        after,
        [Effect::ForgetRequest, Effect::Route],
        then.into_iter().flatten(),
    )
}

/// [§3.2.2](https://www.rfc-editor.org/rfc/rfc6121#section-3.2.2): denies a request or ends a subscription, and takes a
/// pre-approval back in any state. The contact learns that the user is gone while it may still see it, hence the
/// order. Without anything to deny it is not routed.
fn outbound_unsubscribed(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingIn | State::From => State::None,
        State::NonePendingOutIn | State::FromPendingOut => State::NonePendingOut,
        State::ToPendingIn | State::Both => State::To,
        other @ (State::None | State::NonePendingOut | State::To) => other,
    };
    let after = Standing {
        state,
        approved: false,
        ..before
    };
    let pending = before
        .state
        .is_pending_in()
        .then_some(Effect::ForgetRequest);
    let seen = before
        .state
        .is_seen_by_contact()
        .then_some(Effect::SendUnavailable);
    let route = (state != before.state).then_some(Effect::Route);
    finish(
        before,
        after,
        [pending, seen, route].into_iter().flatten(),
        [],
    )
}

/// [§3.1.3](https://www.rfc-editor.org/rfc/rfc6121#section-3.1.3). A contact that is subscribed or pre-approved is
/// answered in the user's name and sees it at once; the user is not asked. A request is kept and shown once.
fn inbound_subscribe(before: Standing) -> Transition {
    if before.state.is_seen_by_contact() {
        let effects = [Effect::Send(SubscriptionType::Subscribed)];
        return finish(before, before, effects, [Effect::SendPresenceOrUnavailable]);
    }
    if before.approved {
        return approve_at_once(before);
    }
    let state = match before.state {
        State::None => State::NonePendingIn,
        State::NonePendingOut => State::NonePendingOutIn,
        State::To => State::ToPendingIn,
        other => {
            return finish(
                before,
                Standing {
                    state: other,
                    ..before
                },
                [Effect::SendReceipt],
                [],
            );
        }
    };
    let effects = [
        Effect::StoreRequest,
        Effect::SendReceipt,
        Effect::Deliver(Audience::Available),
    ];
    finish(before, Standing { state, ..before }, effects, [])
}

/// The user approved before the contact asked, [§3.4.2](https://www.rfc-editor.org/rfc/rfc6121#section-3.4.2).
fn approve_at_once(before: Standing) -> Transition {
    let state = match before.state.subscription() {
        Subscription::None => State::new(Subscription::From, before.state.asks(), false),
        Subscription::To | Subscription::From | Subscription::Both => State::Both,
    };
    let after = Standing {
        state,
        listed: true,
        ..before
    };
    let pending = before
        .state
        .is_pending_in()
        .then_some(Effect::ForgetRequest);
    let first = pending
        .into_iter()
        .chain([Effect::Send(SubscriptionType::Subscribed)]);
    let then = [
        Some(Effect::SendPresenceOrUnavailable),
        probe_if_mutual(state),
    ];
    finish(before, after, first, then.into_iter().flatten())
}

/// [§3.3.3](https://www.rfc-editor.org/rfc/rfc6121#section-3.3.3): the contact stops seeing the user, and is told so by
/// `unavailable` from each resource; or it takes its request back.
fn inbound_unsubscribe(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingIn | State::From => State::None,
        State::NonePendingOutIn | State::FromPendingOut => State::NonePendingOut,
        State::ToPendingIn | State::Both => State::To,
        State::None | State::NonePendingOut | State::To => return ignored(before),
    };
    let pending = before
        .state
        .is_pending_in()
        .then_some(Effect::ForgetRequest);
    let first = pending
        .into_iter()
        .chain([Effect::Deliver(Audience::Interested)]);
    let seen = before
        .state
        .is_seen_by_contact()
        .then_some(Effect::SendUnavailable);
    finish(before, Standing { state, ..before }, first, seen)
}

/// [§3.1.6](https://www.rfc-editor.org/rfc/rfc6121#section-3.1.6): only an answer to a request of ours counts.
fn inbound_subscribed(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingOut => State::To,
        State::NonePendingOutIn => State::ToPendingIn,
        State::FromPendingOut => State::Both,
        _ => return ignored(before),
    };
    let effects = [Effect::Deliver(Audience::Interested)];
    finish(before, Standing { state, ..before }, effects, [])
}

/// [§3.2.3](https://www.rfc-editor.org/rfc/rfc6121#section-3.2.3): the contact denies our request or ends our
/// subscription.
fn inbound_unsubscribed(before: Standing) -> Transition {
    let state = match before.state {
        State::NonePendingOut | State::To => State::None,
        State::NonePendingOutIn | State::ToPendingIn => State::NonePendingIn,
        State::FromPendingOut | State::Both => State::From,
        State::None | State::NonePendingIn | State::From => return ignored(before),
    };
    let effects = [Effect::Deliver(Audience::Interested)];
    finish(before, Standing { state, ..before }, effects, [])
}

/// A subscription that has just become mutual is a good moment to learn the contact's presence anew.
fn probe_if_mutual(state: State) -> Option<Effect> {
    (state == State::Both).then_some(Effect::Probe)
}

fn ignored(before: Standing) -> Transition {
    finish(before, before, [], [])
}

/// Puts a push between `first` and `then` if the roster item looks different from before.
fn finish(
    before: Standing,
    after: Standing,
    first: impl IntoIterator<Item = Effect>,
    then: impl IntoIterator<Item = Effect>,
) -> Transition {
    let push = (before.shown() != after.shown()).then_some(Effect::Push);
    Transition {
        standing: after,
        effects: first.into_iter().chain(push).chain(then).collect(),
    }
}

#[cfg(test)]
#[path = "subscription_tests.rs"]
mod tests;
