//! # Announcements
//!
//! What an operator has to say to the users of a host, from the host's own address: to those who are there, as a
//! headline that nobody keeps; or to all, and then it waits for those who are away.
//!
//! `commands.rs` is `announce`, `chunks.rs` tells many, `tests/` holds the transcripts.

#[cfg(test)]
mod chunks;
mod commands;

use engine::{
    HostFacts,
    command::{CommandEntry, command},
    module::{ConfigError, Module, NoConfig, Spec, Wiring},
};

/// The feature.
pub struct Announcements;

impl Module for Announcements {
    const NAME: &'static str = "announce";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[command::<commands::Announce>()];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(_: &mut Wiring<'_, Self>) {}
}
