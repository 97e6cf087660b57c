//! Presence of an account's resources: broadcast, probes, directed presence, RFC 6121 §4.
//!
//! Subscription stanzas are in `subscriptions`; here is what goes out and comes in once it is clear
//! who may see whom.

use std::sync::Arc;

use jid::{BareJid, FullJid, Jid};
use stanza::{Kind, PresenceType, Stanza, delay::Delay};

use super::{
    Account, Presence, Resource, mail, noted, subscription::SubscriptionType, subscriptions,
};
use crate::{
    envelope::Envelope,
    pipeline::{
        Context,
        events::{PresenceArrived, PresenceSent, SessionAvailable, SessionUnavailable},
    },
    sabotage::Sabotage,
    session::SessionId,
};

/// A resource of this account sent presence.
pub(crate) fn sent(account: &mut Account, cx: &Context<'_>, mut event: PresenceSent) {
    let Kind::Presence(kind) = event.envelope.stanza().kind() else {
        return;
    };
    let Some(session) = event.envelope.session().map(|session| session.id()) else {
        return;
    };
    let own = event.envelope.to().as_str() == account.jid().as_str();
    match kind {
        PresenceType::Available if own => {
            available(account, cx, session, event.envelope.stanza().clone())
        }
        PresenceType::Unavailable if own => {
            unavailable(account, cx, session, event.envelope.stanza())
        }
        PresenceType::Available | PresenceType::Unavailable => {
            directed(account, cx, session, event.envelope)
        }
        PresenceType::Subscribe => {
            subscriptions::sent(account, cx, event.envelope, SubscriptionType::Subscribe)
        }
        PresenceType::Subscribed => {
            subscriptions::sent(account, cx, event.envelope, SubscriptionType::Subscribed)
        }
        PresenceType::Unsubscribe => {
            subscriptions::sent(account, cx, event.envelope, SubscriptionType::Unsubscribe)
        }
        PresenceType::Unsubscribed => {
            subscriptions::sent(account, cx, event.envelope, SubscriptionType::Unsubscribed)
        }
        // A client's own probe is answered like any other's, [§4.3.1].
        PresenceType::Probe => {
            let to = event.envelope.to().clone();
            event.envelope.redirect(to);
            cx.route(event.envelope);
        }
        PresenceType::Error if own => {}
        PresenceType::Error => cx.route(event.envelope),
    }
}

/// Initial or subsequent presence, [RFC 6121 §4.2](https://www.rfc-editor.org/rfc/rfc6121#section-4.2) and §4.4.
fn available(account: &mut Account, cx: &Context<'_>, session: SessionId, stanza: Arc<Stanza>) {
    let now = Presence::new(&stanza, cx.timestamp());
    let priority = now.priority;
    let Some(resource) = account.resource_mut(session) else {
        return;
    };
    let before = resource.presence.replace(now);
    let from: Jid = resource.full_jid().clone().into();
    push_to_available(account, cx, &stanza);
    broadcast(account, cx, &from, &stanza);
    if before.is_none() {
        noted::changed(account, cx, session);
        greet(account, cx, session);
        cx.tell(SessionAvailable { session }, account);
    } else {
        noted::changed_if_resumable(account, cx, session);
    }
    if priority >= 0 && before.is_none_or(|before| before.priority < 0) {
        mail::flush(account, cx, session);
    }
}

/// What a newly available resource sets off: probes, the others' presence, open requests.
fn greet(account: &mut Account, cx: &Context<'_>, session: SessionId) {
    let own: Jid = account.jid().clone().into();
    let Some(resource) = account.resource(session) else {
        return;
    };
    let own_resource = resource.full_jid().clone();
    for contact in account.contacts().standings() {
        let state = contact.standing().state;
        if !(state.sees_contact() || state.asks()) {
            continue;
        }
        let contact = Jid::from(contact.into_jid());
        if !cx.may_address(account, &contact) {
            continue;
        }
        if state.sees_contact() {
            let probe = Stanza::presence(PresenceType::Probe);
            cx.route(Envelope::from_resource(
                &own_resource,
                contact.clone(),
                probe,
            ));
        }
        if state.asks() {
            let again = Stanza::presence(PresenceType::Subscribe);
            cx.route(Envelope::from_account(account.jid(), contact, again));
        }
    }
    let Some(resource) = account.resource(session) else {
        return;
    };
    let to = resource.session().clone();
    push_others(account, cx, resource);
    for (contact, request) in account.contacts().requests() {
        if account.contacts().standing(contact).state.is_pending_in()
            && !account.contacts().is_provided(contact)
            && cx.may_address(account, &contact.into())
        {
            cx.push_to(&to, request, own.clone());
        }
    }
}

/// A client that was away for a while may have missed presence: its contacts are asked for theirs on its behalf, and it
/// gets that of the own resources. Which of a contact's resources it saw last nobody knows any more, and no answer names
/// those that have gone since: so it is told first that none is there.
pub(super) fn ask_again(account: &Account, cx: &Context<'_>, session: SessionId) {
    let Some(resource) = account.resource(session).filter(|it| it.is_available()) else {
        return;
    };
    let asker = resource.full_jid();
    for contact in account.contacts().standings() {
        let state = contact.standing().state;
        let contact_jid = Jid::from(contact.into_jid());
        if state.sees_contact() && cx.may_address(account, &contact_jid) {
            let gone = Stanza::presence(PresenceType::Unavailable)
                .with_from(contact_jid.clone())
                .with_to(Some(asker.clone().into()));
            cx.push(resource.session(), &Arc::new(gone));
            let probe = Stanza::presence(PresenceType::Probe);
            cx.route(Envelope::from_resource(asker, contact_jid, probe));
        }
    }
    push_others(account, cx, resource);
}

/// A resource gets the presence of the account's others.
fn push_others(account: &Account, cx: &Context<'_>, resource: &Resource) {
    let others = account
        .resources()
        .filter(|other| other.full_jid() != resource.full_jid());
    for other in others {
        if let Some(presence) = other.presence() {
            let stanza = presence.stanza(other.full_jid());
            cx.push(resource.session(), &Arc::new(stanza));
        }
    }
}

/// The resource says that it is gone, or ends while it was available: contacts, own resources and
/// every directed-presence target are told, once.
pub(crate) fn unavailable(
    account: &mut Account,
    cx: &Context<'_>,
    session: SessionId,
    stanza: &Arc<Stanza>,
) {
    let Some(resource) = account.resource_mut(session) else {
        return;
    };
    let was_available = resource.presence.is_some();
    let from: Jid = resource.full_jid().clone().into();
    if was_available {
        push_to_available(account, cx, stanza);
    }
    if let Some(resource) = account.resource_mut(session) {
        resource.presence = None;
    }
    take_back(account, cx, session, &from, was_available, stanza);
    noted::changed(account, cx, session);
    if was_available {
        let stanza = stanza.clone();
        cx.tell(SessionUnavailable { session, stanza }, account);
    }
}

/// Tells those outside the account, and forgets the directed targets.
fn take_back(
    account: &mut Account,
    cx: &Context<'_>,
    session: SessionId,
    from: &Jid,
    was_available: bool,
    stanza: &Arc<Stanza>,
) {
    if was_available && cx.server().sabotage() != Sabotage::DropUnavailable {
        broadcast(account, cx, from, stanza);
    }
    let Some(resource) = account.resource_mut(session) else {
        return;
    };
    let directed = std::mem::take(&mut resource.directed);
    for target in directed {
        if !(was_available && is_broadcast_to(account, &target)) {
            cx.route_regardless(Envelope::share(from.clone(), target, stanza));
        }
    }
}

/// Whether a broadcast reaches `target`.
pub(super) fn is_broadcast_to(account: &Account, target: &Jid) -> bool {
    let standing = account.contacts().standing(&target.bare());
    standing.state.is_seen_by_contact()
}

/// Sends a resource's presence to every contact that may see it.
pub(super) fn broadcast(account: &Account, cx: &Context<'_>, from: &Jid, stanza: &Arc<Stanza>) {
    for contact in account.contacts().standings() {
        if !contact.standing().state.is_seen_by_contact() {
            continue;
        }
        let contact = Jid::from(contact.into_jid());
        if cx.may_address(account, &contact) {
            cx.route_regardless(Envelope::share(from.clone(), contact, stanza));
        }
    }
}

/// The account's available resources see each other, and themselves.
pub(super) fn push_to_available(account: &Account, cx: &Context<'_>, stanza: &Arc<Stanza>) {
    for other in account.resources().filter(|other| other.is_available()) {
        cx.push_regardless(other.session(), stanza);
    }
}

/// Presence to one address, [RFC 6121 §4.6](https://www.rfc-editor.org/rfc/rfc6121#section-4.6). The
/// target is remembered so that it learns of the end.
fn directed(account: &mut Account, cx: &Context<'_>, session: SessionId, envelope: Envelope) {
    let target = envelope.to().clone();
    let is_available = envelope.stanza().kind() == Kind::Presence(PresenceType::Available);
    let covered = !target.is_full() && is_broadcast_to(account, &target);
    let Some(resource) = account.resource_mut(session) else {
        return;
    };
    if is_available {
        let covered = covered && resource.is_available();
        if !covered && !resource.directed.contains(&target) {
            if resource.directed.len() >= cx.server().limits().directed_presence_targets_max {
                let error = stanza::StanzaError::new(stanza::Condition::ResourceConstraint);
                if let Some(reply) = envelope.stanza().reply_error(&error) {
                    cx.route(envelope.answer(reply));
                }
                return;
            }
            resource.directed.insert(target);
            noted::changed(account, cx, session);
        }
    } else if resource.directed.remove(&target) {
        noted::changed(account, cx, session);
    }
    cx.route(envelope);
}

/// Presence came for this account.
pub(crate) fn arrived(account: &mut Account, cx: &Context<'_>, event: PresenceArrived) {
    let envelope = event.envelope;
    let Kind::Presence(kind) = envelope.stanza().kind() else {
        return;
    };
    let subscription = match kind {
        PresenceType::Probe => return probed(account, cx, &envelope),
        PresenceType::Available | PresenceType::Unavailable => {
            return deliver(account, cx, &envelope);
        }
        PresenceType::Error => return refused(account, cx, &envelope),
        PresenceType::Subscribe => SubscriptionType::Subscribe,
        PresenceType::Subscribed => SubscriptionType::Subscribed,
        PresenceType::Unsubscribe => SubscriptionType::Unsubscribe,
        PresenceType::Unsubscribed => SubscriptionType::Unsubscribed,
    };
    subscriptions::arrived(account, cx, &envelope, subscription);
}

/// To the resource named, or to all available ones, RFC 6121 §8.5.2.1.2 and §8.5.3.1.
fn deliver(account: &Account, cx: &Context<'_>, envelope: &Envelope) {
    if envelope.to().is_full() {
        if let Some(resource) = account.resource_by_jid(envelope.to()) {
            cx.push(resource.session(), envelope.stanza());
        }
        return;
    }
    let to: Jid = account.jid().clone().into();
    for resource in account
        .resources()
        .filter(|resource| resource.is_available())
    {
        // A resource's own presence came back by a contact list that names the own account.
        if resource.full_jid().as_str() != envelope.from().as_str() {
            cx.push_to(resource.session(), envelope.stanza(), to.clone());
        }
    }
}

/// An address to which presence was directed refuses it: it needs no unavailable later.
fn refused(account: &mut Account, cx: &Context<'_>, envelope: &Envelope) {
    for resource in &mut account.sessions {
        if envelope.to().is_full() && resource.full_jid().as_str() == envelope.to().as_str() {
            resource.directed.remove(envelope.from());
        }
    }
    deliver(account, cx, envelope);
}

/// Somebody asks whether this account's resources are there, [RFC 6121 §4.3.2].
///
/// [RFC 6121 §4.3.2]: https://www.rfc-editor.org/rfc/rfc6121#section-4.3.2
fn probed(account: &mut Account, cx: &Context<'_>, envelope: &Envelope) {
    let prober = envelope.from().bare();
    let may_see = prober == *account.jid()
        || account
            .contacts()
            .standing(&prober)
            .state
            .is_seen_by_contact();
    if !may_see {
        let denied = Stanza::presence(PresenceType::Unsubscribed);
        cx.route(Envelope::from_account(account.jid(), prober.into(), denied));
        return;
    }
    let only = envelope.to().is_full().then(|| envelope.to().clone());
    send_presence(account, cx, envelope.from(), only.as_ref(), true);
}

/// Sends `to` the presence of each available resource, stamped with when it was sent; if none is
/// available and `or_unavailable`, that the account is away.
pub(crate) fn send_presence(
    account: &Account,
    cx: &Context<'_>,
    to: &Jid,
    only: Option<&Jid>,
    or_unavailable: bool,
) {
    let mut any = false;
    for resource in account.resources() {
        if only.is_some_and(|only| only.as_str() != resource.full_jid().as_str()) {
            continue;
        }
        if let Some(presence) = resource.presence() {
            any = true;
            let from = resource.full_jid();
            let stanza = Arc::new(stamped(presence, from));
            cx.route(Envelope::share(from.clone().into(), to.clone(), &stanza));
        }
    }
    if !any && or_unavailable {
        let away = Stanza::presence(PresenceType::Unavailable);
        cx.route(Envelope::from_account(account.jid(), to.clone(), away));
    }
}

/// Sends `to` an unavailable from each available resource.
pub(crate) fn send_unavailable(account: &Account, cx: &Context<'_>, to: &BareJid) {
    // Who is left out of broadcasts has seen them go already.
    if !cx.may_address(account, &to.clone().into()) {
        return;
    }
    for Resource {
        session, presence, ..
    } in &account.sessions
    {
        if presence.is_some() {
            let gone = Stanza::presence(PresenceType::Unavailable);
            cx.route(Envelope::from_resource(
                session.full_jid(),
                to.clone().into(),
                gone,
            ));
        }
    }
}

/// Last presence, with the moment it was sent, XEP-0203.
fn stamped(presence: &Presence, from: &FullJid) -> Stanza {
    let delay = Delay {
        stamp: presence.since,
        from: Some(from.to_domain().into()),
        reason: None,
    };
    presence.stanza(from).with_child(delay.to_fragment())
}

/// The priority a presence names: -128 to 127, 0 when it names none or nonsense,
/// [RFC 6121 §4.7.2.3](https://www.rfc-editor.org/rfc/rfc6121#section-4.7.2.3).
pub(super) fn priority_of(stanza: &Stanza) -> i8 {
    let Some(child) = stanza.child("priority", xml::Ns::Content) else {
        return 0;
    };
    let text = child
        .tree()
        .root()
        .text()
        .trim()
        .parse::<i64>()
        .unwrap_or(0);
    i8::try_from(text.clamp(-128, 127)).unwrap_or(0)
}
