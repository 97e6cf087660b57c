//! The log: human on a terminal, JSON where programs read it. Always on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};

/// The environment variable that overrides `log.level`, with the syntax of `tracing`'s filters.
const FILTER: &str = "COUPLET_LOG";

/// Starts logging as `config` says. Panics are logged too: each ends one task, not the process.
pub(crate) fn start(config: &Config) {
    let filter =
        EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(config.log.level.word()));
    let terminal = io::stderr().is_terminal();
    let json = match config.log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process keeps the first one's log.
    let _ = if json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init()
    } else {
        builder.with_ansi(terminal).with_target(false).try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(at = ?panic.location().map(ToString::to_string), "a bug: a task panicked");
    }));
}
