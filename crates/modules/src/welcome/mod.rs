//! # Welcome
//!
//! Whoever has registered an account finds a message from the host there. Accounts that an operator makes get none:
//! their users are told otherwise.
//!
//! `tests/` holds the transcripts.

use engine::{
    Authentication, HostFacts,
    account::Account,
    module::{ConfigError, Key, Module, On, Spec, Wiring},
    notice::fill_in,
    pipeline::{Context, Stage, events::AccountCreated},
};
use serde::Deserialize;
use stanza::MessageType;

/// The feature.
pub struct Welcome {
    text: String,
}

/// `welcome = "Hello {username}, welcome to {host}!"`; `{username}` and `{host}` are filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Config(Option<String>);

impl Module for Welcome {
    const NAME: &'static str = "welcome";
    const SPECS: &'static [Spec] = &[];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "What whoever registers finds; `{username}` and `{host}` are filled in.";
        vec![Key::main(&(), about)]
    }

    fn new(Config(text): Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_accounts = host.authentication == Authentication::Accounts;
        let text = text.filter(|text| has_accounts && !text.trim().is_empty());
        Ok(text.map(|text| Self { text }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.on::<AccountCreated>(Stage::Listen);
    }
}

impl On<AccountCreated> for Welcome {
    fn on(&self, event: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        if !event.registered {
            return;
        }
        let text = fill_in(&self.text, account.jid());
        let environment = cx.server().environment();
        let to = account.jid().clone().into();
        cx.route(
            cx.host()
                .notice(environment, to, MessageType::Normal, &text),
        );
    }
}
