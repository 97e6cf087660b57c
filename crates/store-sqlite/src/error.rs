//! What SQLite says, as the store's errors.

use rusqlite::{Error, ErrorCode};
use store::StoreError;

/// The store's word for what SQLite or the driver said.
pub(crate) fn from_sqlite(error: Error) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { detail }
        }
        Some(_) => StoreError::Io { detail },
        // Not from SQLite: a column that does not read as what it must be.
        None => StoreError::Damaged { detail },
    }
}

/// The store's word for what the file system said.
pub(crate) fn from_io(error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Io {
            detail: error.to_string(),
        },
    }
}
