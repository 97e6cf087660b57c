//! The end of a session: first unavailable to everyone, exactly once, and only then gone.

use std::sync::{Arc, atomic::Ordering};

use jid::Jid;
use stanza::{Kind, PresenceType, Stanza};
use stream::StreamFault;

use super::{Account, iq, mail, presence};
use crate::{
    pipeline::{
        Context,
        events::{DeliveryFailed, SessionEnded},
    },
    session::{
        SessionId,
        outbox::{Fate, Frame},
    },
};

/// Why a session ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The client closed its stream, or its connection was lost.
    Gone,
    /// We end it with this stream error.
    Fault(StreamFault),
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
    // 2. It leaves the account's list and takes nothing more.
    account
        .sessions
        .retain(|resource| resource.session().id() != id);
    let untaken = {
        let mut outbox = session.outbox();
        if let End::Fault(fault) = why {
            outbox.end(fault.clone());
        }
        outbox.rest()
    };
    cx.server().sessions.fetch_sub(1, Ordering::Relaxed);
    // 3. What it held goes elsewhere or back.
    for frame in untaken {
        reroute(account, cx, frame.clone());
        cx.tell(DeliveryFailed { session: id, frame }, account);
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

/// Routes again what an ended session did not take, RFC 6121 §8.5.3.2.
pub(crate) fn reroute(account: &mut Account, cx: &Context<'_>, frame: Frame) {
    let Fate::Reroute { delivery, entry } = &frame.fate else {
        return;
    };
    match frame.stanza.kind() {
        Kind::Iq(_) => iq::answer_untaken(account, cx, &frame),
        Kind::Message(_) => {
            if let Some(delivery) = delivery {
                // Another resource took it, or still holds it.
                if delivery.is_taken() || Arc::strong_count(delivery) > 1 {
                    return;
                }
            }
            mail::redeliver(account, cx, &frame, *entry);
        }
        Kind::Presence(_) => {}
    }
}

/// After a panic nothing of the account is trusted: its sessions end without more ado.
pub(crate) fn abandon(account: &mut Account) {
    for resource in account.sessions.drain(..) {
        let session = resource.session();
        {
            let mut outbox = session.outbox();
            outbox.end(StreamFault::Internal);
            outbox.rest();
        }
        session.wake();
    }
    account.effects.clear();
}
