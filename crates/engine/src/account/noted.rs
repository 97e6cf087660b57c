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

use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use jid::{BareJid, FullJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::{PresenceType, Stanza, Timestamp};
use store::{Batch, Collection, Map, Owner, Version};
use stream::{ClientId, UserAgent};

use super::{Account, ClientName, Resource, clients, mail, presence, stored};
use crate::{
    envelope::Envelope,
    pipeline::{Context, Gates, events::SessionTakenBack},
    server::Server,
    session::{Binder, SessionId, SmId},
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
    pub(super) available: bool,
    /// So did these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) directed: Vec<Jid>,
    /// What it is, if it can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resumable: Option<ResumableNote>,
}

impl SessionNote {
    /// The id of a session that can be resumed, as other collections have it.
    pub(super) fn resumable_id(&self) -> Option<SmId> {
        SmId::parse(&self.resumable.as_ref()?.id)
    }
}

/// What a session is that can be resumed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ResumableNote {
    id: String,
    /// How long it may wait.
    pub(super) hold_seconds: u64,
    /// Until when it does, in microseconds UTC, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<i64>,
    /// The boot of the machine in which this was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) boot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence: Option<PresenceNote>,
    /// It asked for the roster.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) interested: bool,
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) marks: Vec<String>,
    /// Which client it is.
    #[serde(skip_serializing_if = "ClientNote::is_empty")]
    pub(super) client: ClientNote,
}

/// Which client a session is of, as it says.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClientNote {
    /// Our name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// It bound along with its sign-in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bind2: bool,
}

impl ClientNote {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn of(resource: &Resource) -> Self {
        let session = resource.session();
        let agent = session.user_agent();
        Self {
            name: resource.client().map(|name| name.to_string()),
            id: session.client_id().map(|id| id.to_string()),
            software: agent.and_then(|agent| agent.software.clone()),
            device: agent.and_then(|agent| agent.device.clone()),
            bind2: session.is_bind2(),
        }
    }

    pub(super) fn name(&self) -> Option<ClientName> {
        self.name.as_deref().and_then(ClientName::parse)
    }

    pub(super) fn binder(&self) -> Binder {
        let agent = UserAgent {
            id: self.id.as_deref().and_then(ClientId::parse),
            software: self.software.clone(),
            device: self.device.clone(),
        };
        Binder {
            user_agent: (agent != UserAgent::default()).then(|| Arc::new(agent)),
            is_bind2: self.bind2,
        }
    }
}

/// Its last presence.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PresenceNote {
    pub(super) xml: String,
    /// In microseconds UTC.
    pub(super) since: i64,
}

impl ResumableNote {
    pub(super) fn id(&self) -> Option<SmId> {
        SmId::parse(&self.id)
    }

    fn of(resource: &Resource, server: &Server) -> Option<Self> {
        let outbox = resource.session().outbox();
        let resumption = outbox.resumption()?;
        let presence = resource.presence().map(|presence| PresenceNote {
            xml: String::from_utf8(presence.stanza(resource.full_jid()).to_stored())
                .unwrap_or_default(),
            since: presence.since.as_micros(),
        });
        Some(Self {
            id: resumption.id.to_text(),
            hold_seconds: resumption.hold.as_secs(),
            until: resumption.until.map(Timestamp::as_micros),
            boot: server.boot_id().map(str::to_owned),
            presence,
            interested: resource.is_interested(),
            marks: resource.marks.names().map(str::to_owned).collect(),
            client: ClientNote::of(resource),
        })
    }
}

/// What the account's notes on disk are behind in: for a second after something changed. In between it is nothing but a
/// pointer.
#[derive(Debug, Default)]
pub(super) struct Behind(Option<Box<Notes>>);

/// The same, taken apart.
#[derive(Debug)]
pub(super) struct Notes {
    /// Sessions whose note is old or missing.
    changed: Vec<SessionId>,
    /// Sessions that can be resumed and acked something.
    acked: Vec<SessionId>,
    /// Resources of sessions that ended, whose note must go.
    ended: Vec<String>,
    /// What signed in, until it is written.
    pub(super) clients: Option<Box<clients::Behind>>,
    /// The account waits in the server's list.
    listed: bool,
}

impl Notes {
    const NONE: Self = Self {
        changed: Vec::new(),
        acked: Vec::new(),
        ended: Vec::new(),
        clients: None,
        listed: false,
    };

    pub(super) fn is_empty(&self) -> bool {
        !self.listed && self.is_written()
    }

    fn is_written(&self) -> bool {
        self.changed.is_empty()
            && self.acked.is_empty()
            && self.ended.is_empty()
            && self.clients.is_none()
    }
}

impl Deref for Behind {
    type Target = Notes;

    fn deref(&self) -> &Notes {
        static NONE: Notes = Notes::NONE;
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Behind {
    fn deref_mut(&mut self) -> &mut Notes {
        self.0.get_or_insert_with(|| Box::new(Notes::NONE))
    }
}

/// Another presence or directed target: the session's note is to be written again.
pub(super) fn changed(account: &mut Account, cx: &Context<'_>, id: SessionId) {
    if account.is_anonymous() {
        return;
    }
    if let Some(resource) = account.resource_mut(id) {
        resource.is_behind = true;
    }
    if !account.behind.changed.contains(&id) {
        account.behind.changed.push(id);
    }
    list(account, cx);
}

/// The same for what only sessions that can be resumed have in their note.
pub(super) fn changed_if_resumable(account: &mut Account, cx: &Context<'_>, id: SessionId) {
    let is_resumable = |it: &Resource| it.session().outbox().resumption().is_some();
    if account.resource(id).is_some_and(is_resumable) {
        changed(account, cx, id);
    }
}

/// Features may have changed marks and interest in this run: the notes of sessions that can be resumed have them too.
pub(crate) fn look_for_changes(account: &mut Account, cx: &Context<'_>) {
    for index in 0..account.sessions.len() {
        let Some(resource) = account.sessions.get_mut(index) else {
            return;
        };
        if std::mem::take(&mut resource.is_changed) {
            let id = resource.session().id();
            changed_if_resumable(account, cx, id);
        }
    }
}

/// What depends on the session's note is about to be stored: the note goes first, if it is behind.
pub(super) fn write_if_behind(
    account: &mut Account,
    server: &Server,
    batch: &mut Batch,
    id: SessionId,
) {
    if account.resource(id).is_some_and(|it| it.is_behind) {
        write_one(account, server, batch, id);
    }
}

/// A session that can be resumed acked messages: how far goes along with what else is written.
pub(super) fn acked(account: &mut Account, cx: &Context<'_>, id: SessionId) {
    if !account.behind.acked.contains(&id) {
        account.behind.acked.push(id);
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
    let Behind(Some(behind)) = std::mem::take(&mut account.behind) else {
        return;
    };
    if behind.is_written() {
        return;
    }
    let behind = *behind;
    for id in &behind.acked {
        if let Some(session) = account.resource(*id).map(Resource::session) {
            stored::write_position(session, &mut cx.batch());
        }
    }
    let kept = cx.host().clients_kept().unwrap_or_default();
    if let Some(clients) = &behind.clients {
        clients.write(account.owner(), kept, &mut cx.batch());
    }
    for resource in &behind.ended {
        cx.batch().delete(SESSIONS, account.owner(), resource);
    }
    for id in &behind.changed {
        write_one(account, cx.server(), &mut cx.batch(), *id);
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

pub(super) fn write_one(account: &mut Account, server: &Server, batch: &mut Batch, id: SessionId) {
    let owner = account.owner().clone();
    let Some(resource) = account.resource_mut(id) else {
        return;
    };
    resource.is_behind = false;
    let note = SessionNote {
        available: resource.is_available(),
        directed: resource.directed().cloned().collect(),
        resumable: ResumableNote::of(resource, server),
    };
    let name = resource.full_jid().resource().to_owned();
    let says_something = note != SessionNote::default();
    if says_something {
        batch.put(SESSIONS, &owner, &name, &note);
    } else if resource.noted {
        batch.delete(SESSIONS, &owner, &name);
    }
    resource.noted = says_something;
    // An earlier session of that name may have ended a moment ago.
    account.behind.ended.retain(|ended| *ended != name);
}

/// A session of an earlier life of the server ends now.
pub(super) fn take_back(
    account: &mut Account,
    cx: &Context<'_>,
    resource: &str,
    note: SessionNote,
) {
    cx.batch()
        .delete(SESSIONS, account.owner(), &resource.to_owned());
    let Ok(full_jid) = account.jid().with_resource(resource) else {
        return;
    };
    tracing::debug!(jid = %full_jid, "a session of before the start is taken back");
    let was_available = note.available;
    take_back_one(account, cx, &full_jid, note);
    if was_available {
        cx.tell(SessionTakenBack { full_jid }, account);
    }
}

fn take_back_one(account: &Account, cx: &Context<'_>, full_jid: &FullJid, note: SessionNote) {
    let from = Jid::from(full_jid.clone());
    let gone = Stanza::presence(PresenceType::Unavailable).with_from(from.clone());
    let gone = Arc::new(gone);
    if note.available {
        presence::push_to_available(account, cx, &gone);
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

/// Accounts with sessions of before the start that are not in memory yet: for these presence is worth a read, because a
/// session that waits to be resumed is to get it.
#[derive(Debug, Default)]
pub(crate) struct Asleep {
    /// Nobody knows before the store was asked.
    known: Option<BTreeSet<BareJid>>,
}

impl Asleep {
    fn are(&mut self, accounts: &[BareJid]) {
        self.known = Some(accounts.iter().cloned().collect());
    }

    fn wakes(&mut self, account: &BareJid) {
        if let Some(known) = &mut self.known {
            known.remove(account);
        }
    }

    fn wake_all(&mut self) {
        self.known = Some(BTreeSet::new());
    }

    /// Whether this account may be one of them.
    pub(crate) fn may_be(&self, account: &str) -> bool {
        self.known
            .as_ref()
            .is_none_or(|known| known.contains(account))
    }
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
                    server.asleep().wake_all();
                    tracing::error!(%error, "sessions of before the start can't be read; they are taken back when their accounts are next used");
                    return;
                }
            };
            let accounts: Vec<BareJid> = owners
                .into_iter()
                .filter_map(|owner| match owner {
                    Owner::Account(jid) => Some(jid),
                    _ => None,
                })
                .collect();
            // What they tell each other meanwhile waits for who is not in memory yet.
            server.asleep().are(&accounts);
            for jid in accounts {
                if let Err(error) = server.account(&jid).await {
                    tracing::error!(account = %jid, %error, "sessions of before the start are not taken back");
                }
                server.asleep().wakes(&jid);
            }
        }));
    }
}
