//! The Debian package, laid out by hand and packed by `dpkg-deb`: no network, no build system of Debian's.
//!
//! The texts are in `packaging/`; the man page and the completions are printed by the binary itself.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{process, workspace::Workspace};

/// Where the texts are.
const TEXTS: &str = "packaging/debian";

/// The configuration, which belongs to the administrator once it is installed.
const CONFIGURATION: &str = "etc/couplet/couplet.toml";

/// The documents beside the copyright: the book and the changes, for machines without a network.
const BOOK: &str = "docs/admin";

/// What a script of the package is called.
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// The version in the workspace's manifest, as the first package of it.
pub(super) fn version(workspace: &Workspace) -> Result<String> {
    let manifest = fs::read_to_string(workspace.root().join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .context("Cargo.toml names no version")?;
    Ok(format!("{version}-1"))
}

/// Builds the package of `binary`; gives its path.
///
/// # Errors
///
/// When a program of Debian is missing or refuses.
pub(super) fn build(workspace: &Workspace, binary: &Path, version: &str) -> Result<PathBuf> {
    let architecture = process::output(workspace.command("dpkg").arg("--print-architecture"))
        .context("the package is packed by Debian's dpkg")?;
    let architecture = architecture.trim();
    let name = format!("couplet_{version}_{architecture}");
    let tree = Tree::new(workspace, workspace.target().join("deb").join(&name))?;

    tree.put("usr/bin/couplet", &fs::read(binary)?, 0o755)?;
    tree.copy(CONFIGURATION, &format!("{TEXTS}/couplet.toml"))?;
    tree.copy(
        "usr/lib/systemd/system/couplet.service",
        "packaging/systemd/couplet.service",
    )?;
    for (path, arguments) in [
        (
            "usr/share/bash-completion/completions/couplet",
            ["completions", "bash"].as_slice(),
        ),
        (
            "usr/share/zsh/vendor-completions/_couplet",
            &["completions", "zsh"],
        ),
        (
            "usr/share/fish/vendor_completions.d/couplet.fish",
            &["completions", "fish"],
        ),
    ] {
        tree.put(path, &tree.printed(binary, arguments)?, 0o644)?;
    }
    tree.put_packed(
        "usr/share/man/man1/couplet.1.gz",
        &tree.printed(binary, &["man"])?,
    )?;
    tree.copy(
        "usr/share/lintian/overrides/couplet",
        &format!("{TEXTS}/lintian-overrides"),
    )?;
    tree.documents(version)?;
    tree.control(version, architecture)?;

    let package = workspace.target().join("deb").join(format!("{name}.deb"));
    let mut dpkg = workspace.command("dpkg-deb");
    dpkg.args(["--root-owner-group", "--build"])
        .arg(&tree.root)
        .arg(&package)
        .env("SOURCE_DATE_EPOCH", &tree.epoch)
        .stdout(std::process::Stdio::null());
    process::run(&mut dpkg)?;
    Ok(package)
}

/// The files of the package while it is laid out.
struct Tree<'a> {
    workspace: &'a Workspace,
    root: PathBuf,
    /// When the last change was made, in seconds: the same source gives the same package.
    epoch: String,
}

impl<'a> Tree<'a> {
    fn new(workspace: &'a Workspace, root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let mut git = workspace.command("git");
        git.args(["-c", "safe.directory=*", "log", "-1", "--format=%ct"]);
        let epoch = process::output(&mut git)?.trim().to_owned();
        Ok(Self {
            workspace,
            root,
            epoch,
        })
    }

    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let path = self.root.join(path);
        let folder = path.parent().context("a file is in a folder")?;
        fs::create_dir_all(folder)?;
        // Whatever the mask of the one who builds: folders are for everybody to read.
        for folder in folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&self.root))
        {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
        Ok(fs::set_permissions(
            &path,
            fs::Permissions::from_mode(mode),
        )?)
    }

    /// A file of the project.
    fn copy(&self, path: &str, source: &str) -> Result<()> {
        self.put(path, self.text(source)?.as_bytes(), 0o644)
    }

    /// Packed by `gzip`, without a name or a time in it.
    fn put_packed(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let Some(unpacked) = path.strip_suffix(".gz") else {
            return self.put(path, bytes, 0o644);
        };
        self.put(unpacked, bytes, 0o644)?;
        let mut gzip = self.workspace.command("gzip");
        process::run(gzip.args(["-9n"]).arg(self.root.join(unpacked)))
    }

    fn text(&self, source: &str) -> Result<String> {
        fs::read_to_string(self.workspace.root().join(source))
            .with_context(|| format!("can't read {source}"))
    }

    /// What the binary prints.
    fn printed(&self, binary: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.workspace.command(binary);
        Ok(process::output(command.args(arguments))?.into_bytes())
    }

    fn documents(&self, version: &str) -> Result<()> {
        let folder = "usr/share/doc/couplet";
        let licence: String = self
            .text("LICENSE-MIT")?
            .lines()
            .map(|line| match line {
                "" => " .\n".to_owned(),
                line => format!(" {line}\n"),
            })
            .collect();
        let copyright = self.text(&format!("{TEXTS}/copyright"))?;
        let copyright = copyright.replace("@MIT@\n", &licence);
        self.put(&format!("{folder}/copyright"), copyright.as_bytes(), 0o644)?;
        let date = process::output(
            self.workspace
                .command("date")
                .args(["--utc", "--rfc-email", "--date"])
                .arg(format!("@{}", self.epoch)),
        )?;
        let changes = format!(
            "couplet ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {} {date}",
            self.maintainer()? + " "
        );
        self.put_packed(&format!("{folder}/changelog.Debian.gz"), changes.as_bytes())?;
        self.put_packed(
            &format!("{folder}/changelog.gz"),
            self.text("CHANGELOG.md")?.as_bytes(),
        )?;
        for page in self.workspace.files()? {
            let name = page.file_name().unwrap_or_default().to_string_lossy();
            if page.parent() == Some(Path::new(BOOK)) {
                self.copy(&format!("{folder}/{name}"), &page.to_string_lossy())?;
            }
        }
        Ok(())
    }

    fn maintainer(&self) -> Result<String> {
        let control = self.text(&format!("{TEXTS}/control"))?;
        control
            .lines()
            .find_map(|line| line.strip_prefix("Maintainer: "))
            .map(str::to_owned)
            .context("the control file names no maintainer")
    }

    /// What `dpkg` reads.
    fn control(&self, version: &str, architecture: &str) -> Result<()> {
        let files = self.files()?;
        let sums = process::output(
            self.workspace
                .command("md5sum")
                .args(files.iter().filter(|file| *file != CONFIGURATION))
                .current_dir(&self.root),
        )?;
        let size_bytes: u64 = files
            .iter()
            .filter_map(|file| self.root.join(file).metadata().ok())
            .map(|file| file.len())
            .sum();
        let control = self
            .text(&format!("{TEXTS}/control"))?
            .replace("@VERSION@", version)
            .replace("@ARCHITECTURE@", architecture)
            .replace("@SIZE@", &size_bytes.div_ceil(1024).to_string());
        self.put("DEBIAN/control", control.as_bytes(), 0o644)?;
        self.put("DEBIAN/md5sums", sums.as_bytes(), 0o644)?;
        let conffiles = format!("/{CONFIGURATION}\n");
        self.put("DEBIAN/conffiles", conffiles.as_bytes(), 0o644)?;
        for script in SCRIPTS {
            let text = self.text(&format!("{TEXTS}/{script}"))?;
            self.put(&format!("DEBIAN/{script}"), text.as_bytes(), 0o755)?;
        }
        Ok(())
    }

    /// The files so far, relative to the root, in order.
    fn files(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(name) = path.strip_prefix(&self.root) {
                    found.push(name.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        Ok(found)
    }
}
