//! Messages for an account: who gets one, whether the mailbox keeps it, and what waited before.

use std::sync::Arc;

use jid::Jid;
use mailbox::{Archiving, Class, Inbound, NewEntry, Owed, Reliance, classify, may_wait};
use stanza::{Condition, Kind, MessageType, Stanza, StanzaError, delay::Delay};
use store::{EntryId, Seq};

use super::{Account, iq};
use crate::{
    envelope::Envelope,
    pipeline::{
        Context, Stage,
        decide::{Decision, Recipients, Target, decide},
        events::MessageArrived,
    },
    router::route_error,
    session::{
        SessionId,
        outbox::{Delivery, Fate, Frame},
    },
};

/// A message passed the recipient's screens: decide, record, fork, deliver.
pub(crate) fn arrived(account: &mut Account, cx: &Context<'_>, mut event: MessageArrived) {
    let kind = event.envelope.stanza().kind();
    let to = event.envelope.to().clone();
    let target = iq::target(account, &event.envelope);
    match decide(
        kind,
        target,
        account.resources().map(|resource| resource.facts(&to)),
    ) {
        Decision::Deliver(indexes) => deliver(account, cx, &mut event, &indexes),
        Decision::Store => keep(account, cx, &mut event),
        Decision::Refuse(condition) => {
            cx.host()
                .pipeline()
                .message_arrived
                .at(Stage::Fork, &mut event, account, cx);
            route_error(cx, &event.envelope, &StanzaError::new(condition));
        }
        Decision::Handle | Decision::Drop => {}
    }
}

/// Somebody takes it now.
fn deliver(
    account: &mut Account,
    cx: &Context<'_>,
    event: &mut MessageArrived,
    indexes: &Recipients,
) {
    event.recipients = recipients(account, indexes);
    let envelope = &event.envelope;
    let reliance = Reliance {
        sender_acknowledged: envelope.session().is_some_and(|session| session.has_acks()),
        recipient_acknowledges: event
            .recipients
            .iter()
            .filter_map(|id| account.resource(*id))
            .any(|resource| resource.session().has_acks()),
        nobody_takes_it: false,
    };
    let class = class_of(account, envelope.stanza());
    let entry = match reliance.must_log(class, may_wait(envelope.stanza())) {
        false => None,
        true => {
            let sessions = u16::try_from(event.recipients.len()).unwrap_or(u16::MAX);
            match record(account, cx, envelope, class, Owed::Sessions(sessions)) {
                Ok(entry) => Some(entry),
                // A full mailbox does not stop a message somebody can take, but its loss is not covered.
                Err(()) if reliance.sender_acknowledged => {
                    return route_error(
                        cx,
                        envelope,
                        &StanzaError::new(Condition::ResourceConstraint),
                    );
                }
                Err(()) => None,
            }
        }
    };
    cx.host()
        .pipeline()
        .message_arrived
        .at(Stage::Fork, event, account, cx);
    let several = (event.recipients.len() > 1).then(|| Arc::new(Delivery::default()));
    let to = event.envelope.to();
    let fate = Fate::Reroute {
        delivery: several,
        entry,
    };
    push_all(
        account,
        cx,
        &event.recipients,
        event.envelope.stanza(),
        to,
        &fate,
    );
}

fn push_all(
    account: &Account,
    cx: &Context<'_>,
    recipients: &[SessionId],
    stanza: &Arc<Stanza>,
    to: &Jid,
    fate: &Fate,
) {
    for id in recipients {
        if let Some(resource) = account.resource(*id) {
            let frame = Frame {
                stanza: stanza.clone(),
                to: Some(to.clone()),
                gate: Seq::NONE,
                fate: fate.clone(),
            };
            cx.push_frame(resource.session(), frame);
        }
    }
}

/// Nobody can take it now, XEP-0160.
fn keep(account: &mut Account, cx: &Context<'_>, event: &mut MessageArrived) {
    cx.host()
        .pipeline()
        .message_arrived
        .at(Stage::Fork, event, account, cx);
    let envelope = &event.envelope;
    let class = class_of(account, envelope.stanza());
    let may_wait = may_wait(envelope.stanza());
    let reliance = Reliance {
        nobody_takes_it: true,
        ..Reliance::default()
    };
    if reliance.must_log(class, may_wait) {
        if record(account, cx, envelope, class, Owed::Later).is_err() {
            route_error(
                cx,
                envelope,
                &StanzaError::new(Condition::ServiceUnavailable),
            );
        }
    } else if account.is_anonymous() || (may_wait && is_refused(envelope.stanza())) {
        route_error(
            cx,
            envelope,
            &StanzaError::new(Condition::ServiceUnavailable),
        );
    }
}

/// What may not be kept though it has something to say is refused, so that its sender knows; a chat
/// state or a hint-only message is dropped.
fn is_refused(message: &Stanza) -> bool {
    message.has_body()
}

/// Puts the message into the mailbox and watches over its batch.
fn record(
    account: &mut Account,
    cx: &Context<'_>,
    envelope: &Envelope,
    class: Class,
    owed: Owed,
) -> Result<EntryId, ()> {
    let limits = cx.server().limits();
    if owed == Owed::Later
        && account.mailbox.due_len()
            >= usize::try_from(limits.offline_messages_max).unwrap_or(usize::MAX)
    {
        return Err(());
    }
    let message = envelope
        .stanza()
        .as_ref()
        .clone()
        .with_to(Some(envelope.to().clone()));
    let new = NewEntry {
        message: &message,
        class,
        at: cx.timestamp(),
        peer: &envelope.from().bare(),
        owed,
        body: None,
        inbound: None::<Inbound>,
    };
    let recorded = account
        .mailbox
        .record(&new, &mut cx.batch())
        .map_err(|refused| {
            tracing::debug!(account = %account.jid(), %refused, "a message was not kept");
        })?;
    cx.bounce_if_lost(envelope.stanza());
    cx.undo_if_lost(Box::new(move |account| {
        account.mailbox.withdrawn(recorded.id);
    }));
    Ok(recorded.id)
}

/// Nothing of an anonymous account is ever stored; there is no archive yet.
fn class_of(account: &Account, message: &Stanza) -> Class {
    match account.is_anonymous() {
        true => Class::None,
        false => classify(message, Archiving::Off),
    }
}

fn recipients(account: &Account, indexes: &Recipients) -> Vec<SessionId> {
    indexes
        .iter()
        .filter_map(|index| account.sessions.get(*index))
        .map(|resource| resource.session().id())
        .collect()
}

/// A resource can take messages now: what waits goes there, whole and in order, with the moment each
/// came (XEP-0160, XEP-0203).
pub(crate) fn flush(account: &mut Account, cx: &Context<'_>, session: SessionId) {
    let Some(resource) = account.resource(session) else {
        return;
    };
    let session = resource.session().clone();
    let host: Jid = account.jid().to_domain().into();
    let mut offered = Vec::new();
    let mut unreadable = Vec::new();
    for waiting in account.mailbox.waiting() {
        match waiting.message() {
            Ok(message) => {
                let delay = Delay::new(waiting.at, host.clone());
                let stanza = Arc::new(message.with_child(delay.to_fragment()));
                let fate = Fate::Reroute {
                    delivery: None,
                    entry: Some(waiting.id),
                };
                cx.push_frame(
                    &session,
                    Frame {
                        stanza,
                        to: None,
                        gate: waiting.gate,
                        fate,
                    },
                );
                offered.push(waiting.id);
            }
            Err(error) => {
                tracing::error!(account = %account.jid(), %error, "a stored message is damaged and was skipped");
                unreadable.push(waiting.id);
            }
        }
    }
    account.mailbox.offered(offered);
    if !unreadable.is_empty() {
        let cleared = account.mailbox.accepted(unreadable, &mut cx.batch());
        drop(cleared);
    }
}

/// What was kept for one session only and lost it: the sender is told, and it is forgotten.
pub(crate) fn give_up_strays(account: &mut Account, cx: &Context<'_>) {
    let strays: Vec<(EntryId, Option<Stanza>)> = account
        .mailbox
        .strays()
        .map(|stray| (stray.id, stray.message().ok()))
        .collect();
    if strays.is_empty() {
        return;
    }
    for message in strays.iter().filter_map(|(_, message)| message.as_ref()) {
        let Kind::Message(kind) = message.kind() else {
            continue;
        };
        let to = message.to().cloned();
        let frame = Frame {
            stanza: Arc::new(message.clone()),
            to,
            gate: Seq::NONE,
            fate: Fate::Drop,
        };
        refuse(account, cx, &frame, kind);
    }
    accepted(account, cx, strays.into_iter().map(|(id, _)| id).collect());
}

/// Sessions took these entries for good.
pub(crate) fn accepted(account: &mut Account, cx: &Context<'_>, entries: Vec<EntryId>) {
    for cleared in std::mem::take(&mut account.forgotten) {
        account.mailbox.repeat(&cleared, &mut cx.batch());
    }
    let cleared = account.mailbox.accepted(entries, &mut cx.batch());
    if cleared.is_empty() {
        return;
    }
    cx.undo_if_lost(Box::new(move |account| {
        // They stay delivered; that they may be forgotten on disk is written again with what comes next.
        account.forgotten.push(cleared);
    }));
}

/// A session ended without having taken this message, and nobody else has it.
pub(crate) fn redeliver(
    account: &mut Account,
    cx: &Context<'_>,
    frame: &Frame,
    entry: Option<EntryId>,
) {
    let Kind::Message(kind) = frame.stanza.kind() else {
        return;
    };
    if let Some(entry) = entry {
        account.mailbox.released([entry]);
    }
    let own: Jid = account.jid().clone().into();
    let decision = decide(
        frame.stanza.kind(),
        Target::Bare,
        account.resources().map(|resource| resource.facts(&own)),
    );
    match (decision, entry) {
        (Decision::Deliver(indexes), entry) => {
            let to = frame
                .to
                .clone()
                .unwrap_or_else(|| account.jid().clone().into());
            let recipients = recipients(account, &indexes);
            if let Some(entry) = entry {
                account.mailbox.offered(recipients.iter().map(|_| entry));
            }
            let several = (recipients.len() > 1).then(|| Arc::new(Delivery::default()));
            let fate = Fate::Reroute {
                delivery: several,
                entry,
            };
            push_all(account, cx, &recipients, &frame.stanza, &to, &fate);
        }
        // It is in the mailbox and waits for the next resource.
        (Decision::Store, Some(_)) => {}
        (_, Some(entry)) => {
            // Kept for the ended session only.
            accepted(account, cx, vec![entry]);
            refuse(account, cx, frame, kind);
        }
        (Decision::Store, None) => {
            let class = class_of(account, &frame.stanza);
            let kept = class != Class::None
                && may_wait(&frame.stanza)
                && frame.stanza.from().is_some_and(|from| {
                    let to = frame
                        .to
                        .clone()
                        .unwrap_or_else(|| account.jid().clone().into());
                    let envelope = Envelope::share(from.clone(), to, &frame.stanza);
                    record(account, cx, &envelope, class, Owed::Later).is_ok()
                });
            if !kept {
                refuse(account, cx, frame, kind);
            }
        }
        (_, None) => refuse(account, cx, frame, kind),
    }
}

/// Tells the sender that its message reached nobody.
fn refuse(account: &Account, cx: &Context<'_>, frame: &Frame, kind: MessageType) {
    if matches!(kind, MessageType::Error | MessageType::Headline) || !frame.stanza.has_body() {
        return;
    }
    let error = StanzaError::new(Condition::RecipientUnavailable);
    let (Some(sender), Some(reply)) = (
        frame.stanza.from().cloned(),
        frame.stanza.reply_error(&error),
    ) else {
        return;
    };
    let to = frame
        .to
        .clone()
        .unwrap_or_else(|| account.jid().clone().into());
    cx.route(speak_as(account, &to, sender, reply));
}

/// The account answers in the place of one of its resources.
pub(crate) fn speak_as(account: &Account, own: &Jid, to: Jid, stanza: Stanza) -> Envelope {
    match own.as_full().filter(|full| full.bare() == *account.jid()) {
        Some(full) => Envelope::from_resource(&full, to, stanza),
        None => Envelope::from_account(account.jid(), to, stanza),
    }
}
