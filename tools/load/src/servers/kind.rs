//! Which servers can be started, and how: the configurations are the files in `tools/load/servers`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

const COUPLET: &str = include_str!("../../servers/couplet.toml");
const PROSODY: &str = include_str!("../../servers/prosody.cfg.lua");
const EJABBERD: &str = include_str!("../../servers/ejabberd.yml");

/// Erlang's options: one scheduler, as there is one core, that sleeps when it has nothing to do; no distribution.
const ERLANG: [&str; 13] = [
    "+S",
    "1:1",
    "+K",
    "true",
    "+sbwt",
    "none",
    "+sbwtdcpu",
    "none",
    "+sbwtdio",
    "none",
    "+P",
    "250000",
    "-noinput",
];

/// A server that can be started.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Ours, with the path of its binary.
    Couplet(PathBuf),
    /// Prosody as the distribution packs it.
    Prosody,
    /// ejabberd as the distribution packs it.
    Ejabberd,
    /// The floor: this program.
    Relay,
}

/// What a configuration is filled with.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) plain: u16,
    pub(super) tls: u16,
    pub(super) with_archive: bool,
}

impl Kind {
    /// The kind with this name.
    pub(crate) fn named(name: &str, couplet: &Path) -> Option<Self> {
        Some(match name {
            "couplet" => Self::Couplet(couplet.to_owned()),
            "prosody" => Self::Prosody,
            "ejabberd" => Self::Ejabberd,
            "relay" => Self::Relay,
            _ => return None,
        })
    }

    /// How results call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Couplet(_) => "couplet",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
            Self::Relay => "relay",
        }
    }

    /// How to get it.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Couplet(_) => "build it: cargo build --release -p couplet",
            Self::Prosody => "install it: apt-get install --no-install-recommends prosody",
            Self::Ejabberd => "install it: apt-get install --no-install-recommends ejabberd",
            Self::Relay => "this program has to stay where it is",
        }
    }

    /// Its version, as it tells itself; empty when it is not there.
    pub(crate) fn version(&self) -> String {
        let output = match self {
            Self::Couplet(binary) => Command::new(binary).arg("--version").output(),
            Self::Prosody | Self::Ejabberd => Command::new("dpkg-query")
                .args(["-W", "-f", "${Version}", self.name()])
                .output(),
            Self::Relay => return env!("CARGO_PKG_VERSION").to_owned(),
        };
        let version = output.map(|output| output.stdout).unwrap_or_default();
        let version = String::from_utf8_lossy(&version);
        version.trim().trim_start_matches("couplet ").to_owned()
    }

    /// Writes its configuration and says how it is started.
    pub(super) fn command(&self, place: &Place<'_>) -> Result<Command> {
        let write = |name: &str, text: &str, without: &str, with: &str| {
            let archive = if place.with_archive { with } else { without };
            let path = place.folder.join(name);
            fs::write(&path, fill(text, place, archive))?;
            anyhow::Ok(path)
        };
        let command = match self {
            Self::Couplet(binary) => {
                let config = write("couplet.toml", COUPLET, "never", "always")?;
                let mut command = Command::new(std::path::absolute(binary)?);
                command.arg("--config").arg(config);
                command
            }
            Self::Prosody => {
                let config = write("prosody.cfg.lua", PROSODY, "", "\"mam\"")?;
                let mut command = Command::new("prosody");
                command.arg("--config").arg(config).arg("-F");
                command
            }
            Self::Ejabberd => {
                let archive = "  mod_mam: {default: always}";
                let config = write("ejabberd.yml", EJABBERD, "", archive)?;
                let mut command = Command::new("erl");
                command
                    .args(ERLANG)
                    .args(["-mnesia", "dir"])
                    .arg(format!("{:?}", place.folder.join("data")))
                    .args(["-s", "ejabberd"])
                    .env("EJABBERD_CONFIG_PATH", config)
                    .env("EJABBERD_LOG_PATH", place.folder.join("log"))
                    .env("ERL_CRASH_DUMP", place.folder.join("crash"))
                    .env("ERL_LIBS", erlang_libraries());
                command
            }
            Self::Relay => {
                let program = std::env::current_exe().context("can't tell what program this is")?;
                let mut command = Command::new(program);
                command.args(["relay", "--plain-port", &place.plain.to_string()]);
                command.args(["--tls-port", &place.tls.to_string()]);
                command
            }
        };
        Ok(command)
    }
}

/// Where the package keeps ejabberd: its own script knows.
fn erlang_libraries() -> String {
    let script = fs::read_to_string("/usr/sbin/ejabberdctl").unwrap_or_default();
    let line = script
        .lines()
        .find_map(|line| line.strip_prefix("ERL_LIBS="));
    line.unwrap_or_default().trim_matches('\'').to_owned()
}

fn fill(template: &str, place: &Place<'_>, archive: &str) -> String {
    template
        .replace("{folder}", &place.folder.display().to_string())
        .replace("{plain}", &place.plain.to_string())
        .replace("{tls}", &place.tls.to_string())
        .replace("{archive}", archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_configuration_stays_to_be_filled_in() {
        let place = Place {
            folder: Path::new("/tmp/x"),
            plain: 1,
            tls: 2,
            with_archive: true,
        };
        for template in [COUPLET, PROSODY, EJABBERD] {
            let filled = fill(template, &place, "x");
            for name in ["{folder}", "{plain}", "{tls}", "{archive}"] {
                assert!(template.contains(name), "{name}");
                assert!(!filled.contains(name), "{name}");
            }
        }
    }
}
