//! # Shared Groups
//!
//! Accounts of a host that are each other's contacts because the operator says so: a team, a family, everybody. They
//! stand in each other's rosters in a group of that name, see each other's presence, and can't be taken off the roster.
//! A user may still give such a contact a name and put it in groups of the user's own. Groups are declared in the
//! configuration or made by commands; a change is seen at once by whoever is there.
//!
//! Contacts by a group are the engine's ([`Circle`]): one object per group, whoever is in it, and nothing of it is
//! stored with an account. Subscriptions that users have by themselves stay beside it and count again when the group is
//! no more.
//!
//! `config.rs` is how groups are declared, `stored.rs` what commands have made, `table.rs` who is in which group,
//! `commands.rs` the commands, `tests/` holds the transcripts.

mod commands;
mod config;
mod stored;
mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{
    Authentication, Host, HostFacts, Server,
    account::{Account, Circle},
    command::{CommandEntry, command},
    module::{Circles, ConfigError, Key, Module, On, Prepare, Spec, Wiring},
    pipeline::{
        Context, Stage,
        events::{AccountCreated, AccountDeleted},
    },
};
use jid::BareJid;
use store::StoreError;

use config::Declared;
pub use config::{Config, Group, Labelled, Members};
use table::Table;

/// The feature.
pub struct SharedGroups {
    declared: Vec<Declared>,
    state: Mutex<State>,
}

/// Who is in which group, as last read and followed since.
#[derive(Default)]
struct State {
    table: Table,
    /// Counts accounts that came and went, so that a reading that missed one is seen.
    changes: u64,
}

impl Module for SharedGroups {
    const NAME: &'static str = "groups";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<commands::ListGroups>(),
        command::<commands::AddMember>(),
        command::<commands::RemoveMember>(),
    ];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "A table of groups of accounts that are each other's contacts, a key each.";
        vec![Key::main(&serde_json::json!({}), about)]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        if host.authentication != Authentication::Accounts {
            return Ok(None);
        }
        Ok(Some(Self {
            declared: config.groups_of(&host.domain)?,
            state: Mutex::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .prepare()
            .circles()
            .on::<AccountCreated>(Stage::Listen)
            .on::<AccountDeleted>(Stage::Listen);
    }
}

impl SharedGroups {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An account came or went; whoever is concerned and there learns of it after this run.
    fn changed(
        &self,
        account: &BareJid,
        cx: &Context<'_>,
        change: impl FnOnce(&mut Table) -> bool,
    ) {
        let concerned = {
            let mut state = self.state();
            state.changes += 1;
            let before = state.table.neighbours(account);
            if !change(&mut state.table) {
                return;
            }
            let mut concerned = state.table.neighbours(account);
            concerned.extend(before);
            concerned
        };
        let (host, server) = (cx.host().clone(), cx.server().clone());
        cx.server().environment().spawn(Box::pin(async move {
            let concerned: Vec<BareJid> = concerned.into_iter().collect();
            server.circles_changed(&host, Some(&concerned)).await;
        }));
    }
}

/// Reads the groups that commands have made and, where a group is of all accounts, which there are.
impl Prepare for SharedGroups {
    async fn prepare(&self, host: &Arc<Host>, server: &Arc<Server>) -> Result<(), StoreError> {
        loop {
            let changes = self.state().changes;
            let stored = stored::all(server, host).await?;
            let limit = server.limits().shared_group_members_max;
            let mut table = Table::new(&self.declared, stored, limit);
            if table.is_for_everybody() {
                table.fill(server.accounts(host).await?);
            }
            table.complain(host.domain());
            let mut state = self.state();
            if state.changes == changes {
                state.table = table;
                return Ok(());
            }
        }
    }
}

impl Circles for SharedGroups {
    fn circles(&self, account: &BareJid) -> Vec<Arc<Circle>> {
        self.state().table.circles(account)
    }
}

impl On<AccountCreated> for SharedGroups {
    fn on(&self, _: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        let jid = account.jid();
        self.changed(jid, cx, |table| table.came(jid));
    }
}

/// What a command has said of the account goes with it.
impl On<AccountDeleted> for SharedGroups {
    fn on(&self, _: &mut AccountDeleted, account: &mut Account, cx: &Context<'_>) {
        let jid = account.jid();
        let groups = self.state().table.stored_groups_of(jid);
        for group in groups {
            stored::remove(&mut cx.batch(), jid, &group);
        }
        self.changed(jid, cx, |table| table.went(jid));
    }
}
