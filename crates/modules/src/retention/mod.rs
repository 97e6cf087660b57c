//! # Retention
//!
//! How long archives are kept, and how much of them: per host, and for single accounts by a command. Once a day each
//! archive is looked at; what is too old goes, and of what is too much the oldest. Messages that wait to be delivered
//! stay until they are.
//!
//! `bounds.rs` says what holds for an account, `sweep.rs` makes it so, `commands.rs` holds the commands, `tests/` the
//! transcripts.

mod bounds;
mod commands;
mod sweep;

use std::{sync::Arc, time::Duration};

use engine::{
    Authentication, Host, HostFacts, Server,
    command::{CommandEntry, command},
    module::{ConfigError, Job, Key, Module, Spec, Wiring},
};
use serde::Deserialize;

use bounds::{Bounds, Keep};

/// Each time, one in [`sweep::TURNS`] of the archives is looked at.
const EVERY: Duration = Duration::from_secs(3_600);

/// The feature.
pub struct Retention {
    bounds: Bounds,
}

/// `retention = { keep = "1 year", bytes_max = 1000000000 }`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    keep: Keep,
    bytes_max: u64,
}

impl Module for Retention {
    const NAME: &'static str = "retention";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<commands::ShowArchive>(),
        command::<commands::KeepArchive>(),
    ];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let keep = "How long messages stay in archives: a period such as \"1 year\", or \"for ever\". What waits to be \
                    delivered stays.";
        let bytes_max = "How many bytes the archive of one account holds; past it the oldest messages go. 0 for as many \
                         as there are.";
        vec![
            Key::new("keep", &Keep::default().to_string(), &[keep]),
            Key::new("bytes_max", &0, &[bytes_max]),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_archives = host.authentication == Authentication::Accounts;
        let bounds = Bounds {
            keep: config.keep,
            bytes_max: Some(config.bytes_max).filter(|bytes| *bytes > 0),
        };
        Ok(has_archives.then_some(Self { bounds }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.job(EVERY);
    }
}

impl Job for Retention {
    async fn run(&self, host: &Arc<Host>, server: &Arc<Server>) {
        if let Err(error) = sweep::turn(self.bounds, host, server).await {
            tracing::error!(host = %host.domain(), %error, "archives were not looked through to the end; it is tried again");
        }
    }
}
