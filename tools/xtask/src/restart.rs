//! `cargo xtask restart`: `couplet restart` under many sessions, of which most can be resumed.
//!
//! `load restart` does it and looks; here the server is started for it, with its accounts and their teams.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    process,
    server::{Build, Place, Setup, TestServer},
    workspace::Workspace,
};

/// How many sessions there are, unless told otherwise.
const SESSIONS: u32 = 5_000;
/// How many accounts are each other's contacts. The last of them has no stream management.
const TEAM: u32 = 10;

/// Starts a server, makes the accounts, and restarts it under their sessions.
///
/// # Errors
///
/// When a program does not run, or more than may be came of it; `load` has printed what.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let Options { sessions, binary } = Options::read(arguments)?;
    let debug = |name: &str| workspace.target().join("debug").join(name);
    process::run(workspace.cargo().args([
        "build",
        "--quiet",
        "--package",
        "load",
        "--package",
        "couplet",
    ]))?;
    let binary = match binary {
        Some(binary) => {
            std::fs::canonicalize(&binary).with_context(|| binary.display().to_string())?
        }
        None => debug("couplet"),
    };
    let folder = workspace.target().join("restart");
    let setup = Setup {
        host: format!("registration = \"open\"\n{}", teams(sessions)),
        tables: "[scram]\niterations = 4096\n",
        ..Setup::of(Build::Release)
    };
    let place = Place::new(&folder, &setup)?;
    // Relative if it can be: the path of the admin socket must be short.
    let config = folder
        .strip_prefix(workspace.root())
        .unwrap_or(&folder)
        .join("couplet.toml");
    let server = TestServer::start_at(place, &|| workspace.command(&binary), &config, &[])?;
    let outcome = put_under_load(workspace, &server, &binary, &config, sessions);
    let stopped = server.stop();
    outcome?;
    stopped
}

fn put_under_load(
    workspace: &Workspace,
    server: &TestServer,
    binary: &Path,
    config: &Path,
    sessions: u32,
) -> Result<()> {
    let load = || {
        let mut load = workspace.command(workspace.target().join("debug/load"));
        load.args(["--address", &format!("127.0.0.1:{}", server.tls_port)]);
        load
    };
    let count = sessions.to_string();
    process::run(load().args(["register", "--count", &count]))?;
    let (binary, config) = (binary.display(), config.display());
    let command = format!("'{binary}' --config '{config}' restart");
    process::run(load().args(["restart", "--sessions", &count]).args([
        "--team",
        &TEAM.to_string(),
        "--command",
        &command,
    ]))
}

/// The accounts of `load`, as groups.
fn teams(sessions: u32) -> String {
    let teams = (0..sessions).step_by(TEAM as usize).map(|first| {
        let members = first..sessions.min(first + TEAM);
        let members: Vec<String> = members.map(|number| format!("\"u{number}\"")).collect();
        format!("team{first} = [{}]", members.join(", "))
    });
    let teams: Vec<String> = teams.collect();
    format!("groups = {{ {} }}\n", teams.join(", "))
}

#[derive(Debug, Eq, PartialEq)]
struct Options {
    sessions: u32,
    binary: Option<PathBuf>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            sessions: SESSIONS,
            binary: None,
        };
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            match (option.as_str(), arguments.next()) {
                ("--sessions", Some(count)) => options.sessions = count.parse()?,
                ("--binary", Some(path)) => options.binary = Some(path.into()),
                _ => bail!("usage: cargo xtask restart [--sessions N] [--binary PATH]"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_have_every_account() {
        let teams = teams(12);
        assert!(
            teams.starts_with("groups = { team0 = [\"u0\", \"u1\","),
            "{teams}"
        );
        assert!(
            teams.ends_with("team10 = [\"u10\", \"u11\"] }\n"),
            "{teams}"
        );
    }

    #[test]
    fn options_have_values() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            Options::read(&words)
        };
        assert_eq!(read(&[]).unwrap().sessions, SESSIONS);
        assert_eq!(read(&["--sessions", "7"]).unwrap().sessions, 7);
        assert!(read(&["--sessions"]).is_err());
    }
}
