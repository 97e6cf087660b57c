//! A scenario as a file: what is done, with which options, what it needs, and what it may cost.
//!
//! The options are those of the command line, so that there is one list of them, with one set of defaults.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// One file of scenarios.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The file's name without its end.
    #[serde(default)]
    pub(crate) name: String,
    /// What a reader of the results calls it.
    pub(crate) title: String,
    /// The scenario, as on the command line.
    pub(crate) scenario: String,
    /// Its options, as on the command line: `pairs = 100` is `--pairs 100`, `sm = true` is `--sm`.
    #[serde(default)]
    pub(crate) options: toml::Table,
    /// Whether servers that `compare` starts keep an archive of messages.
    #[serde(default)]
    pub(crate) archive: bool,
    /// A feature that the server has to offer (XEP-0030), its host or the account.
    #[serde(default)]
    pub(crate) needs: Option<String>,
    /// Whether the relay can do it too.
    #[serde(default = "yes")]
    pub(crate) floor: bool,
    /// So many rounds are enough, however many are asked for.
    #[serde(default)]
    pub(crate) rounds_max: Option<u32>,
    /// A shorter run would leave out what servers put off.
    #[serde(default)]
    pub(crate) seconds_min: f64,
    /// What it may cost.
    #[serde(default)]
    pub(crate) budget: Vec<Budget>,
}

/// What a figure of the first server may be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    /// Of what.
    pub(crate) figure: Figure,
    /// Compared with what.
    pub(crate) against: Against,
    /// What it must not exceed.
    pub(crate) must: f64,
    /// What is wanted.
    pub(crate) aim: f64,
}

/// A figure of a report.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// The server's CPU time per unit.
    Cpu,
    /// The server's memory per session.
    Memory,
    /// The latency that one in a thousand exceeds.
    P999,
}

/// What a budget is compared with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Against {
    /// The relay in the same round.
    Floor,
    /// The better peer in the same round.
    Peer,
    /// Nothing: the figure itself.
    Itself,
}

impl Plan {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it can't be read or is none.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text).with_context(|| format!("{} is no scenario", path.display()))
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text)?;
        plan.arguments()?;
        Ok(Self {
            name: name.to_owned(),
            ..plan
        })
    }

    /// The same as a command line.
    ///
    /// # Errors
    ///
    /// When an option has a value that no option can have.
    pub(crate) fn arguments(&self) -> Result<Vec<String>> {
        let mut arguments = vec!["load".to_owned(), self.scenario.clone()];
        for (name, value) in &self.options {
            let value = match value {
                toml::Value::Boolean(false) => continue,
                toml::Value::Boolean(true) => None,
                toml::Value::String(text) => Some(text.clone()),
                toml::Value::Integer(number) => Some(number.to_string()),
                toml::Value::Float(number) => Some(number.to_string()),
                _ => bail!("{name}: a text, a number, true or false"),
            };
            arguments.push(format!("--{name}"));
            arguments.extend(value);
        }
        Ok(arguments)
    }
}

/// The scenarios of these files and folders: of a folder all `.toml` in it, by name.
///
/// # Errors
///
/// When one can't be read, or there is none.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Plan>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path)? {
            let file = entry?.path();
            if file.extension().is_some_and(|end| end == "toml") {
                inside.push(file);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    ensure!(!files.is_empty(), "there are no scenarios here");
    files.iter().map(|file| Plan::read(file)).collect()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::{Cli, Command};

    #[test]
    fn options_are_those_of_the_command_line() {
        let plan = Plan::parse(
            "x",
            "title = 'x'\nscenario = 'messages'\n[options]\npairs = 3\nsm = true\nbare = false\ntls = 'none'",
        );
        let arguments = plan.unwrap().arguments().unwrap().join(" ");
        assert_eq!(arguments, "load messages --pairs 3 --sm --tls none");
    }

    #[test]
    fn what_is_no_scenario_is_refused() {
        check("title = 'x'");
        check("title = 'x'\nscenario = 'ping'\ntypo = 1");
        check("title = 'x'\nscenario = 'ping'\n[options]\nsessions = [1]");
        check("title = 'x'\nscenario = 'ping'\n[[budget]]\nfigure = 'speed'");
    }

    #[test]
    fn every_file_of_this_folder_is_understood() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        for plan in read_all(&[folder]).unwrap() {
            let cli = Cli::try_parse_from(plan.arguments().unwrap());
            let cli = cli.unwrap_or_else(|error| panic!("{}: {error}", plan.name));
            assert!(matches!(cli.command, Command::Scenario(_)), "{}", plan.name);
        }
    }

    #[track_caller]
    fn check(text: &str) {
        assert!(Plan::parse("x", text).is_err(), "{text}");
    }
}
