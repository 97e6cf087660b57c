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

use std::{fmt, sync::Arc, time::Duration};

use jid::BareJid;
use ring::digest;
use sasl::Mechanism;
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Batch, Collection, Map, Owner, StoreError, Version};
use stream::{StreamFault, UserAgent};

use super::{
    Account, AccountRecord, CellState, credentials::ACCOUNT, ending, noted, tokens::TOKENS,
};
use crate::{
    pipeline::{Context, Gates},
    server::Server,
    session::SessionId,
};

/// One record per client, by its name.
pub(crate) const CLIENTS: Collection<Map<String, ClientRecord>> =
    Collection::new("account.clients", Version(1));

/// When somebody last signed in, microseconds UTC.
pub(crate) const SIGNED_IN: Collection<Map<(), i64>> =
    Collection::new("account.signed-in", Version(1));

/// A resource that stands for a client's own words is cut to this many bytes.
const SAID_BYTES_MAX: usize = 255;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Our name for one client of an account: opaque, and the same whenever the client comes back.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientName([u8; 8]);

/// A client that signs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// Our name for it.
    pub id: ClientName,
    /// What software it says it is.
    pub software: Option<String>,
    /// What it says it runs on; of a client that says nothing, the resource it asked for.
    pub device: Option<String>,
}

/// What is stored of a client.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClientRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    software: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Microseconds UTC, as the others.
    first_seen: i64,
    last_seen: i64,
    /// How it signed in last, by the name of the mechanism.
    mechanism: String,
    /// When it last showed that it knows the password; to the day, as long as that is the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_seen: Option<i64>,
}

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

/// What was read of a client when it bound a resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its record, if there is one.
    pub(crate) record: Option<ClientRecord>,
    /// Another one that has to make room.
    pub(crate) displaced: Option<String>,
    /// Since when the password is the one it is.
    pub(crate) password_since: i64,
}

impl ClientName {
    /// No client has it.
    pub(super) const NOBODY: Self = Self([0; 8]);

    /// Of a client that gives the id of its installation.
    #[must_use]
    pub fn of_installation(id: stream::ClientId) -> Self {
        Self::of("installation", &id.to_string())
    }

    /// Of one that only asked for a resource, or not even that.
    #[must_use]
    pub fn of_resource(requested: Option<&str>) -> Self {
        Self::of("resource", requested.unwrap_or_default())
    }

    /// Reads it as it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok();
        number.filter(|_| is_ours).map(|it| Self(it.to_be_bytes()))
    }

    /// A hash: what a client says of itself is nobody else's business, and may be long. That two clients of one account
    /// share one is not to be expected, and would do no harm: a token is still for who has it.
    fn of(kind: &str, name: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, format!("{kind}\0{name}").as_bytes());
        let mut short = [0; 8];
        for (to, from) in short.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self(short)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientName({self})")
    }
}

impl Client {
    /// One that says nothing new of itself.
    fn unsaid(id: ClientName) -> Self {
        Self {
            id,
            software: None,
            device: None,
        }
    }

    /// One that says who it is.
    #[must_use]
    pub fn of_agent(agent: &UserAgent) -> Self {
        let id = match agent.id {
            Some(id) => ClientName::of_installation(id),
            None => ClientName::of_resource(None),
        };
        Self {
            id,
            software: agent.software.clone(),
            device: agent.device.clone(),
        }
    }

    /// One that only asked for a resource, or not even that.
    #[must_use]
    pub fn of_resource(requested: Option<&str>, agent: Option<&UserAgent>) -> Self {
        let agent = agent.cloned().unwrap_or_default();
        Self {
            id: ClientName::of_resource(requested),
            software: agent.software,
            device: agent.device.or_else(|| requested.and_then(said)),
        }
    }
}

/// What a client calls its resource, bounded; nothing, if it is empty.
fn said(text: &str) -> Option<String> {
    let text = text.trim();
    let cut = text.floor_char_boundary(SAID_BYTES_MAX);
    let text = text.get(..cut).unwrap_or_default();
    (!text.is_empty()).then(|| text.to_owned())
}

impl ClientRecord {
    /// The record after a sign-in; `None` when the one that is stored will do.
    fn after(known: &Known, client: &Client, mechanism: Mechanism, now: i64) -> Option<Self> {
        let shows_password = mechanism.is_password();
        let before = match &known.record {
            Some(before) => before.clone(),
            None => Self {
                first_seen: now,
                ..Self::default()
            },
        };
        let had_password = before.knows_password(known.password_since);
        let is_same = known.record.is_some()
            && day(before.last_seen) == day(now)
            && before.mechanism == mechanism.name()
            && (client.software.is_none() || client.software == before.software)
            && (client.device.is_none() || client.device == before.device)
            && (!shows_password || had_password);
        (!is_same).then(|| Self {
            software: client.software.clone().or(before.software),
            device: client.device.clone().or(before.device),
            last_seen: now,
            mechanism: mechanism.name().to_owned(),
            password_seen: match shows_password {
                true => Some(now),
                false => before.password_seen,
            },
            ..before
        })
    }

    /// Whether it showed the password that has been in force `since` then.
    fn knows_password(&self, since: i64) -> bool {
        self.password_seen.is_some_and(|seen| seen >= since)
    }
}

fn day(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// What the account's clients on disk are behind in.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// When somebody last signed in.
    pub(super) signed_in: Option<i64>,
    /// Records to be written.
    changed: Vec<(ClientName, ClientRecord)>,
    /// Clients that made room.
    displaced: Vec<String>,
}

impl Behind {
    /// Puts back what a lost batch did not write, unless there is something newer.
    pub(super) fn put_back(&mut self, lost: Self) {
        self.signed_in = self.signed_in.or(lost.signed_in);
        for (id, record) in lost.changed {
            if !self.changed.iter().any(|(known, _)| *known == id) {
                self.changed.push((id, record));
            }
        }
        self.displaced.extend(lost.displaced);
    }

    /// Into the batch, to be forgotten by itself `kept` after the client was last seen.
    pub(super) fn write(&self, owner: &Owner, kept: Duration, batch: &mut Batch) {
        if let Some(at) = &self.signed_in {
            batch.put(SIGNED_IN, owner, &(), at);
        }
        for name in &self.displaced {
            batch.delete(CLIENTS, owner, name);
            batch.delete(TOKENS, owner, name);
        }
        for (id, record) in &self.changed {
            let until = forgotten_at(record.last_seen, kept);
            batch.put_until(CLIENTS, owner, &id.to_string(), record, until);
        }
    }
}

fn forgotten_at(last_seen: i64, kept: Duration) -> i64 {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    last_seen.saturating_add(kept)
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
    /// What has to be known of a client that is about to bind a resource: the account's record, and the client's.
    pub(crate) async fn client_to_bind(
        &self,
        jid: &BareJid,
        client: &ClientName,
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
        let (Some(record), client) = self.store().read(question).await? else {
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
            if let Ok(Some((_, known))) = server.client_to_bind(&jid, &id).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = DAY_MICROS / 2;

    #[test]
    fn a_client_has_one_name_that_says_nothing_of_it() {
        let uuid = |text: &str| stream::ClientId::parse(text).expect("a UUID");
        let id = ClientName::of_installation(uuid("d4565fa7-4d72-4749-b3d3-740edbf87770"));
        let upper = uuid("D4565FA7-4D72-4749-B3D3-740EDBF87770");
        assert_eq!(id, ClientName::of_installation(upper));
        let text = id.to_string();
        assert_eq!(ClientName::parse(&text), Some(id));
        assert_eq!(text.len(), 16);
        assert!(!text.contains("d4565fa7"));
        for foreign in [
            "",
            "+123456789abcdef",
            "123456789abcdef",
            "0123456789abcdefg",
        ] {
            assert_eq!(ClientName::parse(foreign), None, "{foreign}");
        }
        let named = ClientName::of_resource(Some("d4565fa7-4d72-4749-b3d3-740edbf87770"));
        assert_ne!(named, id);
        assert_eq!(
            ClientName::of_resource(None),
            ClientName::of_resource(Some(""))
        );
    }

    #[test]
    fn a_resource_stands_for_what_a_client_does_not_say() {
        let long = "é".repeat(200);
        let device = |requested, agent| Client::of_resource(requested, agent).device;
        let cut = device(Some(&long), None);
        assert_eq!(cut.map(|device| device.len()), Some(254));
        assert_eq!(device(Some(" "), None), None);
        let agent = agent("", "laptop");
        assert_eq!(device(Some("x"), Some(&agent)).as_deref(), Some("laptop"));
    }

    fn agent(software: &str, device: &str) -> UserAgent {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserAgent {
            id: None,
            software: said(software),
            device: said(device),
        }
    }

    #[test]
    fn a_sign_in_is_written_when_it_says_something_new() {
        let known = |record: ClientRecord| Known {
            record: Some(record),
            displaced: None,
            password_since: 10,
        };
        let before = ClientRecord {
            software: Some("Gajim".to_owned()),
            device: Some("laptop".to_owned()),
            first_seen: 5,
            last_seen: NOON,
            mechanism: "SCRAM-SHA-256".to_owned(),
            password_seen: Some(20),
        };
        let same = known(before.clone());
        let by = Mechanism::ScramSha256;
        check(&Known::default(), "Gajim", "laptop", by, NOON, true);
        check(&same, "Gajim", "laptop", by, NOON, false);
        check(&same, "", "", by, DAY_MICROS - 1, false);
        check(&same, "", "", by, DAY_MICROS, true);
        check(&same, "Gajim 2", "laptop", by, NOON, true);
        check(&same, "Gajim", "desktop", by, NOON, true);
        check(&same, "Gajim", "laptop", Mechanism::HtSha256, NOON, true);
        let other_password = known(ClientRecord {
            password_seen: Some(9),
            ..before.clone()
        });
        check(&other_password, "", "", by, NOON, true);
        let by_token = known(ClientRecord {
            password_seen: Some(9),
            mechanism: "HT-SHA-256-NONE".to_owned(),
            ..before
        });
        check(&by_token, "", "", Mechanism::HtSha256, NOON, false);

        #[track_caller]
        fn check(
            known: &Known,
            software: &str,
            device: &str,
            mechanism: Mechanism,
            now: i64,
            is_written: bool,
        ) {
            let client = Client::of_agent(&agent(software, device));
            let after = ClientRecord::after(known, &client, mechanism, now);
            assert_eq!(
                after.is_some(),
                is_written,
                "{software} {device} {mechanism} {now}"
            );
        }
    }

    #[test]
    fn a_token_does_not_show_that_a_client_knows_the_password() {
        let client = Client::of_agent(&UserAgent::default());
        let known = Known::default();
        let by_token = ClientRecord::after(&known, &client, Mechanism::HtSha256, 30);
        assert_eq!(
            by_token.map(|record| record.knows_password(20)),
            Some(false)
        );
        let by_password = ClientRecord::after(&known, &client, Mechanism::Plain, 30);
        let by_password = by_password.expect("it is new");
        assert!(by_password.knows_password(20));
        assert!(!by_password.knows_password(31), "it was changed since");
    }
}
