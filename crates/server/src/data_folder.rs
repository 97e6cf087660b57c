//! The data folder: made on the first start, and used by one process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

/// Holds the process id, and is locked while that process lives.
const PID_FILE: &str = "couplet.pid";
/// The admin socket.
const SOCKET: &str = "couplet.sock";
/// What is in the folder for the running process only, and means nothing to another one.
pub(crate) const OF_THE_PROCESS: [&str; 3] = [PID_FILE, SOCKET, store_sqlite::LOCK];
/// Random bytes that make unknown accounts look like known ones.
const ACCOUNTS_SECRET: &str = "accounts.secret";
/// What the tokens of clients are made with. Who has the store and not this can't sign in with what is stored.
pub(crate) const TOKENS_KEY: &str = "tokens.key";

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    /// Another server uses it.
    #[error(
        "another couplet{} uses the data folder {}; stop it, or set `data` to another folder",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        .path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process.
        pid: Option<u32>,
    },
    /// It belongs to a user, and root would leave files in it that this user cannot use.
    #[error(
        "the data folder {} belongs to the user {owner}; run this as that user: sudo -u '#{owner}' couplet ...",
        .path.display()
    )]
    NotRoots {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// It cannot be made or written.
    #[error(
        "cannot write to the data folder {}: {error}; make it writable for the user that runs couplet, or set `data` to another folder",
        .path.display()
    )]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The data folder, locked for this process.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The lock goes with the file.
    _pid_file: File,
}

impl DataFolder {
    /// Makes the folder if it is missing and takes it for this process.
    ///
    /// # Errors
    ///
    /// [`DataError`] when another process has it or it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let unwritable = |error| DataError::Unwritable {
            path: path.to_owned(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unwritable)?;
        let owner = fs::metadata(path).map_err(unwritable)?.uid();
        if rustix::process::geteuid().is_root() && owner != 0 {
            let path = path.to_owned();
            return Err(DataError::NotRoots { path, owner });
        }
        let place = path.join(PID_FILE);
        let mut pid_file = loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&place)
                .map_err(unwritable)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    // The number is only for the sentence.
                    let _ = file.read_to_string(&mut text);
                    return Err(DataError::InUse {
                        path: path.to_owned(),
                        pid: text.trim().parse().ok(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(unwritable(error)),
            }
            // Whoever had the folder before may have removed the file after we opened it.
            if is_at(&file, &place).map_err(unwritable)? {
                break file;
            }
        };
        pid_file
            .set_len(0)
            .and_then(|()| writeln!(pid_file, "{}", std::process::id()))
            .map_err(unwritable)?;
        Ok(Self {
            path: path.to_owned(),
            _pid_file: pid_file,
        })
    }

    /// Whether a process uses the folder at `path`. Makes nothing.
    pub(crate) fn is_in_use(path: &Path) -> bool {
        let file = File::open(path.join(PID_FILE));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The secret behind the answers for accounts that do not exist; made once.
    ///
    /// # Errors
    ///
    /// [`DataError::Unwritable`] when it cannot be read or made.
    pub(crate) fn accounts_secret(&self) -> Result<[u8; 32], DataError> {
        self.random_file(ACCOUNTS_SECRET)
    }

    /// The key that tokens are made with; made once. With another one, all tokens are void.
    ///
    /// # Errors
    ///
    /// [`DataError::Unwritable`] when it cannot be read or made.
    pub(crate) fn tokens_key(&self) -> Result<[u8; 32], DataError> {
        self.random_file(TOKENS_KEY)
    }

    /// Random bytes in a file of their own.
    fn random_file(&self, name: &str) -> Result<[u8; 32], DataError> {
        let path = self.path.join(name);
        let unwritable = |error| DataError::Unwritable {
            path: self.path.clone(),
            error,
        };
        if let Ok(bytes) = fs::read(&path)
            && let Ok(secret) = bytes.try_into()
        {
            return Ok(secret);
        }
        let mut secret = [0; 32];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| unwritable(io::Error::other("the system gives no random bytes")))?;
        write_private(&path, &secret).map_err(unwritable)?;
        Ok(secret)
    }
}

impl Drop for DataFolder {
    /// Leaves no process id behind. The lock is still held: who waits for it finds that the file is gone.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join(PID_FILE));
    }
}

/// Whether an open file is still the one that is found at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The admin socket of the server that uses the folder `data`.
pub(crate) fn socket(data: &Path) -> PathBuf {
    data.join(SOCKET)
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_added_extension("new");
    // A leftover of a crash may have another mode.
    let _ = fs::remove_file(&partial);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_the_folder_and_leaves_no_process_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        assert!(!DataFolder::is_in_use(&path));
        assert!(!path.exists(), "asking makes nothing");
        let open = DataFolder::open(&path).unwrap();
        assert!(DataFolder::is_in_use(&path));
        let refused = DataFolder::open(&path).unwrap_err();
        assert!(
            matches!(refused, DataError::InUse { pid, .. } if pid == Some(std::process::id())),
            "{refused}"
        );
        drop(open);
        assert!(!path.join(PID_FILE).exists());
        assert!(!DataFolder::is_in_use(&path));
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn a_file_that_was_removed_or_replaced_is_not_the_one_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        let _other = File::create(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
    }
}
