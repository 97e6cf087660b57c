//! Sessions noted on disk, so that one which a crash ended is taken back by the next start.
//!
//! A session ends in a run of its own, which makes it unavailable to everyone who saw it, once
//! ([`ending`](super::ending)). A killed process runs nothing. So what a session would have to take back
//! (that it is available, and whom it sent directed presence to) is noted, and whoever reads the account
//! next does it.
//!
//! What signed in ([`clients`](super::clients)) is written along with it.
//!
//! Notes are lazy: a change is written at most a second later, together with others. A session that is
//! shorter than that costs no write; one that was killed within its first second is not taken back, and
//! neither are the directed targets of the last second.

use std::{sync::Arc, time::Duration};

use jid::{BareJid, FullJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::{PresenceType, Stanza};
use store::{Batch, Collection, Map, Owner, Version};

use super::{Account, clients, mail, presence};
use crate::{
    envelope::Envelope,
    pipeline::{Context, Gates, events::SessionTakenBack},
    server::Server,
    session::SessionId,
};

/// One note per session, by resource.
pub(crate) const SESSIONS: Collection<Map<String, SessionNote>> =
    Collection::new("account.sessions", Version(1));

/// Changes are gathered this long.
const LAZINESS: Duration = Duration::from_secs(1);

/// What a session has to take back when it ends.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct SessionNote {
    /// Contacts saw it available.
    available: bool,
    /// So did these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    directed: Vec<Jid>,
}

/// What the account's notes on disk are behind in.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// Sessions whose note is old or missing.
    changed: Vec<SessionId>,
    /// Resources of sessions that ended, whose note must go.
    ended: Vec<String>,
    /// What signed in, until it is written.
    pub(super) clients: Option<Box<clients::Behind>>,
    /// The account waits in the server's list.
    listed: bool,
}

impl Behind {
    pub(super) fn is_empty(&self) -> bool {
        !self.listed && self.is_written()
    }

    fn is_written(&self) -> bool {
        self.changed.is_empty() && self.ended.is_empty() && self.clients.is_none()
    }
}

/// Another presence or directed target: the session's note is to be written again.
pub(super) fn changed(account: &mut Account, cx: &Context<'_>, id: SessionId) {
    if account.is_anonymous() {
        return;
    }
    if !account.behind.changed.contains(&id) {
        account.behind.changed.push(id);
    }
    list(account, cx);
}

/// A session ended and took back what it had to; its note goes, if there is one.
pub(super) fn ended(
    account: &mut Account,
    cx: &Context<'_>,
    id: SessionId,
    was_noted: bool,
    resource: &str,
) {
    account.behind.changed.retain(|other| *other != id);
    if was_noted {
        account.behind.ended.push(resource.to_owned());
        list(account, cx);
    }
}

/// What is behind is written within a second.
pub(super) fn list(account: &mut Account, cx: &Context<'_>) {
    if !account.behind.listed {
        account.behind.listed = true;
        cx.server().note_later(account.jid());
    }
}

/// Writes what is not on disk yet, though nobody waits for it.
pub(crate) fn write_owed(account: &mut Account, cx: &Context<'_>) {
    mail::settle(account, cx);
    write(account, cx);
}

/// Writes what the notes are behind in.
fn write(account: &mut Account, cx: &Context<'_>) {
    let behind = std::mem::take(&mut account.behind);
    if behind.is_written() {
        return;
    }
    let kept = cx.host().clients_kept().unwrap_or_default();
    if let Some(clients) = &behind.clients {
        clients.write(account.owner(), kept, &mut cx.batch());
    }
    for resource in &behind.ended {
        cx.batch().delete(SESSIONS, account.owner(), resource);
    }
    for id in &behind.changed {
        write_one(account, &mut cx.batch(), *id);
    }
    cx.undo_if_lost(Box::new(move |account| {
        for id in &behind.changed {
            if let Some(resource) = account.resource_mut(*id) {
                resource.noted = true;
            }
        }
        account.behind.ended.extend(behind.ended);
        account.behind.changed.extend(behind.changed);
        if let Some(lost) = behind.clients {
            let newer = account.behind.clients.get_or_insert_default();
            newer.put_back(*lost);
        }
    }));
}

fn write_one(account: &mut Account, batch: &mut Batch, id: SessionId) {
    let owner = account.owner().clone();
    let Some(resource) = account.resource_mut(id) else {
        return;
    };
    let note = SessionNote {
        available: resource.is_available(),
        directed: resource.directed().cloned().collect(),
    };
    let name = resource.full_jid().resource().to_owned();
    let says_something = note != SessionNote::default();
    if says_something {
        batch.put(SESSIONS, &owner, &name, &note);
    } else if resource.noted {
        batch.delete(SESSIONS, &owner, &name);
    }
    resource.noted = says_something;
}

/// The account was read: sessions noted in an earlier life of the server end now.
pub(crate) fn take_back(
    account: &mut Account,
    cx: &Context<'_>,
    notes: Vec<(String, SessionNote)>,
) {
    for (resource, note) in notes {
        cx.batch().delete(SESSIONS, account.owner(), &resource);
        let Ok(full_jid) = account.jid().with_resource(&resource) else {
            continue;
        };
        tracing::debug!(jid = %full_jid, "a session of before the start is taken back");
        let was_available = note.available;
        take_back_one(account, cx, &full_jid, note);
        if was_available {
            cx.tell(SessionTakenBack { full_jid }, account);
        }
    }
}

fn take_back_one(account: &Account, cx: &Context<'_>, full_jid: &FullJid, note: SessionNote) {
    let from = Jid::from(full_jid.clone());
    let gone = Stanza::presence(PresenceType::Unavailable).with_from(from.clone());
    let gone = Arc::new(gone);
    if note.available {
        presence::broadcast(account, cx, &from, &gone);
    }
    for target in note.directed {
        if !(note.available && presence::is_broadcast_to(account, &target)) {
            cx.route_regardless(Envelope::share(from.clone(), target, &gone));
        }
    }
}

/// The notes of all sessions of an account whose memory is dropped after they were taken back.
pub(super) fn forget_all(owner: &Owner) -> Batch {
    let mut batch = Batch::new();
    batch.clear(SESSIONS, owner);
    batch
}

impl Server {
    /// The notes of `account` are written within a second, together with others.
    fn note_later(self: &Arc<Self>, account: &BareJid) {
        let is_first = {
            let mut unnoted = self.unnoted();
            unnoted.push(account.clone());
            unnoted.len() == 1
        };
        if is_first {
            let environment = self.environment();
            let sleep = environment.sleep_until(environment.now() + LAZINESS);
            let server = Arc::downgrade(self);
            environment.spawn(Box::pin(async move {
                sleep.await;
                if let Some(server) = server.upgrade() {
                    server.write_notes();
                }
            }));
        }
    }

    fn write_notes(self: &Arc<Self>) {
        let accounts = std::mem::take(&mut *self.unnoted());
        for account in accounts {
            if let Some(cell) = self.registry.get(account.as_str()) {
                self.visit(&cell, Gates::OPEN, write_owed);
                self.retire_idle(&cell);
            }
        }
    }

    /// After a start: reads every account that has notes, and so takes its old sessions back.
    pub(crate) fn take_back_sessions(self: &Arc<Self>) {
        let server = self.clone();
        self.environment().spawn(Box::pin(async move {
            let owners = match server.store().read(SESSIONS.owners()).await {
                Ok(owners) => owners,
                Err(error) => {
                    tracing::error!(%error, "sessions of before the start can't be read; they are taken back when their accounts are next used");
                    return;
                }
            };
            for owner in owners {
                if let Owner::Account(jid) = owner
                    && let Err(error) = server.account(&jid).await
                {
                    tracing::error!(account = %jid, %error, "sessions of before the start are not taken back");
                }
            }
        }));
    }
}
