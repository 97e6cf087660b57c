//! The clients of an account: what signed in to it, when, and how.
//!
//! A client is known by the id that it gives its installation ([XEP-0388 §2.4]), or else by the resource that it asked for;
//! those that give neither are one. Its name here is made of that and says nothing of it.
//!
//! A sign-in is the dearest thing a client does, so it costs no write of its own: what it changes is written with the notes
//! of the account's sessions ([`noted`](super::noted)), at most a second later. When a client was last there is kept to the
//! day. Hosts keep clients only if a feature asks for it, and only for as long as it says.
//!
//! [XEP-0388 §2.4]: https://xmpp.org/extensions/xep-0388.html#initiation
//!
//! `name.rs` is what a client is called, `record.rs` what is stored of it.

mod name;
mod record;

use std::sync::Arc;

use jid::BareJid;
use sasl::Mechanism;
use stanza::Timestamp;
use store::{Collection, Map, Owner, StoreError, Version};
use stream::StreamFault;

use super::{
    Account, AccountRecord, CellState, credentials::ACCOUNT, ending, noted, tokens::TOKENS,
};
use crate::{
    pipeline::{Context, Gates},
    server::Server,
    session::SessionId,
};

pub use self::name::{Client, ClientName};
pub(super) use self::record::Behind;
use self::record::forgotten_at;
pub(crate) use self::record::{ClientRecord, Known};

/// One record per client, by its name.
pub(crate) const CLIENTS: Collection<Map<String, ClientRecord>> =
    Collection::new("account.clients", Version(1));

/// When somebody last signed in, microseconds UTC.
pub(crate) const SIGNED_IN: Collection<Map<(), i64>> =
    Collection::new("account.signed-in", Version(1));

/// One client, for people to look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientInfo {
    /// Our name for it.
    pub id: ClientName,
    /// What software it says it is.
    pub software: Option<String>,
    /// What it runs on.
    pub device: Option<String>,
    /// When it signed in for the first time.
    pub first_seen: Timestamp,
    /// When it was last seen, to the day; now, if it is connected.
    pub last_seen: Timestamp,
    /// How it signed in last.
    pub mechanism: String,
    /// Whether it knows the password the account has now.
    pub knows_password: bool,
    /// Until when its token is good, if it has one.
    pub token_until: Option<Timestamp>,
    /// Whether it has a session.
    pub is_connected: bool,
}

/// What was taken from a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// Whether it had a token.
    pub had_token: bool,
    /// Whether it knows the password, and so can come back.
    pub knows_password: bool,
}

/// A client bound a resource after it signed in by `mechanism`.
pub(crate) fn signed_in(
    account: &mut Account,
    cx: &Context<'_>,
    client: &Client,
    mechanism: Mechanism,
    known: &Known,
) {
    if account.is_anonymous() {
        return;
    }
    let now = cx.timestamp().as_micros();
    let behind = account.behind.clients.get_or_insert_default();
    behind.signed_in = Some(now);
    if cx.host().clients_kept().is_some() {
        // Somebody may have signed in with it within the last second.
        let pending = behind.changed.iter().find(|(id, _)| *id == client.id);
        let known = match pending {
            Some((_, record)) => Known {
                record: Some(record.clone()),
                ..known.clone()
            },
            None => known.clone(),
        };
        if let Some(record) = ClientRecord::after(&known, client, mechanism, now) {
            behind.changed.retain(|(id, _)| *id != client.id);
            // Hardly ever is there more than one within a second.
            behind.changed.reserve_exact(1);
            behind.changed.push((client.id, record));
            behind.displaced.extend(known.displaced);
        }
    }
    noted::list(account, cx);
}

impl Server {
    /// What has to be known of a client that is about to bind a resource after it signed in by `mechanism`: the account's
    /// record, and the client's. `None` when there is no such account, or the client has no access to it any more.
    pub(crate) async fn client_to_bind(
        &self,
        jid: &BareJid,
        client: &ClientName,
        mechanism: Mechanism,
    ) -> Result<Option<(AccountRecord, Known)>, StoreError> {
        let owner = Owner::Account(jid.clone());
        let is_kept = self
            .host(jid.domain())
            .is_some_and(|host| host.clients_kept().is_some());
        if !is_kept {
            let record = self.store().read(ACCOUNT.get(&owner, &())).await?;
            return Ok(record.map(|record| (record, Known::default())));
        }
        let name = client.to_string();
        let question = (ACCOUNT.get(&owner, &()), CLIENTS.get(&owner, &name));
        let (record, client) = match mechanism.is_token() {
            false => self.store().read(question).await?,
            true => {
                let question = (question, TOKENS.get(&owner, &name));
                match self.store().read(question).await? {
                    (found, Some(_)) => found,
                    // Somebody took the client's access after it had used its token.
                    (_, None) => return Ok(None),
                }
            }
        };
        let Some(record) = record else {
            return Ok(None);
        };
        let displaced = match client {
            Some(_) => None,
            None => self.longest_away(jid, &owner).await?,
        };
        let known = Known {
            record: client,
            displaced,
            password_since: record.password_since(),
        };
        Ok(Some((record, known)))
    }

    /// A client signed in by `mechanism` and went on with its session. Nobody waits for what that changes.
    pub(crate) fn note_resumed(
        self: &Arc<Self>,
        jid: &BareJid,
        session: SessionId,
        mechanism: Mechanism,
    ) {
        let (server, jid) = (self.clone(), jid.clone());
        self.environment().spawn(Box::pin(async move {
            let Some(cell) = server.known_account(&jid) else {
                return;
            };
            let id = match &*cell.lock() {
                CellState::Ready(account) => account
                    .resource(session)
                    .and_then(|resource| resource.client()),
                CellState::Loading { .. } | CellState::Gone { .. } => None,
            };
            let id = id.unwrap_or_else(|| ClientName::of_resource(None));
            if let Ok(Some((_, known))) = server.client_to_bind(&jid, &id, mechanism).await {
                let client = Client::unsaid(id);
                server.visit(&cell, Gates::OPEN, |account, cx| {
                    signed_in(account, cx, &client, mechanism, &known);
                });
            }
        }));
    }

    /// The client that was away for longest, if there are as many as there may be; one that is there only if all are.
    async fn longest_away(
        &self,
        jid: &BareJid,
        owner: &Owner,
    ) -> Result<Option<String>, StoreError> {
        let all = self.store().read(CLIENTS.all(owner)).await?;
        if all.len() < self.limits().clients_per_account_max {
            return Ok(None);
        }
        let (_, connected) = self.clients_in_memory(jid);
        let longest = all.into_iter().min_by_key(|(name, record)| {
            let is_connected = connected.iter().any(|id| id.to_string() == *name);
            (is_connected, record.last_seen)
        });
        Ok(longest.map(|(name, _)| name))
    }

    /// When somebody last signed in to an account, if it is not on disk yet.
    pub(super) fn unwritten_sign_in(&self, jid: &BareJid) -> Option<i64> {
        let cell = self.known_account(jid)?;
        match &*cell.lock() {
            CellState::Ready(account) => account.behind.clients.as_ref()?.signed_in,
            CellState::Loading { .. } | CellState::Gone { .. } => None,
        }
    }

    /// The clients of an account, the one seen last first.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn clients(&self, jid: &BareJid) -> Result<Vec<ClientInfo>, StoreError> {
        let Some(kept) = self.host(jid.domain()).and_then(|host| host.clients_kept()) else {
            return Ok(Vec::new());
        };
        let owner = Owner::Account(jid.clone());
        let question = (
            ACCOUNT.get(&owner, &()),
            CLIENTS.all(&owner),
            TOKENS.all(&owner),
        );
        let (record, stored, tokens) = self.store().read(question).await?;
        let record = record.unwrap_or_default();
        let (unwritten, connected) = self.clients_in_memory(jid);
        let mut all = stored;
        for (id, record) in unwritten {
            all.retain(|(name, _)| *name != id.to_string());
            all.push((id.to_string(), record));
        }
        let now = self.environment().timestamp();
        let mut clients: Vec<_> = all
            .into_iter()
            .filter_map(|(name, client)| {
                let tokens = tokens.iter().find(|(of, _)| *of == name);
                let id = ClientName::parse(&name)?;
                let is_connected = connected.contains(&id);
                Some(ClientInfo {
                    knows_password: client.knows_password(record.password_since()),
                    token_until: tokens.and_then(|(_, tokens)| tokens.until(&record, now)),
                    id,
                    software: client.software,
                    device: client.device,
                    first_seen: Timestamp::from_micros(client.first_seen),
                    last_seen: match is_connected {
                        true => now,
                        false => Timestamp::from_micros(client.last_seen),
                    },
                    mechanism: client.mechanism,
                    is_connected,
                })
            })
            .filter(|client| {
                // What is to be forgotten may not have been yet.
                forgotten_at(client.last_seen.as_micros(), kept) > now.as_micros()
            })
            .collect();
        clients.sort_by(|one, other| {
            let seen = other.last_seen.cmp(&one.last_seen);
            seen.then_with(|| one.id.cmp(&other.id))
        });
        Ok(clients)
    }

    /// What is not on disk yet, and which have a session.
    fn clients_in_memory(
        &self,
        jid: &BareJid,
    ) -> (Vec<(ClientName, ClientRecord)>, Vec<ClientName>) {
        let Some(cell) = self.known_account(jid) else {
            return Default::default();
        };
        match &*cell.lock() {
            CellState::Ready(account) => (
                match &account.behind.clients {
                    Some(behind) => behind.changed.clone(),
                    None => Vec::new(),
                },
                account
                    .resources()
                    .filter_map(|resource| resource.client())
                    .collect(),
            ),
            CellState::Loading { .. } | CellState::Gone { .. } => Default::default(),
        }
    }

    /// Takes from a client what it can sign in with, but for the password; its sessions are for
    /// [`end_client`](Self::end_client) to end. `None` when there is no such client.
    ///
    /// # Errors
    ///
    /// What the store says; then nothing was changed.
    pub async fn revoke_client(
        self: &Arc<Self>,
        jid: &BareJid,
        id: &ClientName,
    ) -> Result<Option<Revoked>, StoreError> {
        let all = self.clients(jid).await?;
        let Some(client) = all.into_iter().find(|client| client.id == *id) else {
            return Ok(None);
        };
        let owner = Owner::Account(jid.clone());
        let name = id.to_string();
        let mut tokens = self.store().write(TOKENS, &owner).await?;
        tokens.delete(&name);
        if !client.knows_password {
            // Nothing is left that it could do.
            self.forget_unwritten(jid, id);
            tokens.batch().delete(CLIENTS, &owner, &name);
        }
        tokens.commit().durable().await?;
        Ok(Some(Revoked {
            had_token: client.token_until.is_some(),
            knows_password: client.knows_password,
        }))
    }

    fn forget_unwritten(&self, jid: &BareJid, id: &ClientName) {
        if let Some(cell) = self.known_account(jid)
            && let CellState::Ready(account) = &mut *cell.lock()
            && let Some(behind) = &mut account.behind.clients
        {
            behind.changed.retain(|(of, _)| of != id);
        }
    }

    /// Whether a session is one of this client's.
    pub(crate) fn is_session_of(&self, jid: &BareJid, session: SessionId, id: &ClientName) -> bool {
        let Some(cell) = self.known_account(jid) else {
            return false;
        };
        match &*cell.lock() {
            CellState::Ready(account) => account.sessions_of(id).contains(&session),
            CellState::Loading { .. } | CellState::Gone { .. } => false,
        }
    }

    /// Ends the sessions of a client with `reset`. How many ended.
    pub fn end_client(self: &Arc<Self>, jid: &BareJid, id: &ClientName) -> usize {
        let Some(cell) = self.known_account(jid) else {
            return 0;
        };
        let sessions = self.visit(&cell, Gates::OPEN, |account, cx| {
            let sessions = account.sessions_of(id);
            for session in &sessions {
                ending::end(account, cx, *session, &StreamFault::Reset);
            }
            sessions.len()
        });
        sessions.unwrap_or(0)
    }
}

impl Account {
    /// The sessions of a client.
    pub(crate) fn sessions_of(&self, id: &ClientName) -> Vec<SessionId> {
        self.resources()
            .filter(|resource| resource.client() == Some(*id))
            .map(|resource| resource.session().id())
            .collect()
    }
}
