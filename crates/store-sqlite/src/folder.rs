//! The data folder: one file with the store, one that is locked while a process has it open.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use store::StoreError;

use crate::error::from_io;

/// The store's file in the data folder.
pub const FILE: &str = "store.sqlite";

/// The file whose lock says that a process has the store open. The operating system lets it go when the process ends,
/// however it ends.
pub const LOCK: &str = "store.lock";

/// Makes the folder, unless it is there, and locks it for this process.
///
/// # Errors
///
/// [`StoreError::InUse`] when another process, or this one, has it open; what the file system says.
pub(crate) fn lock(folder: &Path) -> Result<File, StoreError> {
    fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|error| named(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            folder: folder.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(named(&path, &error)),
    }
}

fn named(path: &Path, error: &std::io::Error) -> StoreError {
    match from_io(error) {
        StoreError::Io { detail } => StoreError::Io {
            detail: format!("{}: {detail}", path.display()),
        },
        other => other,
    }
}
