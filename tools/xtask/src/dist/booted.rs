//! The Debian package where there is systemd: on a small Debian system that is booted in a container of its own, without
//! a network. What is done there is the script `packaging/debian/try-booted`.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use super::life::Clean;
use crate::{
    machine::{self, Tool},
    process,
    workspace::Workspace,
};

/// The script, and the folder for it and the packages in the system.
const SCRIPT: &str = "packaging/debian/try-booted";
const FOLDER: &str = "opt/try";

/// How long the system may run.
const SECONDS_MAX: &str = "300";

/// The service that runs the script, and then turns the system off.
const JOB: &str = "\
[Unit]
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/bin/bash /opt/try/try-booted
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/opt/try/log
StandardError=inherit
TimeoutStartSec=infinity
";

/// Tries the upgrade from one package to the other.
///
/// # Errors
///
/// When something is not as it has to be; the text has the end of what the script wrote. Root only.
pub(super) fn prove(workspace: &Workspace, old: &Path, new: &Path) -> Result<()> {
    machine::provide(workspace, &[Tool::Debootstrap], &[Tool::Nspawn])?;
    if process::output(workspace.command("systemd-nspawn").arg("--version")).is_err() {
        println!("note: not tried with systemd: systemd-nspawn is missing");
        return Ok(());
    }
    let clean = Clean::make(workspace, "booted", Some("systemd,systemd-sysv,dbus"))?;
    let folder = clean.root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    fs::copy(workspace.root().join(SCRIPT), folder.join("try-booted"))?;
    fs::copy(old, folder.join("old.deb"))?;
    fs::copy(new, folder.join("new.deb"))?;
    let units = clean.root.join("etc/systemd/system");
    fs::write(units.join("try.service"), JOB)?;
    let wanted = units.join("default.target.wants");
    fs::create_dir_all(&wanted)?;
    std::os::unix::fs::symlink(
        "/etc/systemd/system/try.service",
        wanted.join("try.service"),
    )?;
    println!("booting {}", clean.root.display());
    let mut boot = workspace.command("timeout");
    boot.args([
        "--kill-after=10",
        SECONDS_MAX,
        "systemd-nspawn",
        "--boot",
        "--directory",
    ])
    .arg(&clean.root)
    .args([
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--console=read-only",
    ])
    .stdout(std::process::Stdio::null());
    let booted = process::run(&mut boot);
    if folder.join("passed").exists() {
        println!("the package lives as it should with systemd");
        return Ok(());
    }
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let end = lines
        .get(lines.len().saturating_sub(30)..)
        .unwrap_or_default();
    booted?;
    bail!("with systemd it ends like this:\n{}", end.join("\n"))
}
