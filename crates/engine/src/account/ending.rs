//! The end of a session: first unavailable to everyone, exactly once, and only then gone.

use std::sync::{Arc, atomic::Ordering};

use jid::Jid;
use stanza::{Kind, PresenceType, Stanza};
use store::Gate;
use stream::StreamFault;

use super::{Account, detached, iq, mail, noted, presence, stored};
use crate::{
    effect::Effect,
    envelope::Envelope,
    metrics::own::GivenUp,
    pipeline::{
        Context,
        events::{DeliveryFailed, SessionEnded},
    },
    server::Server,
    session::{
        Session, SessionId, Slot,
        frame::{Fate, Frame, Loss},
    },
};

/// Why a session ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The client closed its stream, or its connection was lost.
    Gone,
    /// We end it with this stream error.
    Fault(StreamFault),
    /// It waited to be resumed.
    GivenUp(GivenUp),
}

impl End {
    /// The same of a session that waited to be resumed.
    fn given_up(&self) -> GivenUp {
        match self {
            Self::GivenUp(why) => *why,
            Self::Fault(StreamFault::OutboxFull { .. }) => GivenUp::TooMuchWaits,
            Self::Fault(StreamFault::Replaced) => GivenUp::Replaced,
            Self::Gone | Self::Fault(_) => GivenUp::Other,
        }
    }
}

/// Ends a session with a stream error.
pub(crate) fn end(account: &mut Account, cx: &Context<'_>, id: SessionId, fault: &StreamFault) {
    finish(account, cx, id, &End::Fault(fault.clone()));
}

/// Ends a session. Nothing happens when it has ended before, so that all its watchers are told once.
pub(crate) fn finish(account: &mut Account, cx: &Context<'_>, id: SessionId, why: &End) {
    let Some(resource) = account.resource(id) else {
        return;
    };
    let session = resource.session().clone();
    let full_jid = session.full_jid().clone();
    let gone = Stanza::presence(PresenceType::Unavailable).with_from(Jid::from(full_jid.clone()));
    // 1. Unavailable, to contacts, own resources and directed targets. The session itself rests before
    //    this run's frames are handed over, so it is not told of its own end.
    presence::unavailable(account, cx, id, &Arc::new(gone));
    let was_noted = account.resource(id).is_some_and(|resource| resource.noted);
    noted::ended(account, cx, id, was_noted, full_jid.resource());
    // 2. It leaves the account's list and takes nothing more.
    account
        .sessions
        .retain(|resource| resource.session().id() != id);
    let is_resumable = session.outbox().resumption().is_some();
    let untaken = empty(account, cx, &session, why);
    cx.server().sessions.fetch_sub(1, Ordering::Relaxed);
    // 3. What it held goes elsewhere or back, unless it rests on what never became true.
    for frame in untaken {
        if cx.server().gate(frame.gates.needs) != Gate::Failed {
            reroute(account, cx, &frame, is_resumable);
            cx.tell(DeliveryFailed { session: id, frame }, account);
        }
    }
    cx.tell(
        SessionEnded {
            session: id,
            full_jid,
        },
        account,
    );
    session.wake();
}

/// Closes the session's outbox for good: what it held, in order.
fn empty(account: &mut Account, cx: &Context<'_>, session: &Session, why: &End) -> Vec<Frame> {
    let mut outbox = session.outbox();
    if let End::Fault(fault) = why {
        outbox.end(fault.clone());
    }
    let was_detached = outbox.is_detached();
    if let Some(acks) = &outbox.acks
        && let Some(resumption) = &acks.resumption
    {
        stored::ended(account, cx, session.full_jid(), resumption.id, acks.taken());
    }
    let mut waiting = outbox.rest_waiting();
    let mut untaken: Vec<Frame> = outbox.rest().into();
    drop(outbox);
    if was_detached {
        cx.server().detached.fetch_sub(1, Ordering::Relaxed);
        cx.server().metrics().given_up(why.given_up());
        untaken = untaken
            .into_iter()
            .map(|frame| detached::late(account, frame))
            .collect();
    }
    while let Some(slot) = waiting.pop() {
        untaken.extend(detached::revived(account, slot));
    }
    untaken
}

/// Routes again what an ended session did not take, RFC 6121 §8.5.3.2.
pub(crate) fn reroute(account: &mut Account, cx: &Context<'_>, frame: &Frame, is_resumable: bool) {
    let Fate::Reroute { delivery, entry } = &frame.fate else {
        return;
    };
    match frame.stanza.kind() {
        Kind::Iq(_) => iq::answer_untaken(account, cx, frame),
        Kind::Message(_) => {
            let loss = delivery
                .as_ref()
                .map_or(Loss::All, |delivery| delivery.lose(is_resumable));
            match entry {
                // Whoever else was to get it has it.
                Some(entry) if loss == Loss::Nobody => {
                    mail::accepted(account, cx, [*entry], None);
                }
                entry => mail::released(account, *entry),
            }
            if loss == Loss::All {
                mail::redeliver(account, cx, frame, *entry);
            }
        }
        Kind::Presence(_) => {}
    }
}

/// After a panic nothing of the account's memory is trusted but its list of sessions: they end, and
/// this gives what others must be told of that.
pub(crate) fn abandon(account: &mut Account, server: &Server) -> Vec<Envelope> {
    let mut last = Vec::new();
    for effect in account.effects.take() {
        match effect {
            Effect::Stanza(envelope) => last.push(envelope),
            Effect::Told(told) => server.drop_told(&told, "its sender's memory was given up"),
        }
    }
    let watchers: Vec<Jid> = account
        .contacts()
        .standings()
        .filter(|contact| contact.standing().state.is_seen_by_contact())
        .map(|contact| contact.jid().into())
        .collect();
    for resource in std::mem::take(&mut account.sessions) {
        let session = resource.session();
        let gone = Arc::new(
            Stanza::presence(PresenceType::Unavailable)
                .with_from(Jid::from(session.full_jid().clone())),
        );
        let seen = resource
            .is_available()
            .then_some(watchers.iter())
            .into_iter()
            .flatten();
        for target in seen.chain(resource.directed()) {
            last.push(Envelope::share(
                session.full_jid().clone().into(),
                target.clone(),
                &gone,
            ));
        }
        let untaken = {
            let mut outbox = session.outbox();
            outbox.end(StreamFault::Internal);
            if outbox.is_detached() {
                server.detached.fetch_sub(1, Ordering::Relaxed);
            }
            let mut untaken: Vec<Frame> = Vec::new();
            let mut waiting = outbox.rest_waiting();
            untaken.extend(outbox.rest());
            while let Some(slot) = waiting.pop() {
                if let Slot::Frame { frame, .. } = slot {
                    untaken.push(frame);
                }
            }
            untaken
        };
        last.extend(
            untaken
                .iter()
                .filter_map(|frame| iq::untaken(account, frame)),
        );
        server.sessions.fetch_sub(1, Ordering::Relaxed);
        session.wake();
    }
    if !account.is_anonymous() {
        server.store().submit(noted::forget_all(account.owner()));
    }
    last
}
