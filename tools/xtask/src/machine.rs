//! Programs that a step needs besides Rust: whether they are there, and how to get them.
//!
//! As root on Debian what is missing is installed. Anywhere else nothing is touched: the error says what to install.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{process, workspace::Workspace};

/// A program that some step calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    /// A C compiler: SQLite and the cryptographic primitives are built from source.
    C,
    /// A C++ compiler: libFuzzer is built from source.
    Cxx,
    /// The list of the project's files comes from it.
    Git,
    /// Python with virtual environments, for slixmpp.
    Python,
    /// Node.js, version 20 or newer, for `@xmpp/client`.
    Node,
    /// Node's package manager.
    Npm,
    /// Counts instructions where time is too noisy.
    Valgrind,
    /// Shows in which order the server writes.
    Strace,
    /// Samples where the server's time goes.
    Perf,
    /// Makes a clean Debian system in a folder.
    Debootstrap,
    /// Looks for mistakes in Debian packages.
    Lintian,
    /// Boots a system in a folder.
    Nspawn,
}

impl Tool {
    /// A command that succeeds where the tool is usable.
    fn probe(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::C => ("cc", &["--version"]),
            Self::Cxx => ("c++", &["--version"]),
            Self::Git => ("git", &["--version"]),
            // Debian's python3 has `venv` but not always what makes one.
            Self::Python => ("python3", &["-c", "import venv, ensurepip"]),
            // Older ones can't run the client library.
            Self::Node => (
                "node",
                &[
                    "-e",
                    "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)",
                ],
            ),
            Self::Npm => ("npm", &["--version"]),
            Self::Valgrind => ("valgrind", &["--version"]),
            Self::Strace => ("strace", &["--version"]),
            Self::Perf => ("perf", &["--version"]),
            Self::Debootstrap => ("debootstrap", &["--version"]),
            Self::Lintian => ("lintian", &["--version"]),
            Self::Nspawn => ("systemd-nspawn", &["--version"]),
        }
    }

    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::C => &["gcc", "libc6-dev"],
            Self::Cxx => &["g++"],
            Self::Git => &["git"],
            Self::Python => &["python3", "python3-venv"],
            Self::Node => &["nodejs"],
            Self::Npm => &["npm"],
            Self::Valgrind => &["valgrind"],
            Self::Strace => &["strace"],
            Self::Perf => &["linux-perf"],
            Self::Debootstrap => &["debootstrap"],
            Self::Lintian => &["lintian"],
            Self::Nspawn => &["systemd-container"],
        }
    }

    fn is_there(self) -> bool {
        let (program, arguments) = self.probe();
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Makes sure that `needed` are there, and `wanted` if that is possible.
///
/// # Errors
///
/// When something needed is missing and can't be installed by us; the text says how to get it.
pub(crate) fn provide(workspace: &Workspace, needed: &[Tool], wanted: &[Tool]) -> Result<()> {
    let missing = missing(&[needed, wanted].concat());
    if missing.is_empty() {
        return Ok(());
    }
    if may_install() {
        install(workspace, &missing)?;
    }
    let missing = self::missing(needed);
    if !missing.is_empty() {
        bail!("missing: {missing:?}. {}", advice(&missing));
    }
    let missing = self::missing(wanted);
    if !missing.is_empty() {
        println!(
            "note: without {missing:?} some tests can't run and skip themselves. {}",
            advice(&missing)
        );
    }
    Ok(())
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools
        .iter()
        .copied()
        .filter(|tool| !tool.is_there())
        .collect()
}

fn may_install() -> bool {
    let is_debian = Path::new("/etc/debian_version").exists();
    is_debian && process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn install(workspace: &Workspace, tools: &[Tool]) -> Result<()> {
    let packages: Vec<&str> = tools
        .iter()
        .flat_map(|tool| tool.debian_packages())
        .copied()
        .collect();
    println!("installing {}", packages.join(" "));
    let apt = || {
        let mut apt = workspace.command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
        apt
    };
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

fn advice(tools: &[Tool]) -> String {
    let packages: Vec<&str> = tools
        .iter()
        .flat_map(|tool| tool.debian_packages())
        .copied()
        .collect();
    let version = if tools.contains(&Tool::Node) {
        " Node.js must be version 20 or newer."
    } else {
        ""
    };
    format!(
        "On Debian or Ubuntu: `sudo apt-get install {}`; elsewhere, the packages of the same programs.{version}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_packages_of_all_that_is_missing() {
        assert!(
            advice(&[Tool::Cxx, Tool::Python])
                .contains("apt-get install g++ python3 python3-venv`")
        );
    }
}
