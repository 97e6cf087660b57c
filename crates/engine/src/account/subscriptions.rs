//! Executes what the subscription machine decides: RFC 6121 §3, for stanzas sent and arrived.

use std::sync::Arc;

use jid::{BareJid, Jid};
use stanza::{Condition, PresenceType, Stanza, StanzaError};

use super::{
    Account, Contact, presence,
    subscription::{self, Audience, Effect, SubscriptionType, Transition},
};
use crate::{
    envelope::Envelope,
    pipeline::{Context, events::ContactChanged},
    router::route_error,
};

/// A resource of this account sent a subscription stanza.
///
/// It goes to the bare JID of the contact and comes from the bare JID of the account, §3.1.2.
pub(crate) fn sent(
    account: &mut Account,
    cx: &Context<'_>,
    mut envelope: Envelope,
    kind: SubscriptionType,
) {
    let contact = envelope.to().bare();
    // With whom a feature provides nothing is to be asked and nothing to be taken back.
    if contact == *account.jid() || account.contacts().is_provided(&contact) {
        return;
    }
    let before = account.contacts().standing(&contact);
    let transition = subscription::outbound(before, kind);
    if transition.standing.listed && !before.listed && is_full(account, cx) {
        let error =
            StanzaError::new(Condition::ResourceConstraint).with_text("the contact list is full");
        return route_error(cx, &envelope, &error);
    }
    envelope.redirect(contact.clone().into());
    envelope.stamp_bare();
    execute(account, cx, &contact, &transition, Some(envelope));
}

/// A subscription stanza came for this account.
pub(crate) fn arrived(
    account: &mut Account,
    cx: &Context<'_>,
    envelope: &Envelope,
    kind: SubscriptionType,
) {
    let contact = envelope.from().bare();
    if contact == *account.jid() {
        return;
    }
    if account.contacts().is_provided(&contact) {
        // Whoever asks does not know yet that the answer was given.
        if kind == SubscriptionType::Subscribe {
            act(
                account,
                cx,
                &contact,
                Effect::Send(SubscriptionType::Subscribed),
                None,
            );
        }
        return;
    }
    let before = account.contacts().standing(&contact);
    let transition = subscription::inbound(before, kind);
    let is_new = before.is_blank() && !transition.standing.is_blank();
    if is_new && account.contacts().len() >= roster_items_max(cx).saturating_mul(2) {
        // Requests of strangers are bounded as well; the receipt tells nothing.
        return receipt(account, cx, &contact);
    }
    let stanza = envelope.stanza().clone();
    execute_arrived(account, cx, &contact, &transition, &stanza);
}

/// The user removed the contact from the roster, or the account goes: all ties end, §2.5.2.
pub(crate) fn remove(account: &mut Account, cx: &Context<'_>, contact: &BareJid) {
    let transition = subscription::removal(account.contacts().standing(contact));
    execute(account, cx, contact, &transition, None);
}

/// Whether the roster may hold no more items.
pub(crate) fn is_full(account: &Account, cx: &Context<'_>) -> bool {
    account.contacts().listed_count() >= roster_items_max(cx)
}

fn roster_items_max(cx: &Context<'_>) -> usize {
    cx.server().limits().roster_items_max
}

fn execute(
    account: &mut Account,
    cx: &Context<'_>,
    contact: &BareJid,
    transition: &Transition,
    mut sent: Option<Envelope>,
) {
    keep(account, cx, contact, transition, None);
    for effect in &transition.effects {
        if *effect == Effect::Route {
            if let Some(envelope) = sent.take() {
                cx.route(envelope);
            }
        } else {
            act(account, cx, contact, *effect, None);
        }
    }
}

fn execute_arrived(
    account: &mut Account,
    cx: &Context<'_>,
    contact: &BareJid,
    transition: &Transition,
    stanza: &Arc<Stanza>,
) {
    keep(account, cx, contact, transition, Some(stanza));
    for effect in &transition.effects {
        act(account, cx, contact, *effect, Some(stanza));
    }
}

/// Stores the new standing, and the request that waits for an answer, when either changed.
fn keep(
    account: &mut Account,
    cx: &Context<'_>,
    contact: &BareJid,
    transition: &Transition,
    stanza: Option<&Arc<Stanza>>,
) {
    let before = account
        .contacts()
        .get(contact)
        .map(|contact| contact.to_contact());
    let mut after = before.clone().unwrap_or_default();
    after.standing = transition.standing;
    for effect in &transition.effects {
        match effect {
            Effect::StoreRequest => after.request = stanza.cloned(),
            Effect::ForgetRequest => after.request = None,
            _ => {}
        }
    }
    if !transition.standing.listed {
        after.name = None;
        after.groups.clear();
    }
    let after = (!after.standing.is_blank()).then_some(after);
    let is_same = match (&before, &after) {
        (Some(before), Some(after)) => before.same(after),
        (None, None) => true,
        _ => false,
    };
    if !is_same {
        account.set_contact(cx, contact, after);
    }
}

fn act(
    account: &mut Account,
    cx: &Context<'_>,
    contact: &BareJid,
    effect: Effect,
    stanza: Option<&Arc<Stanza>>,
) {
    match effect {
        Effect::StoreRequest | Effect::ForgetRequest | Effect::Route => {}
        Effect::SendUnavailable => presence::send_unavailable(account, cx, contact),
        Effect::Deliver(audience) => {
            if let Some(stanza) = stanza {
                deliver(account, cx, audience, stanza);
            }
        }
        Effect::Send(kind) => {
            let kind = match kind {
                SubscriptionType::Subscribe => PresenceType::Subscribe,
                SubscriptionType::Subscribed => PresenceType::Subscribed,
                SubscriptionType::Unsubscribe => PresenceType::Unsubscribe,
                SubscriptionType::Unsubscribed => PresenceType::Unsubscribed,
            };
            cx.route(Envelope::from_account(
                account.jid(),
                contact.clone().into(),
                Stanza::presence(kind),
            ));
        }
        Effect::SendReceipt => receipt(account, cx, contact),
        Effect::Push | Effect::PushRemoval => {
            let now = account.contacts().item(contact);
            cx.tell(
                ContactChanged {
                    contact: contact.clone(),
                    now,
                },
                account,
            );
        }
        Effect::SendPresence => {
            presence::send_presence(account, cx, &contact.clone().into(), None, false)
        }
        Effect::SendPresenceOrUnavailable => {
            presence::send_presence(account, cx, &contact.clone().into(), None, true);
        }
        Effect::Probe => {
            let probe = Stanza::presence(PresenceType::Probe);
            cx.route(Envelope::from_account(
                account.jid(),
                contact.clone().into(),
                probe,
            ));
        }
    }
}

fn receipt(account: &Account, cx: &Context<'_>, contact: &BareJid) {
    let away = Stanza::presence(PresenceType::Unavailable);
    cx.route(Envelope::from_account(
        account.jid(),
        contact.clone().into(),
        away,
    ));
}

fn deliver(account: &Account, cx: &Context<'_>, audience: Audience, stanza: &Arc<Stanza>) {
    let to: Jid = account.jid().clone().into();
    for resource in account.resources() {
        let gets = match audience {
            Audience::Available => resource.is_available(),
            Audience::Interested => resource.is_interested(),
        };
        if gets {
            cx.push_to(resource.session(), stanza, to.clone());
        }
    }
}

/// Why a contact was not taken off the roster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotRemoved {
    /// The roster does not show it.
    Missing,
    /// A feature provides it.
    Provided,
}

/// The roster holds as many items as it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RosterFull;

impl Account {
    /// Puts a contact on the roster with this name and these groups, or changes them there. What the two
    /// are to each other stays as it is, [RFC 6121 §2.3](https://www.rfc-editor.org/rfc/rfc6121#section-2.3). A contact
    /// that a feature provides keeps the groups it has from there.
    ///
    /// # Errors
    ///
    /// [`RosterFull`]; then nothing was changed.
    pub fn put_contact(
        &mut self,
        cx: &Context<'_>,
        jid: &BareJid,
        name: Option<String>,
        groups: Vec<String>,
    ) -> Result<(), RosterFull> {
        let before = self.contacts.get(jid).map(|contact| contact.to_contact());
        let mut after = before.clone().unwrap_or_default();
        let is_provided = self.contacts.is_provided(jid);
        if !is_provided && !after.standing.listed && is_full(self, cx) {
            return Err(RosterFull);
        }
        after.standing.listed |= !is_provided;
        after.name = name;
        after.groups = groups;
        if is_provided {
            let provided = self.contacts.provided_groups(jid);
            after.groups.retain(|group| !provided.contains(group));
        }
        if !before.is_some_and(|before| before.same(&after)) {
            let after = (!after.is_blank()).then_some(after);
            self.set_contact(cx, jid, after);
        }
        act(self, cx, jid, Effect::Push, None);
        Ok(())
    }

    /// Takes a contact off the roster and ends all ties, [RFC 6121 §2.5](https://www.rfc-editor.org/rfc/rfc6121#section-2.5).
    ///
    /// # Errors
    ///
    /// [`NotRemoved`]; then nothing was changed.
    pub fn remove_contact(&mut self, cx: &Context<'_>, jid: &BareJid) -> Result<(), NotRemoved> {
        if self.contacts.is_provided(jid) {
            return Err(NotRemoved::Provided);
        }
        if !self.contacts.standing(jid).listed {
            return Err(NotRemoved::Missing);
        }
        remove(self, cx, jid);
        Ok(())
    }

    /// Sets or removes a contact, in memory and in the run's batch; a batch that fails is undone.
    pub(crate) fn set_contact(
        &mut self,
        cx: &Context<'_>,
        contact: &BareJid,
        now: Option<Contact>,
    ) {
        let before = self
            .contacts
            .get(contact)
            .map(|contact| contact.to_contact());
        let owner = self.owner().clone();
        if self.is_anonymous {
            self.contacts
                .set(contact, now, &owner, &mut store::Batch::new());
            return;
        }
        self.contacts.set(contact, now, &owner, &mut cx.batch());
        let contact = contact.clone();
        let change = self.contacts.change();
        cx.undo_if_lost(Box::new(move |account| {
            account.contacts.restore(&contact, before, change)
        }));
    }
}
