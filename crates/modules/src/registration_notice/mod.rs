//! # Notice of Registrations
//!
//! Tells the administrators, or whom the operator names, when somebody has registered an account.
//!
//! `tests/` holds the transcripts.

use engine::{
    Authentication, HostFacts,
    account::Account,
    module::{ConfigError, Key, Module, On, Spec, Wiring},
    notice::{Audience, fill_in},
    pipeline::{Context, Stage, events::AccountCreated},
};
use jid::BareJid;
use serde::Deserialize;
use stanza::MessageType;

/// The feature.
pub struct RegistrationNotice {
    to: Vec<BareJid>,
    text: String,
}

/// `registration_notice = "admins"`, `registration_notice = ["nurse@example.org"]`, or a table with `to` and `text`.
/// Off unless somebody is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"admins\", a list of accounts, or a table with \"to\" and \"text\""
)]
pub enum Config {
    /// Nobody is told.
    #[default]
    Nobody,
    /// Who is told, with the usual text.
    To(Audience),
    /// All of it.
    Table(Notice),
}

/// Who is told, and what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Who is told.
    pub to: Audience,
    /// What they read; `{username}` and `{host}` are filled in.
    #[serde(default = "usual_text")]
    pub text: String,
}

fn usual_text() -> String {
    "{username} has registered on {host}.".to_owned()
}

impl Module for RegistrationNotice {
    const NAME: &'static str = "registration_notice";
    const SPECS: &'static [Spec] = &[];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let about = "Who hears of registrations: \"admins\", a list of accounts, or a table with `to` and `text`, in which \
                     `{username}` and `{host}` are filled in.";
        vec![Key::main(&(), about)]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        if host.authentication != Authentication::Accounts {
            return Ok(None);
        }
        let (to, text) = match config {
            Config::Nobody => return Ok(None),
            Config::To(to) => (to, usual_text()),
            Config::Table(Notice { to, text }) => (to, text),
        };
        let to = to.accounts(host);
        Ok((!to.is_empty()).then_some(Self { to, text }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.on::<AccountCreated>(Stage::Listen);
    }
}

impl On<AccountCreated> for RegistrationNotice {
    fn on(&self, event: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        if !event.registered {
            return;
        }
        let text = fill_in(&self.text, account.jid());
        let environment = cx.server().environment();
        for admin in &self.to {
            let to = admin.clone().into();
            cx.route(
                cx.host()
                    .notice(environment, to, MessageType::Normal, &text),
            );
        }
    }
}
