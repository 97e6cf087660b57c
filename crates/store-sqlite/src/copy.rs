//! A copy of a store that may be in use, made from outside: one snapshot, checked.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use store::StoreError;

use crate::error::{from_io, from_sqlite};
use crate::folder::FILE;
use crate::journal::Runs;
use crate::limits::BUSY_WAIT_MS;
use crate::schema;
use crate::tables::Tables;
use crate::writer::Durability;

/// Copies the store in the folder `from` to the folder `to`, which must have none; gives the copy's size in bytes.
///
/// The copy is what was stored when it was begun, all of it: writers go on beside it and are not waited for. It holds
/// no free space, is on disk when this returns, and was read through once. The maps of the collections `without` are
/// not in it: what is true of the store it was made from only.
///
/// # Errors
///
/// [`StoreError::Damaged`] when there is no store of ours or the copy is not sound, or what the file system says.
pub fn copy(from: &Path, to: &Path, without: &[&str]) -> Result<u64, StoreError> {
    let target = to.join(FILE);
    // SQLite takes an empty file; what is made here is not readable for others while it grows.
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&target)
        .map_err(|error| from_io(&error))?;
    // Before the tables: what is carried over meanwhile is in both, instead of in neither.
    let journal = Runs::read(from)?;
    let source = open(&from.join(FILE))?;
    schema::must_be_ours(&source)?;
    let name = target.to_str().ok_or_else(|| StoreError::Io {
        detail: format!("{} is not a name that SQLite can use", target.display()),
    })?;
    source
        .execute("VACUUM INTO ?1", [name])
        .map_err(from_sqlite)?;
    drop(source);
    carry(to, journal)?;
    leave_out(&target, without)?;
    file.sync_all().map_err(|error| from_io(&error))?;
    check(&open(&target)?)?;
    let copied = fs::metadata(&target).map_err(|error| from_io(&error))?;
    Ok(copied.len())
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(from_sqlite)?;
    connection
        .busy_timeout(Duration::from_millis(BUSY_WAIT_MS))
        .map_err(from_sqlite)?;
    Ok(connection)
}

/// Brings what the journal had into the copy, which becomes a store of its own.
fn carry(folder: &Path, journal: Runs) -> Result<(), StoreError> {
    let mut tables = Tables::open(folder, Durability::Process)?;
    if let Some((pending, number)) = journal.behind(tables.carried()?) {
        tables.carry(&pending, number)?;
    }
    tables.become_another()
}

fn leave_out(copy: &Path, without: &[&str]) -> Result<(), StoreError> {
    if without.is_empty() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(copy, flags).map_err(from_sqlite)?;
    for name in without {
        copy.execute(
            "DELETE FROM map_value WHERE collection = (SELECT id FROM collection WHERE name = ?1)",
            [name],
        )
        .map_err(from_sqlite)?;
    }
    Ok(())
}

fn check(copy: &Connection) -> Result<(), StoreError> {
    let found: String = copy
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(from_sqlite)?;
    match &*found {
        "ok" => Ok(()),
        _ => Err(StoreError::Damaged { detail: found }),
    }
}
