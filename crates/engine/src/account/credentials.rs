//! Accounts as the store knows them: that they exist, whether they may sign in, and SCRAM keys.
//!
//! A password is never stored. Unknown, wrong and disabled look the same to a client: for a name
//! without an account keys are made from a stored secret, and they cost the same work.

use std::{collections::BTreeMap, sync::Arc};

use jid::{BareJid, FullJid};
use sasl::{Credentials, Hash, Password, ScramKeys};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Batch, Collection, Map, Owner, StoreError, Version};
use stream::StreamFault;
use thiserror::Error;

use super::{CONTACTS, Contacts, clients::SIGNED_IN, ending, tokens::TOKENS};
use crate::{
    environment::random_bytes,
    host::Host,
    permission::Role,
    pipeline::{
        Gates,
        events::{AccountCreated, AccountDisabled, Event, PasswordChanged},
    },
    server::Server,
    session::{Session, SessionId},
};

/// One record per account.
pub(crate) const ACCOUNT: Collection<Map<(), AccountRecord>> =
    Collection::new("account", Version(1));

/// SCRAM keys by hash name.
const KEYS: Collection<Map<String, String>> = Collection::new("account.scram", Version(1));

/// What is known of an account besides its contents.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AccountRecord {
    /// When it was made, microseconds UTC.
    pub created: i64,
    /// When somebody last signed in, microseconds UTC. Stored apart by now; what stands here is from an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<i64>,
    /// Since when the password is the one it is, microseconds UTC; `None` if it was never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_set: Option<i64>,
    /// How often that which lets somebody sign in became something else. What was given out for an earlier number is void.
    #[serde(skip_serializing_if = "is_zero")]
    pub credentials: u32,
    /// Nobody may sign in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// From when on it may be deleted, microseconds UTC, if it is to be. Nobody may sign in either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_due: Option<i64>,
    /// Its user registered it, rather than an operator.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub registered: bool,
    /// What an operator made it on its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// An account can't be made or changed.
#[derive(Clone, Debug, Error)]
pub enum AccountError {
    /// The domain is none of ours, or keeps no accounts.
    #[error("there are no accounts on {0}")]
    NoHost(String),
    /// There is one already.
    #[error("the account {0} exists already")]
    Exists(BareJid),
    /// There is none.
    #[error("there is no account {0}")]
    Missing(BareJid),
    /// The password is empty or can't be prepared (RFC 4013).
    #[error("this password can't be used: {0}")]
    Password(sasl::PrepareError),
    /// The store failed.
    #[error("the account could not be stored: {0}")]
    Store(#[from] StoreError),
}

impl Server {
    /// Makes an account.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn create_account(
        self: &Arc<Self>,
        jid: &BareJid,
        password: &str,
        registered: bool,
    ) -> Result<(), AccountError> {
        let host = self.accounts_host(jid)?;
        let keys = self.derive(&host, password).await?;
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        if !record.is_empty() || (registered && self.is_gone(&host, jid).await?) {
            return Err(AccountError::Exists(jid.clone()));
        }
        let created = self.environment().timestamp().as_micros();
        record.put(
            (),
            AccountRecord {
                created,
                registered,
                // What was given out to an earlier account of this name is not for this one.
                credentials: u32::from_le_bytes(random_bytes(self.environment())),
                ..AccountRecord::default()
            },
        );
        put_keys(record.batch(), &owner, &keys);
        record.commit().durable().await?;
        self.tell(jid, AccountCreated { registered }).await;
        Ok(())
    }

    /// Tells the account an event of its life, if anybody listens.
    pub(super) async fn tell<E: Event + Send>(self: &Arc<Self>, jid: &BareJid, event: E) {
        let listened = self
            .host(jid.domain())
            .is_some_and(|host| !E::handlers(host.pipeline()).is_empty());
        if listened && let Ok(Some(cell)) = self.account(jid).await {
            self.visit(&cell, Gates::OPEN, |account, cx| cx.tell(event, account));
            self.retire_idle(&cell);
        }
    }

    /// Sets the password; every session of the account but `except` ends with `reset`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn set_password(
        self: &Arc<Self>,
        jid: &BareJid,
        password: &str,
        except: Option<SessionId>,
    ) -> Result<(), AccountError> {
        let host = self.accounts_host(jid)?;
        let keys = self.derive(&host, password).await?;
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        if record.is_empty() {
            return Err(AccountError::Missing(jid.clone()));
        }
        if let Some(before) = record.get(&()).cloned() {
            let changed = AccountRecord {
                password_set: Some(self.environment().timestamp().as_micros()),
                ..before.with_other_credentials()
            };
            record.put((), changed);
        }
        put_keys(record.batch(), &owner, &keys);
        record.batch().clear(TOKENS, &owner);
        record.commit().durable().await?;
        self.tell(jid, PasswordChanged {}).await;
        self.end_sessions(jid, except, &StreamFault::Reset);
        Ok(())
    }

    /// Lets nobody sign in to the account, or lets them again; sessions end with `not-authorized`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn set_disabled(
        self: &Arc<Self>,
        jid: &BareJid,
        disabled: bool,
    ) -> Result<(), AccountError> {
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        let Some(before) = record.get(&()).cloned() else {
            return Err(AccountError::Missing(jid.clone()));
        };
        let after = match disabled {
            true => before.with_other_credentials(),
            false => before,
        };
        record.put((), AccountRecord { disabled, ..after });
        if disabled {
            record.batch().clear(TOKENS, &owner);
        }
        record.commit().durable().await?;
        self.tell(jid, AccountDisabled { disabled }).await;
        if disabled {
            self.end_sessions(jid, None, &StreamFault::AccountGone);
        }
        Ok(())
    }

    /// The accounts of a host, by address.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn accounts(&self, host: &Host) -> Result<Vec<(BareJid, AccountRecord)>, StoreError> {
        let question = (ACCOUNT.holders(&()), SIGNED_IN.holders(&()));
        let (holders, signed_in) = self.store().read(question).await?;
        let signed_in: BTreeMap<_, _> = signed_in.into_iter().collect();
        let mut accounts: Vec<_> = holders
            .into_iter()
            .filter_map(|(owner, record)| match &owner {
                Owner::Account(jid) if jid.domain() == host.domain().as_str() => {
                    let signed_in = signed_in.get(&owner).copied();
                    Some((jid.clone(), self.with_last_sign_in(jid, record, signed_in)))
                }
                _ => None,
            })
            .collect();
        accounts.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(accounts)
    }

    /// One account's record.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn account_record(&self, jid: &BareJid) -> Result<Option<AccountRecord>, StoreError> {
        let owner = Owner::Account(jid.clone());
        let question = (ACCOUNT.get(&owner, &()), SIGNED_IN.get(&owner, &()));
        let (record, signed_in) = self.store().read(question).await?;
        Ok(record.map(|record| self.with_last_sign_in(jid, record, signed_in)))
    }

    /// A record as others are to see it.
    fn with_last_sign_in(
        &self,
        jid: &BareJid,
        record: AccountRecord,
        signed_in: Option<i64>,
    ) -> AccountRecord {
        let unwritten = self.unwritten_sign_in(jid);
        AccountRecord {
            last_sign_in: record.last_sign_in.max(signed_in).max(unwritten),
            ..record
        }
    }

    /// How many contacts the roster of an account lists.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn count_contacts(&self, jid: &BareJid) -> Result<usize, StoreError> {
        let owner = Owner::Account(jid.clone());
        let stored = self.store().read(CONTACTS.all(&owner)).await?;
        Ok(Contacts::load(stored, Timestamp::from_micros(0)).listed_count())
    }

    /// What a sign-in as `username` is checked against: for an account that may not sign in, or that
    /// does not exist, credentials that no password fits. `hash` is the one that the mechanism has; without one, the strongest
    /// that there are keys of will do. Also the record as it was in that moment, if somebody can get in.
    pub(crate) async fn credentials(
        &self,
        host: &Host,
        username: &str,
        authzid: Option<&str>,
        hash: Option<Hash>,
    ) -> Result<(Credentials, Option<AccountRecord>), StoreError> {
        let facts = host.facts();
        let account = facts.domain.with_local(username).ok();
        let strongest = facts.scram_hashes.iter().copied().max();
        let strongest = strongest.unwrap_or(Hash::Sha256);
        // Made for every sign-in, known or not, so that the work is the same.
        let prepared = account
            .as_ref()
            .and_then(|jid| jid.local())
            .unwrap_or(username);
        let fake = self.fake_credentials().for_name(
            prepared,
            hash.unwrap_or(strongest),
            facts.scram_iterations,
        );
        // An address that can't be one is asked for all the same.
        let jid = account.unwrap_or_else(|| BareJid::from(facts.domain.clone()));
        let owner = Owner::Account(jid.clone());
        let (record, keys) = self.keys_of(&owner, hash).await?;
        Ok(match (record, keys) {
            (Some(record), Some(keys)) if record.may_sign_in() => match authzid {
                Some(authzid) if BareJid::parse(authzid).ok().as_ref() != Some(&jid) => {
                    (Credentials::foreign_authzid(keys), None)
                }
                _ => (Credentials::active(keys), Some(record)),
            },
            (Some(_), Some(keys)) => (Credentials::refused(keys), None),
            (_, _) => (Credentials::refused(fake), None),
        })
    }

    /// An account's record, and its keys of a hash or else the strongest.
    async fn keys_of(
        &self,
        owner: &Owner,
        hash: Option<Hash>,
    ) -> Result<(Option<AccountRecord>, Option<ScramKeys>), StoreError> {
        let account = ACCOUNT.get(owner, &());
        let Some(hash) = hash else {
            let (record, keys) = self.store().read((account, KEYS.all(owner))).await?;
            let keys = keys.iter();
            let readable = keys.filter_map(|(_, keys)| ScramKeys::decode(keys).ok());
            return Ok((record, readable.max_by_key(ScramKeys::hash)));
        };
        let keys = KEYS.get(owner, &hash.name().to_owned());
        let (record, keys) = self.store().read((account, keys)).await?;
        let keys = keys.and_then(|keys| ScramKeys::decode(&keys).ok());
        Ok((record, keys))
    }

    /// Of which hashes an account has no keys though its host wants them: those that came to the configuration after its
    /// password was set.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn hashes_lacking(
        &self,
        host: &Host,
        jid: &BareJid,
    ) -> Result<Vec<Hash>, StoreError> {
        let owner = Owner::Account(jid.clone());
        let stored = self.store().read(KEYS.all(&owner)).await?;
        let mut lacking = host.facts().scram_hashes.clone();
        lacking.retain(|hash| !stored.iter().any(|(name, _)| name == hash.name()));
        Ok(lacking)
    }

    /// Adds keys of a hash that the account lacks, made of the password it has. `false` when it has some meanwhile: then
    /// another password was set, and these are not of it.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn add_keys(&self, jid: &BareJid, keys: &ScramKeys) -> Result<bool, AccountError> {
        let owner = Owner::Account(jid.clone());
        let name = keys.hash().name().to_owned();
        // Who sets a password holds the record until its keys are written.
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        if record.is_empty() {
            return Err(AccountError::Missing(jid.clone()));
        }
        if self.store().read(KEYS.get(&owner, &name)).await?.is_some() {
            return Ok(false);
        }
        record.batch().put(KEYS, &owner, &name, &keys.encode());
        record.commit().durable().await?;
        Ok(true)
    }

    /// Makes the account something else on its host; its sessions end with `reset`, so that none is left
    /// with another role.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; then nothing was changed.
    pub async fn set_role(self: &Arc<Self>, jid: &BareJid, role: Role) -> Result<(), AccountError> {
        let owner = Owner::Account(jid.clone());
        let mut record = self.store().write(ACCOUNT, &owner).await?;
        let Some(before) = record.get(&()).cloned() else {
            return Err(AccountError::Missing(jid.clone()));
        };
        let role = Some(role);
        record.put((), AccountRecord { role, ..before });
        record.commit().durable().await?;
        self.end_sessions(jid, None, &StreamFault::Reset);
        Ok(())
    }

    /// The role of an account on its host.
    pub fn role_of(&self, host: &Host, jid: &BareJid, record: Option<&AccountRecord>) -> Role {
        if host.facts().admins.contains(jid) {
            return Role::Operator;
        }
        match record {
            None => Role::Guest,
            Some(record) => record.role.unwrap_or(match record.registered {
                true => Role::Registered,
                false => Role::Member,
            }),
        }
    }

    /// The role that a session's user has now: the one granted at sign-in, but for somebody who is no operator any more
    /// in the configuration in force.
    pub(crate) fn role_in_force(&self, session: &Session) -> Role {
        let (granted, jid) = (session.role(), session.full_jid());
        if granted < Role::Operator {
            return granted;
        }
        let is_operator = self.host(jid.domain()).is_some_and(|host| {
            let mut admins = host.facts().admins.iter();
            admins.any(|admin| admin.as_str() == jid.bare_str())
        });
        match is_operator {
            true => granted,
            false => Role::Registered,
        }
    }

    /// An operator ends the sessions of an account, or the one named, and may give a reason. How many ended.
    pub fn kick(
        self: &Arc<Self>,
        jid: &BareJid,
        only: Option<&FullJid>,
        reason: Option<&str>,
    ) -> usize {
        let reason = reason.unwrap_or("Kicked by the operator").to_owned();
        let fault = StreamFault::Kicked { reason };
        self.end_some(jid, &fault, |session| {
            only.is_none_or(|only| only == session.full_jid())
        })
    }

    /// Ends all sessions of an account but one.
    pub fn end_sessions(
        self: &Arc<Self>,
        jid: &BareJid,
        except: Option<SessionId>,
        fault: &StreamFault,
    ) -> usize {
        self.end_some(jid, fault, |session| Some(session.id()) != except)
    }

    fn end_some(
        self: &Arc<Self>,
        jid: &BareJid,
        fault: &StreamFault,
        is_meant: impl Fn(&Session) -> bool,
    ) -> usize {
        let Some(cell) = self.known_account(jid) else {
            return 0;
        };
        self.visit(&cell, Gates::OPEN, |account, cx| {
            let sessions: Vec<SessionId> = account
                .resources()
                .filter(|resource| is_meant(resource.session()))
                .map(|resource| resource.session().id())
                .collect();
            for session in &sessions {
                ending::end(account, cx, *session, fault);
            }
            sessions.len()
        })
        .unwrap_or(0)
    }

    fn accounts_host(&self, jid: &BareJid) -> Result<Arc<Host>, AccountError> {
        let host = self.host(jid.domain()).filter(|_| jid.local().is_some());
        host.filter(|host| host.facts().authentication == crate::host::Authentication::Accounts)
            .ok_or_else(|| AccountError::NoHost(jid.domain().to_owned()))
    }

    /// Derives SCRAM keys for every hash of the host, off the worker.
    async fn derive(&self, host: &Host, password: &str) -> Result<Vec<ScramKeys>, AccountError> {
        let password = Password::prepare(password).map_err(AccountError::Password)?;
        let facts = host.facts();
        let (hashes, iterations) = (facts.scram_hashes.clone(), facts.scram_iterations);
        let salts: Vec<[u8; 16]> = hashes
            .iter()
            .map(|_| random_bytes(self.environment()))
            .collect();
        let keys = self
            .compute(move || {
                hashes
                    .iter()
                    .zip(&salts)
                    .map(|(hash, salt)| ScramKeys::derive(*hash, &password, salt, iterations))
                    .collect::<Vec<_>>()
            })
            .await;
        keys.ok_or(AccountError::Store(StoreError::Closed))
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn put_keys(batch: &mut Batch, owner: &Owner, keys: &[ScramKeys]) {
    batch.clear(KEYS, owner);
    for keys in keys {
        batch.put(KEYS, owner, &keys.hash().name().to_owned(), &keys.encode());
    }
}

impl AccountRecord {
    /// Whether whoever knows the password may sign in.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        !self.disabled && self.deletion_due.is_none()
    }

    /// Since when the password is the one it is, microseconds UTC.
    pub(super) fn password_since(&self) -> i64 {
        self.password_set.unwrap_or(i64::MIN)
    }

    /// The same, with everything void that was given out to sign in with.
    pub(super) fn with_other_credentials(self) -> Self {
        Self {
            credentials: self.credentials.wrapping_add(1),
            ..self
        }
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_micros(self.created)
    }
}
