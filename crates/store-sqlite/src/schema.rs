//! The tables, and how those of an older server become today's.

use rusqlite::{Connection, TransactionBehavior};
use store::StoreError;

use crate::error::from_sqlite;

/// Marks a SQLite file as ours: "Cplt".
const APPLICATION: i32 = 0x4370_6c74;

/// Step n turns a store of schema n into one of schema n+1; the first makes an empty one. A step that has been released
/// is never changed.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// Refuses a file that is not a store of ours, whichever schema it has.
///
/// # Errors
///
/// [`StoreError::Damaged`], or what SQLite says.
pub(crate) fn must_be_ours(connection: &Connection) -> Result<(), StoreError> {
    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(from_sqlite)?;
    match application {
        APPLICATION => Ok(()),
        _ => Err(StoreError::Damaged {
            detail: "the file was not made by this server".to_owned(),
        }),
    }
}

/// Brings the file to today's schema, all of it or nothing.
///
/// # Errors
///
/// [`StoreError::NewerSchema`] for a file of a newer server, [`StoreError::Damaged`] for one that is not ours.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_by(connection, STEPS)
}

fn migrate_by(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(from_sqlite)?;
    let number = |pragma| {
        transaction
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(from_sqlite)
    };
    let (application, found) = (number("application_id")?, number("user_version")?);
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(from_sqlite)?;
    if application != i64::from(APPLICATION) && tables > 0 {
        return Err(StoreError::Damaged {
            detail: "the file was not made by this server".to_owned(),
        });
    }
    let known = steps.len();
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let Some(missing) = steps.get(done..) else {
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        return Err(StoreError::NewerSchema {
            found,
            known: u32::try_from(known).unwrap_or(u32::MAX),
        });
    };
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        transaction.execute_batch(step).map_err(from_sqlite)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(from_sqlite)?;
    transaction
        .pragma_update(
            None,
            "user_version",
            i64::try_from(known).unwrap_or(i64::MAX),
        )
        .map_err(from_sqlite)?;
    transaction.commit().map_err(from_sqlite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_steps_are_taken_in_order_and_once() {
        let mut connection = memory();
        let first = "CREATE TABLE a (x); INSERT INTO a VALUES (1)";
        let second = "ALTER TABLE a ADD COLUMN y DEFAULT 2";
        assert_eq!(migrate_by(&mut connection, &[first]), Ok(()));
        assert_eq!(migrate_by(&mut connection, &[first, second]), Ok(()));
        assert_eq!(migrate_by(&mut connection, &[first, second]), Ok(()));
        let row = connection.query_row("SELECT x, y FROM a", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        assert_eq!(row, Ok((1, 2)));
        assert_eq!(
            migrate_by(&mut connection, &[first]),
            Err(StoreError::NewerSchema { found: 2, known: 1 })
        );
    }

    #[test]
    fn a_failed_step_changes_nothing() {
        let mut connection = memory();
        assert!(migrate_by(&mut connection, &["CREATE TABLE a (x)", "nonsense"]).is_err());
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
        assert_eq!(tables, Ok(0));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        let connection = memory();
        connection
            .execute_batch("CREATE TABLE theirs (x)")
            .expect("plain SQL");
        let mut connection = connection;
        assert!(matches!(
            migrate(&mut connection),
            Err(StoreError::Damaged { .. })
        ));
    }

    fn memory() -> Connection {
        Connection::open_in_memory().expect("SQLite opens in memory")
    }
}
