//! The data folder: there, writable, nobody else's business, with room.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, access, statvfs},
    process::geteuid,
};

use super::{Finding, Severity};
use crate::{config::Config, data_folder, first_start};

const ABOUT: &str = "files";

/// See unix(7): 108 bytes, of which one ends the path.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Less than this is soon full: SQLite's log alone may take a part of it.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// What is found about the files that the server keeps or reads.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(file) = &config.file {
        findings.extend(about_config(file));
    }
    let data = &config.general.data;
    match fs::metadata(data) {
        Err(_) => findings.extend(about_parent(data)),
        Ok(found) => findings.extend(about_folder(data, &found)),
    }
    findings.extend(about_socket(data));
    let place = nearest_folder(data);
    if let Ok(disk) = statvfs(&place) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < FREE_BYTES_MIN {
            findings.push(Finding::new(
                Severity::Warning,
                ABOUT,
                format!(
                    "there are {} MiB left on the disk with {}",
                    free >> 20,
                    data.display()
                ),
                "Make room: on a full disk no message is taken",
            ));
        }
    }
    findings
}

fn about_config(file: &Path) -> Option<Finding> {
    let mode = fs::metadata(file).ok()?.mode();
    (mode & 0o002 != 0).then(|| {
        Finding::new(
            Severity::Error,
            ABOUT,
            format!("every user of this machine can change {}", file.display()),
            format!("Run \"chmod o-w {}\"", file.display()),
        )
    })
}

/// The path of a socket is bounded by the system, far below that of a file.
fn about_socket(data: &Path) -> Option<Finding> {
    let length = data_folder::socket(data).as_os_str().len();
    (length > SOCKET_PATH_BYTES_MAX).then(|| {
        Finding::new(
            Severity::Error,
            ABOUT,
            format!("the path of the data folder is too long: commands reach the server through a socket in it, whose path would have {length} bytes of at most {SOCKET_PATH_BYTES_MAX}"),
            "Set `data` to a folder with a shorter path",
        )
    })
}

/// The folder is made at the first start; whether it can be is told by where it will be.
fn about_parent(data: &Path) -> Option<Finding> {
    let parent = nearest_folder(data);
    let error = access(&parent, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(Finding::new(
        Severity::Error,
        ABOUT,
        format!(
            "the data folder {} is not there and can't be made: {error}",
            data.display()
        ),
        "Make it, and give it to the user that runs couplet; or check as that user",
    ))
}

fn about_folder(data: &Path, found: &fs::Metadata) -> Vec<Finding> {
    let folder = data.display();
    let mut findings = Vec::new();
    if !found.is_dir() {
        return vec![Finding::new(
            Severity::Error,
            ABOUT,
            format!("{folder} is no folder"),
            "Set `data` to a folder",
        )];
    }
    if found.mode() & 0o077 != 0 {
        findings.push(Finding::new(
            Severity::Warning,
            ABOUT,
            format!(
                "other users of this machine can look into {folder}, where messages and keys are"
            ),
            format!("Run \"chmod 700 {folder}\""),
        ));
    }
    if let Err(error) = access(data, Access::WRITE_OK | Access::EXEC_OK) {
        findings.push(Finding::new(
            Severity::Error,
            ABOUT,
            format!("{folder} can't be written: {error}"),
            "Give it to the user that runs couplet; or check as that user",
        ));
    } else if found.uid() != geteuid().as_raw() {
        findings.push(Finding::new(
            Severity::Note,
            ABOUT,
            format!("{folder} belongs to another user than the one who checks"),
            "Check as the user that runs couplet: what it may do is looked at then",
        ));
    }
    let password = data.join(first_start::PASSWORD_FILE);
    if password.exists() {
        findings.push(Finding::new(
            Severity::Warning,
            ABOUT,
            format!(
                "the password that was made at the first start is still in {}",
                password.display()
            ),
            "Sign in with it, change it, and delete the file",
        ));
    }
    findings
}

/// The folder itself, or the nearest one above it that is there.
fn nearest_folder(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|path| path.is_dir());
    match above {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn severities(data: &Path) -> Vec<Severity> {
        let found = fs::metadata(data).unwrap();
        let findings = about_folder(data, &found);
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_folder_is_private_and_holds_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode));
        set(0o700).unwrap();
        assert_eq!(severities(folder.path()), []);
        set(0o750).unwrap();
        assert_eq!(severities(folder.path()), [Severity::Warning]);
        set(0o700).unwrap();
        let password = folder.path().join(first_start::PASSWORD_FILE);
        fs::write(&password, "x").unwrap();
        assert_eq!(severities(folder.path()), [Severity::Warning]);
        assert_eq!(severities(&password), [Severity::Error], "it is a file");
    }

    #[test]
    fn a_configuration_that_others_may_write_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("couplet.toml");
        fs::write(&file, "").unwrap();
        let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        set(0o644);
        assert_eq!(about_config(&file), None);
        set(0o666);
        assert_eq!(
            about_config(&file).map(|one| one.severity),
            Some(Severity::Error)
        );
    }

    #[test]
    fn the_socket_fits_into_its_path() {
        let folder = |length: usize| PathBuf::from("d".repeat(length));
        let name = data_folder::socket(Path::new("")).as_os_str().len() + 1;
        assert_eq!(about_socket(&folder(107 - name)), None);
        assert!(about_socket(&folder(108 - name)).is_some());
    }

    #[test]
    fn the_nearest_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b/c");
        assert_eq!(nearest_folder(&below), folder.path());
        assert_eq!(nearest_folder(Path::new("not-there")), Path::new("."));
    }
}
