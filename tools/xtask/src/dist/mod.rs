//! `cargo xtask dist`: the binary as it is released, one file that needs no other; and packages of it.
//!
//! - `chroot.rs`: the proof that it needs no other file;
//! - `deb.rs`: the Debian package;
//! - `life.rs`: the proof that the package installs, upgrades and goes;
//! - `booted.rs`: the same where there is systemd.

mod booted;
mod chroot;
mod deb;
mod life;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    machine::{self, Tool},
    process,
    workspace::Workspace,
};

/// `cargo xtask dist`: builds, proves, and prints where the binary is, how large, and its checksum.
///
/// # Errors
///
/// When it does not build, or does not work by itself.
pub(crate) fn command(workspace: &Workspace) -> Result<()> {
    let binary = build(workspace)?;
    chroot::prove(workspace, &binary)?;
    print(&binary)
}

/// `cargo xtask deb [--version VERSION] [--try]`: builds the package, and tries it on a clean system when asked to.
///
/// # Errors
///
/// When it can't be built, or does not do what a package has to.
pub(crate) fn deb_command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (mut version, mut is_tried) = (None, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--version" => version = rest.next().cloned(),
            "--try" => is_tried = true,
            other => bail!("usage: cargo xtask deb [--version VERSION] [--try]; not {other:?}"),
        }
    }
    let binary = build(workspace)?;
    let version = match version {
        Some(version) => version,
        None => deb::version(workspace)?,
    };
    let package = deb::build(workspace, &binary, &version)?;
    print(&package)?;
    if is_tried {
        life::prove(workspace, &binary)?;
    }
    Ok(())
}

/// Builds with the `dist` profile (thin LTO), linked statically.
///
/// The target is named although it is the machine's own: flags for it are then not used for what runs during the
/// build, which can't be linked statically.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    machine::provide(workspace, &[Tool::C], &[])?;
    let target = host(workspace)?;
    let mut flags = env::var_os("RUSTFLAGS").unwrap_or_default();
    flags.push(OsString::from(" -C target-feature=+crt-static"));
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--package", "couplet", "--profile", "dist"])
        .args(["--target", &target])
        .env("RUSTFLAGS", flags);
    process::run(&mut cargo)?;
    let built = workspace.target().join(target).join("dist/couplet");
    let binary = workspace.target().join("dist/couplet");
    let folder = binary.parent().context("it has a folder")?;
    std::fs::create_dir_all(folder)?;
    std::fs::copy(&built, &binary).with_context(|| format!("{} was not built", built.display()))?;
    Ok(binary)
}

/// The kind of machine this is, as Rust calls it.
fn host(workspace: &Workspace) -> Result<String> {
    let said = process::output(workspace.cargo().arg("-vV"))?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("cargo does not say what machine this is")
}

fn print(file: &Path) -> Result<()> {
    let size_bytes = file.metadata()?.len();
    let sum = process::output(std::process::Command::new("sha256sum").arg(file))?;
    let sum = sum.split(' ').next().unwrap_or_default();
    println!("{}: {:.1} MiB", file.display(), mebibytes(size_bytes));
    println!("sha256 {sum}");
    Ok(())
}

fn mebibytes(size_bytes: u64) -> f64 {
    let tenths = size_bytes * 10 / (1024 * 1024);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
