//! Where the user is: which clients are here, so that their devices need no notification, and at which the user just was.

use engine::{
    account::Account,
    module::On,
    pipeline::{
        Context,
        events::{ActivityChanged, SessionBound, SessionDetached, SessionEnded, SessionResumed},
    },
    session::SessionId,
};

use super::{
    Push, has_registrations, look_soon,
    pending::{self, Pending},
    registration::{Key, Registrations},
};

/// A client that is here is told by its session.
impl On<SessionBound> for Push {
    fn on(&self, event: &mut SessionBound, account: &mut Account, cx: &Context<'_>) {
        came(account, cx, event.session);
    }
}

/// A client that is here again is told by its session.
impl On<SessionResumed> for Push {
    fn on(&self, event: &mut SessionResumed, account: &mut Account, cx: &Context<'_>) {
        came(account, cx, event.session);
    }
}

/// The client of a session is here: what its device was to be told is forgotten, and the count begins anew.
fn came(account: &mut Account, cx: &Context<'_>, session: SessionId) {
    if !has_registrations(account) {
        return;
    }
    let Some(resource) = account.resource(session) else {
        return;
    };
    let owned = key_of(account, session);
    let all = account.resident::<Registrations>();
    let mine: Vec<Key> = all
        .into_iter()
        .flat_map(|all| &all.0)
        .filter(|(key, one)| match &owned {
            Some(owned) => owned == *key,
            None => one.is_of(resource),
        })
        .map(|(key, _)| key.clone())
        .collect();
    account.resident_mut::<Pending>().disown(session);
    for key in mine {
        pending::forget(account, cx, &key);
        account.resident_mut::<Pending>().own(session, &key);
    }
}

/// The device of a session without a connection is told what its client has not acknowledged. That it was there a moment
/// ago holds nothing back.
impl On<SessionDetached> for Push {
    fn on(&self, event: &mut SessionDetached, account: &mut Account, cx: &Context<'_>) {
        let Some(key) = key_of(account, event.session) else {
            return;
        };
        let pending = account.resident_mut::<Pending>();
        pending.leave(event.session);
        pending.set_told(event.session);
        for message in account.untaken_messages(event.session) {
            self.note_untaken(account, cx, &key, &message);
        }
    }
}

/// Whoever looks at a device is there; whoever does not may be told elsewhere.
impl On<ActivityChanged> for Push {
    fn on(&self, event: &mut ActivityChanged, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let now = cx.now();
        let pending = account.resident_mut::<Pending>();
        match event.is_active {
            true => pending.touch(event.session, now),
            false => pending.leave(event.session),
        }
        look_soon(account, cx);
    }
}

/// Whoever was at that device is there no more.
impl On<SessionEnded> for Push {
    fn on(&self, event: &mut SessionEnded, account: &mut Account, cx: &Context<'_>) {
        if !has_registrations(account) {
            return;
        }
        let pending = account.resident_mut::<Pending>();
        pending.leave(event.session);
        pending.disown(event.session);
        look_soon(account, cx);
    }
}

/// Whether the client of a registration is here, on a connection.
pub(super) fn is_here(account: &Account, key: &Key) -> bool {
    let all = account.resident::<Registrations>();
    let Some(registration) = all.and_then(|all| all.0.get(key)) else {
        return true;
    };
    let pending = account.resident::<Pending>();
    account.resources().any(|resource| {
        let owned = pending.and_then(|pending| pending.owned(resource.session().id()));
        !resource.session().is_detached() && (registration.is_of(resource) || owned == Some(key))
    })
}

/// The registration that the client of a session made.
pub(super) fn key_of(account: &Account, session: SessionId) -> Option<Key> {
    account.resident::<Pending>()?.owned(session).cloned()
}
