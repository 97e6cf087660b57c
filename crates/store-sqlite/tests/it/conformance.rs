//! The SQLite back end passes the conformance suite, on a file, with both durabilities.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use store::conformance::{Bench, Opened};
use store::{Backend, Batch, StoreError};
use store_sqlite::{Durability, FILE, JOURNAL_FILES, Sqlite};
use tempfile::TempDir;

struct SqliteBench {
    folder: TempDir,
    durability: Durability,
}

impl SqliteBench {
    fn new(durability: Durability) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            durability,
        }
    }
}

impl Bench for SqliteBench {
    fn open(&mut self) -> Result<Opened, StoreError> {
        let sqlite = Sqlite::open(self.folder.path(), self.durability)?;
        let reader = sqlite.reader()?;
        Ok((Box::new(sqlite), Box::new(reader)))
    }

    /// Copies the files as they are at that step, which is what a killed process leaves, and goes on with the copy.
    fn crash(&mut self, batches: &[Arc<Batch>], step: usize) -> Result<(), StoreError> {
        let image = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (self.folder.path().to_owned(), image.path().to_owned());
        let mut sqlite = Sqlite::open(&from, self.durability)?;
        let mut left = step;
        sqlite.probe(move || {
            if left > 0 {
                left -= 1;
                return Ok(());
            }
            copy_files(&from, &to);
            Err(StoreError::Closed)
        });
        assert_eq!(
            sqlite.apply(batches),
            Err(StoreError::Closed),
            "the crash comes"
        );
        self.folder = image;
        Ok(())
    }
}

/// What a killed process leaves at this moment.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    let tables = [FILE.to_owned(), format!("{FILE}-wal")];
    for name in tables.into_iter().chain(JOURNAL_FILES.map(str::to_owned)) {
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).expect("the file is copied");
        }
    }
}

store::conformance_tests!(SqliteBench::new(Durability::Process));

mod full {
    use super::{Durability, SqliteBench};

    store::conformance_tests!(SqliteBench::new(Durability::Full);
        a_crash_at_any_step_leaves_all_or_nothing, everything_is_there_after_a_restart, what_was_delivered_is_seen);
}
