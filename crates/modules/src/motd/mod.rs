//! # Message of the Day
//!
//! What an operator wants everybody to read once: whoever becomes available gets it as a message from the host, once per
//! account and text. It stands in the configuration or is set by `motd set`; what was said last counts.
//!
//! `text.rs` is the text in force, `seen.rs` who has had it, `commands.rs` the commands, `tests/` holds the transcripts.

mod commands;
mod seen;
mod text;

use std::sync::{Arc, PoisonError, RwLock};

use engine::{
    Host, HostFacts, Server,
    account::{Account, ResidentKind},
    command::{CommandEntry, command},
    module::{ConfigError, Key, Module, On, Prepare, Spec, Wiring},
    pipeline::{Context, Stage, events::SessionAvailable},
};
use seen::Seen;
use serde::Deserialize;
use stanza::MessageType;
use store::StoreError;
use text::Text;

/// The feature.
pub struct MessageOfTheDay {
    configured: Option<Text>,
    /// The one in force, as last read.
    current: RwLock<Option<Arc<Text>>>,
}

/// `motd = "The server moves on Sunday."`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Config(Option<String>);

impl Module for MessageOfTheDay {
    const NAME: &'static str = "motd";
    const SPECS: &'static [Spec] = &[];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<Seen>()];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<commands::SetMotd>(),
        command::<commands::ClearMotd>(),
        command::<commands::ShowMotd>(),
    ];
    type Config = Config;

    fn keys() -> Vec<Key> {
        vec![Key::main(
            &(),
            "The message of the day, which everybody gets to read once.",
        )]
    }

    fn new(Config(text): Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            configured: text.and_then(Text::new),
            current: RwLock::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.prepare().on::<SessionAvailable>(Stage::Listen);
    }
}

impl Prepare for MessageOfTheDay {
    async fn prepare(&self, host: &Arc<Host>, server: &Arc<Server>) -> Result<(), StoreError> {
        let text = text::in_force(server, host, self.configured.as_ref()).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = text.map(Arc::new);
        Ok(())
    }
}

impl On<SessionAvailable> for MessageOfTheDay {
    fn on(&self, _: &mut SessionAvailable, account: &mut Account, cx: &Context<'_>) {
        let current = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(text) = current.filter(|text| !seen::has_seen(account, text)) else {
            return;
        };
        let to = account.jid().clone().into();
        let environment = cx.server().environment();
        cx.route(
            cx.host()
                .notice(environment, to, MessageType::Normal, text.as_str()),
        );
        seen::sees(account, cx, &text);
    }
}
