//! # Deletion of Accounts
//!
//! What surrounds the end of an account, be it deleted by its user ([XEP-0077 §3.2]) or by an operator. For a grace
//! period it can be taken back as it was: nobody signs in to it, its contacts see it offline, and what is sent to it
//! waits. And once it is gone, its name can be kept from whoever would like to be taken for its user: while its
//! tombstone stands, nobody registers the name again, and contacts that still ask for its presence learn that it is
//! gone and that the subscription is over. An operator may make a new account of the name, which takes the tombstone
//! away.
//!
//! The steps of a deletion are the engine's, whether or not this feature is there; without it there is neither grace
//! nor tombstone.
//!
//! `commands.rs` is `user undelete`, `tombstone.rs` what is left of an account, `tests/` holds the transcripts.
//!
//! [XEP-0077 §3.2]: https://xmpp.org/extensions/xep-0077.html#usecases-cancel

mod commands;
#[cfg(test)]
mod crash;
mod tombstone;

use std::{sync::Arc, time::Duration};

use engine::{
    Authentication, Host, HostFacts, Server,
    account::Account,
    command::{CommandEntry, command},
    module::{ConfigError, Gone, Job, Key, Module, On, Spec, Wiring},
    period::Period,
    pipeline::{
        Context, Stage,
        events::{AccountCreated, AccountDeleted},
    },
};
use jid::BareJid;
use serde::Deserialize;
use store::{Batch, StoreError};

/// How often what is due is looked for.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// The feature.
pub struct AccountDeletion {
    config: Config,
}

/// `deletion = { grace = "7 days", tombstones = "52 weeks" }`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// For how long a deleted account can be taken back with `user undelete`. By default it is gone at once.
    pub grace: Period,
    /// For how long the name of a deleted account is kept from being registered again: a period, `true` for ever, or
    /// `false`, the default, not at all.
    pub tombstones: Tombstones,
}

/// Whether deleted accounts leave a tombstone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(
    untagged,
    expecting = "expected true, false, or a period in quotes such as \"52 weeks\""
)]
pub enum Tombstones {
    /// For ever, or none at all.
    Kept(bool),
    /// One that stands for so long.
    For(Period),
}

impl Default for Tombstones {
    fn default() -> Self {
        Self::Kept(false)
    }
}

impl Module for AccountDeletion {
    const NAME: &'static str = "deletion";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[command::<commands::UndeleteUser>()];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let grace = "For how long a deleted account can be taken back with `user undelete`; by default it is gone at once.";
        let tombstones = "For how long the name of a deleted account is kept from being registered again: a period, \
                          `true` for ever, `false` not at all.";
        vec![
            Key::new("grace", &"0 seconds", &[grace]),
            Key::new("tombstones", &false, &[tombstones]),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        // The account of an anonymous user ends with the session.
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then_some(Self { config }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let config = wiring.module().config;
        wiring.deletion_grace(config.grace.0).job(EVERY);
        if config.tombstones != Tombstones::Kept(false) {
            wiring
                .gone()
                .on::<AccountDeleted>(Stage::Listen)
                .on::<AccountCreated>(Stage::Listen);
        }
    }
}

/// In the batch that removes the account.
impl On<AccountDeleted> for AccountDeletion {
    fn on(&self, _: &mut AccountDeleted, account: &mut Account, cx: &Context<'_>) {
        let now = cx.timestamp();
        tombstone::raise(&mut cx.batch(), account.jid(), self.config.tombstones, now);
    }
}

/// Somebody has the name again, by an operator's will.
impl On<AccountCreated> for AccountDeletion {
    fn on(&self, _: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        tombstone::remove(&mut cx.batch(), account.jid());
    }
}

impl Gone for AccountDeletion {
    async fn is_gone(&self, account: &BareJid, server: &Arc<Server>) -> Result<bool, StoreError> {
        tombstone::stands(server, account, self.config.tombstones).await
    }
}

/// Accounts whose grace has passed, deletions that a crash cut short, and tombstones that have stood long enough.
impl Job for AccountDeletion {
    async fn run(&self, host: &Arc<Host>, server: &Arc<Server>) {
        if let Err(error) = server.finish_deletions(host).await {
            tracing::error!(host = %host.domain(), %error, "deletions are held up; they are tried again");
        }
        if let Tombstones::For(_) = self.config.tombstones {
            let mut batch = Batch::new();
            batch.expire(server.environment().timestamp().as_micros());
            server.store().submit(batch);
        }
    }
}
