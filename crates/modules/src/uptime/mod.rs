//! # Uptime
//!
//! How long the server has been running, as a command for everybody. Clients can also ask the host for it without a
//! command (XEP-0012, the feature `last`).

use std::{fmt, time::Duration};

use engine::{
    Action, HostFacts,
    command::{AdminContext, Command, CommandEntry, CommandError, Concern, command},
    module::{ConfigError, Module, NoConfig, Spec, Wiring},
};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;

/// The feature.
pub struct Uptime;

impl Module for Uptime {
    const NAME: &'static str = "uptime";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[command::<ShowUptime>()];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(_: &mut Wiring<'_, Self>) {}
}

/// Says how long it has been running.
#[derive(Debug, Deserialize)]
struct ShowUptime {}

impl Command for ShowUptime {
    const PATH: &'static str = "uptime";
    const ABOUT: &'static str = "Tell how long the server has been running";
    const NEEDS: Action = Action::AskServer;
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    /// As Prosody calls it.
    const NODE: Option<&'static str> = Some("uptime");
    type Output = Running;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Running, CommandError> {
        let server = cx.server();
        let uptime = server.uptime();
        let micros = i64::try_from(uptime.as_micros()).unwrap_or(i64::MAX);
        let now = server.environment().timestamp().as_micros();
        Ok(Running {
            seconds: uptime.as_secs(),
            since: Timestamp::from_micros(now.saturating_sub(micros)).to_string(),
        })
    }
}

/// How long, and since when.
#[derive(Debug, Serialize)]
struct Running {
    seconds: u64,
    since: String,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let long = in_words(Duration::from_secs(self.seconds));
        writeln!(
            f,
            "The server has been running for {long}, since {}.",
            self.since
        )
    }
}

/// `2 days, 3 hours and 1 minute`: the largest units that are not zero, down to minutes; seconds only within the
/// first minute.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
    ];
    let counted = |(count, unit): (u64, &str)| match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    };
    let mut words: Vec<String> = units
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(counted)
        .collect();
    match words.pop() {
        None => counted((seconds, "second")),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_600, "1 hour"),
            (3_661, "1 hour and 1 minute"),
            (90_000, "1 day and 1 hour"),
            (183_840, "2 days, 3 hours and 4 minutes"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
