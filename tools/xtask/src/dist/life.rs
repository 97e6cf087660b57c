//! The life of the Debian package on a clean system in a folder: installed, used, upgraded, removed, purged.
//!
//! The system is Debian's smallest, without systemd, so the server is started by hand, as the package's user. What the
//! package does where there is systemd is tried in `booted.rs`.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{booted, deb};
use crate::{
    machine::{self, Tool},
    process,
    server::{ACCOUNTS, Place, TestServer},
    workspace::Workspace,
};

/// Two versions of the same package; the second is an upgrade.
const VERSIONS: [&str; 2] = ["0.0.1-1", "0.0.1-2"];

/// What lintian says to those who want the package in Debian's archive: an address for mail and a number of a wish.
const UPLOADS: &str =
    "bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs";

/// The package's configuration, with a leading slash inside.
const CONFIG: &str = "/etc/couplet/couplet.toml";

/// Tries packages of `binary`.
///
/// # Errors
///
/// When something is not as it has to be; root only.
pub(super) fn prove(workspace: &Workspace, binary: &Path) -> Result<()> {
    machine::provide(workspace, &[Tool::Debootstrap, Tool::Lintian], &[])?;
    let [old, new] = VERSIONS.map(|version| deb::build(workspace, binary, version));
    let (old, new) = (old?, new?);
    process::run(
        workspace
            .command("lintian")
            .args(["--fail-on", "error,warning", "--suppress-tags", UPLOADS])
            .arg(&old),
    )?;
    let clean = Clean::make(workspace, "system", None)?;

    clean.step("install", &["dpkg", "--install", &clean.bring(&old)?])?;
    clean.check_installed()?;
    let place = Place::keeping(&clean.root.join("tmp"))?;
    let config = clean.root.join(CONFIG.trim_start_matches('/'));
    let text = fs::read_to_string(&config)? + "\n" + &place.listen();
    fs::write(&config, &text)?;

    let server = TestServer::start_at(place, &|| clean.couplet(), Path::new(CONFIG), &ACCOUNTS)?;
    println!("it serves");
    clean.check_accounts()?;
    let backup = ["backup", "/var/lib/couplet-backup"];
    process::run(clean.couplet_as_root().args(backup))?;
    server.stop()?;

    clean.step("upgrade", &["dpkg", "--install", &clean.bring(&new)?])?;
    ensure!(
        fs::read_to_string(&config)? == text,
        "the upgrade changed the configuration"
    );
    clean.check_installed()?;
    clean.check_accounts()?;
    let place = Place::keeping(&clean.root.join("tmp"))?;
    fs::write(&config, without_listeners(&text) + &place.listen())?;
    let server = TestServer::start_at(place, &|| clean.couplet(), Path::new(CONFIG), &[])?;
    clean.check_accounts()?;
    server.stop()?;

    clean.step("remove", &["dpkg", "--remove", "couplet"])?;
    clean.check("usr/bin/couplet", false)?;
    clean.check("etc/couplet/couplet.toml", true)?;
    clean.check("var/lib/couplet/store.sqlite", true)?;
    clean.step("install again", &["dpkg", "--install", &clean.bring(&new)?])?;
    clean.check_accounts()?;
    clean.step("purge", &["dpkg", "--purge", "couplet"])?;
    for path in ["usr/bin/couplet", "etc/couplet", "var/lib/couplet"] {
        clean.check(path, false)?;
    }
    clean.check("var/lib/couplet-backup/data/store.sqlite", true)?;
    println!("the package lives as it should in {}", clean.root.display());
    booted::prove(workspace, &old, &new)
}

fn without_listeners(text: &str) -> String {
    text.split("[listen]").next().unwrap_or_default().to_owned()
}

/// A clean system in a folder.
pub(super) struct Clean<'a> {
    workspace: &'a Workspace,
    /// The folder.
    pub(super) root: PathBuf,
}

impl<'a> Clean<'a> {
    /// Makes it in the folder `name`, with more packages if there are some.
    pub(super) fn make(workspace: &'a Workspace, name: &str, more: Option<&str>) -> Result<Self> {
        let root = workspace.target().join("deb").join(name);
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let release = fs::read_to_string("/etc/os-release")?;
        let suite = release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
            .context("this is no Debian system")?;
        let mut debootstrap = workspace.command("debootstrap");
        debootstrap.arg("--variant=minbase");
        debootstrap.args(more.map(|more| format!("--include={more}")));
        debootstrap.arg(suite).arg(&root);
        debootstrap.stdout(std::process::Stdio::null());
        process::run(&mut debootstrap)?;
        Ok(Self { workspace, root })
    }

    fn inside(&self, user: &str) -> Command {
        let mut chroot = self.workspace.command("chroot");
        chroot
            .arg(format!("--userspec={user}"))
            .arg(&self.root)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        chroot
    }

    /// The program as its own user runs it.
    fn couplet(&self) -> Command {
        let mut command = self.inside("couplet:couplet");
        command.arg("/usr/bin/couplet");
        command
    }

    fn couplet_as_root(&self) -> Command {
        let mut command = self.inside("root:root");
        command.arg("/usr/bin/couplet");
        command
    }

    fn step(&self, what: &str, command: &[&str]) -> Result<()> {
        println!("{what}: {}", command.join(" "));
        process::run(self.inside("root:root").args(command))
    }

    /// Copies a package inside; gives its path there.
    fn bring(&self, package: &Path) -> Result<String> {
        let name = package.file_name().context("a package is a file")?;
        fs::copy(package, self.root.join("tmp").join(name))?;
        Ok(format!("/tmp/{}", name.to_string_lossy()))
    }

    fn check(&self, path: &str, is_there: bool) -> Result<()> {
        let found = self.root.join(path).exists();
        ensure!(found == is_there, "/{path} is there: {found}");
        Ok(())
    }

    fn check_installed(&self) -> Result<()> {
        for path in [
            "usr/bin/couplet",
            "usr/lib/systemd/system/couplet.service",
            "etc/systemd/system/multi-user.target.wants/couplet.service",
            "usr/share/man/man1/couplet.1.gz",
            "usr/share/bash-completion/completions/couplet",
            "usr/share/doc/couplet/copyright",
        ] {
            // The system's links lead out of the folder, where they lead nowhere.
            let found = self.root.join(path).symlink_metadata().is_ok();
            ensure!(found || self.is_left_out(path), "/{path} is missing");
        }
        for (path, mode, is_own) in [
            ("var/lib/couplet", 0o700, true),
            ("etc/couplet/certs", 0o750, false),
        ] {
            let metadata = self.root.join(path).metadata()?;
            let found = metadata.permissions().mode() & 0o7777;
            ensure!(found == mode, "/{path} has the mode {found:o}");
            ensure!((metadata.uid() != 0) == is_own, "/{path} has another owner");
            ensure!(metadata.gid() != 0, "/{path} has another group");
        }
        Ok(())
    }

    /// Whether the clean system itself leaves such files out, as small ones do with documentation.
    fn is_left_out(&self, path: &str) -> bool {
        let folder = self.root.join("etc/dpkg/dpkg.cfg.d");
        path.starts_with("usr/share") && fs::read_dir(folder).is_ok_and(|files| files.count() > 0)
    }

    /// The accounts are there, whether a server runs or not.
    fn check_accounts(&self) -> Result<()> {
        let listed = process::output(self.couplet().args(["user", "list"]))?;
        for (account, _) in ACCOUNTS {
            ensure!(listed.contains(account), "{account} is not in {listed:?}");
        }
        println!("`couplet user list` shows the accounts");
        Ok(())
    }
}
