//! `couplet backup FOLDER`: all that must survive, in one folder, while the server runs or not.
//!
//! This process copies, not the server: the folder is wherever the operator may write, also where the service may not.
//!
//! | in the folder | what |
//! | --- | --- |
//! | `data/` | what to put in place of the data folder: the store as it was when the copy began, and everything else that is kept |
//! | `couplet.toml`, `certs/`, `client-authorities.pem` | the configuration and what it names, where there is some |
//! | `backup.json` | where each of these came from |
//!
//! It appears under its name only when it is complete and on disk.

use std::{
    fmt,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    config::Config,
    data_folder::{OF_THE_PROCESS, TOKENS_KEY, write_private},
    failure::{Exit, Failure},
};

/// The data in the folder.
const DATA: &str = "data";
/// The configuration.
const CONFIG: &str = "couplet.toml";
/// The certificates and their keys.
const CERTIFICATES: &str = "certs";
/// The authorities of client certificates.
const AUTHORITIES: &str = "client-authorities.pem";
/// Where it all came from.
const ORIGIN: &str = "backup.json";

/// How many parts a path in the folder may have.
const DEPTH_MAX: usize = 64;

/// A backup that was made.
#[derive(Debug, Serialize)]
pub(crate) struct Backup {
    folder: PathBuf,
    store_bytes: u64,
    /// Besides the store.
    files: usize,
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, files) = (self.folder.display(), self.files);
        let kib = self.store_bytes.div_ceil(1024);
        writeln!(
            f,
            "The store ({kib} KiB, checked) and {files} other files were copied to {folder}."
        )
    }
}

/// What is written down with it.
#[derive(Serialize)]
struct Origin<'a> {
    version: &'static str,
    data: &'a Path,
    config: Option<&'a Path>,
    certificates: Option<PathBuf>,
    client_authorities: Option<&'a Path>,
}

/// Copies everything that `config` keeps or names to `folder`, which must not exist or be empty.
///
/// # Errors
///
/// A [`Failure`] with what to do; then there is nothing under that name.
pub(crate) fn make(config: &Config, folder: &Path) -> Result<Backup, Failure> {
    let data = &config.general.data;
    if !data.join(store_sqlite::FILE).exists() {
        return Err(Failure::refused(format!(
            "there is no store in the data folder {}; name the server's configuration with --config",
            data.display()
        )));
    }
    let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken || folder.is_file() {
        return Err(Failure::refused(format!(
            "{} is there already; name a new folder",
            folder.display()
        )));
    }
    if [Some(data.clone()), config.certificate_folder()]
        .iter()
        .flatten()
        .any(|copied| is_inside(folder, copied))
    {
        return Err(Failure::refused(format!(
            "{} is inside of what is copied; name a folder elsewhere",
            folder.display()
        )));
    }
    let partial = folder.with_added_extension("partial");
    let failed = |error: anyhow::Error| {
        // What is there of it is of no use, and may not be removable either.
        let _ = fs::remove_dir_all(&partial);
        Failure::new(
            Exit::Refused,
            format!("cannot make the backup in {}: {error:#}", folder.display()),
        )
    };
    make_folder(&partial).map_err(|error| {
        Failure::refused(match error.kind() {
            io::ErrorKind::AlreadyExists => format!(
                "{} is there: another backup is being made or was interrupted; remove it if none is",
                partial.display()
            ),
            _ => format!("cannot make the folder {}: {error}", partial.display()),
        })
    })?;
    let (store_bytes, files) = fill(config, &partial).map_err(failed)?;
    put_in_place(&partial, folder).map_err(|error| failed(error.into()))?;
    Ok(Backup {
        folder: folder.to_owned(),
        store_bytes,
        files,
    })
}

/// Whether `folder`, which need not exist, is `other` or below it.
fn is_inside(folder: &Path, other: &Path) -> bool {
    match (fs::canonicalize(above(folder)), fs::canonicalize(other)) {
        (Ok(above), Ok(other)) => {
            let name = folder.file_name().unwrap_or_default();
            above.join(name).starts_with(other)
        }
        _ => false,
    }
}

/// Copies everything into `folder`, to the disk; gives the size of the store and the number of other files.
fn fill(config: &Config, folder: &Path) -> anyhow::Result<(u64, usize)> {
    let (data, target) = (&config.general.data, folder.join(DATA));
    make_folder(&target)?;
    // First: what other files hold for the store is there before the store says so.
    // Clients were told more since; sessions of what is restored are not resumed.
    let store_bytes = store_sqlite::copy(data, &target, &engine::NOT_IN_BACKUPS)?;
    let mut files = copy_all(data, &target, &|name| {
        // With the key, who finds a copy could sign in with what is in it.
        !name.starts_with(store_sqlite::FILE)
            && !OF_THE_PROCESS.contains(&name)
            && name != TOKENS_KEY
    })?;
    if let Some(file) = &config.file {
        copy_file(file, &folder.join(CONFIG))?;
        files += 1;
    }
    let certificates = config.certificate_folder();
    if let Some(certificates) = &certificates {
        let target = folder.join(CERTIFICATES);
        make_folder(&target)?;
        files += copy_all(certificates, &target, &|_| true)?;
    }
    let client_authorities = config.tls.client_authorities.as_deref();
    if let Some(file) = client_authorities {
        copy_file(file, &folder.join(AUTHORITIES))?;
        files += 1;
    }
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION"),
        data,
        config: config.file.as_deref(),
        certificates,
        client_authorities,
    };
    write_private(&folder.join(ORIGIN), &serde_json::to_vec_pretty(&origin)?)?;
    File::open(folder)?.sync_all()?;
    Ok((store_bytes, files))
}

/// Copies the files of `from` whose names are `wanted`, and the folders with all that is in them. A file that goes
/// away meanwhile was not needed.
fn copy_all(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<usize> {
    if to.components().count() > DEPTH_MAX {
        // A link that leads back up.
        anyhow::bail!("{} has too many folders in folders", from.display());
    }
    let mut files = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !wanted(&name.to_string_lossy()) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        // What a link leads to is copied: the copy has to stand alone.
        let kind = match fs::metadata(&source) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(named(&source, error)),
        };
        if kind.is_dir() {
            make_folder(&target)?;
            files += copy_all(&source, &target, &|_| true)?;
        } else if kind.is_file() {
            match copy_file(&source, &target) {
                Ok(()) => files += 1,
                Err(_) if !source.exists() => {}
                Err(error) => return Err(error),
            }
        }
    }
    File::open(to)?.sync_all()?;
    Ok(files)
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).map_err(|error| named(from, error))?;
    Ok(File::open(to)?.sync_all()?)
}

fn named(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(path.display().to_string())
}

/// A folder for the operator's eyes only: there are keys in it.
fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn put_in_place(partial: &Path, folder: &Path) -> io::Result<()> {
    fs::rename(partial, folder)?;
    File::open(above(folder))?.sync_all()
}

/// The folder that `folder` is in.
fn above(folder: &Path) -> &Path {
    let above = folder.parent().filter(|above| *above != Path::new(""));
    above.unwrap_or_else(|| Path::new("."))
}
