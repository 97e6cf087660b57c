//! # Strangers
//!
//! An account can be closed to strangers: what people write who are no contacts of its user, and whom the user never
//! wrote to, comes back as undeliverable. They can still ask to become contacts.
//!
//! What holds for accounts that have said nothing is the operator's choice, off by default; users decide for themselves
//! with the command `user strangers`.
//!
//! `rule.rs` is what is kept with an account, `screens.rs` what is stopped, `commands.rs` the command, `tests/` the
//! transcripts.

mod commands;
mod rule;
mod screens;

use engine::{
    Authentication, HostFacts,
    account::ResidentKind,
    command::{CommandEntry, command},
    module::{ConfigError, Key, Module, Spec, Wiring},
    pipeline::{
        Stage,
        events::{IqArrived, MessageArrived, MessageSent},
    },
};
use rule::{Acquaintances, Own, Rule};
use serde::Deserialize;

/// The feature.
pub struct Strangers {
    /// For accounts that have said nothing.
    usual: Rule,
}

/// `strangers = "block"`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Config(Rule);

impl Module for Strangers {
    const NAME: &'static str = "strangers";
    const SPECS: &'static [Spec] = &[];
    const RESIDENT: &'static [ResidentKind] = &[
        ResidentKind::of::<Own>(),
        ResidentKind::of::<Acquaintances>(),
    ];
    const COMMANDS: &'static [CommandEntry] = &[command::<commands::SetRule>()];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "Whether accounts whose users have not decided get messages from people who are no contacts: \
                     \"allow\" or \"block\". The command `user strangers` decides for one account.";
        vec![Key::main(&Rule::Allow, about)]
    }

    fn new(Config(usual): Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then_some(Self { usual }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .on::<MessageSent>(Stage::Fork)
            .screen::<MessageArrived>()
            .screen::<IqArrived>();
    }
}
