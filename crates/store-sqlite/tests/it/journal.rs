//! The journal before the tables: what is in it survives whatever happens to process and files, and only once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use store::conformance::{Bench, Opened};
use store::{
    Backend, Batch, BodyId, Collection, Entry, EntryId, Log, Owner, Reader, StoreError, Trim,
    Version,
};
use store_sqlite::{Durability, FILE, JOURNAL_FILES, Sqlite};
use tempfile::TempDir;

use crate::conformance::copy_files;
use crate::disk::{check_integrity, pair, pairs};

const MESSAGES: Collection<Log<()>> = Collection::new("test.messages", Version(1));

/// A server that is killed instead of closed, and carries over now and then.
struct KilledBench(TempDir);

/// Carries over after each fourth transaction, and before that tries to and fails, so that a part waits meanwhile.
struct Carrying {
    sqlite: Sqlite,
    applied: u32,
    fails: Arc<AtomicBool>,
}

impl Backend for Carrying {
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        let applied = self.sqlite.apply(batches);
        self.applied += 1;
        match self.applied % 4 {
            0 => self.sqlite.carry()?,
            2 => {
                self.fails.store(true, Ordering::Relaxed);
                let _failed = self.sqlite.carry();
                self.fails.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
        applied
    }
}

impl Bench for KilledBench {
    fn open(&mut self) -> Result<Opened, StoreError> {
        let image = folder();
        copy_files(self.0.path(), image.path());
        let mut sqlite = open(image.path());
        self.0 = image;
        let reader = sqlite.reader()?;
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        sqlite.probe(move || match failing.load(Ordering::Relaxed) {
            true => Err(StoreError::Closed),
            false => Ok(()),
        });
        let carrying = Carrying {
            sqlite,
            applied: 0,
            fails,
        };
        Ok((Box::new(carrying), Box::new(reader)))
    }

    fn crash(&mut self, _: &[Arc<Batch>], _: usize) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
}

store::conformance_tests!(KilledBench(folder());
    everything_is_there_after_a_restart, generated_batches_read_as_in_memory, generated_work_reads_as_in_memory,
    entries_are_trimmed, ids_only_grow, a_body_goes_with_its_last_reference);

#[test]
fn a_death_while_it_is_carried_over_loses_nothing() {
    let mut step = 0;
    loop {
        let (folder, image) = (folder(), folder());
        let mut sqlite = open(folder.path());
        apply(&mut sqlite, 1..=5);
        sqlite.carry().expect("it is carried over");
        apply(&mut sqlite, 6..=10);
        let (from, to) = (folder.path().to_owned(), image.path().to_owned());
        let mut left = step;
        sqlite.probe(move || {
            if left == 0 {
                copy_files(&from, &to);
                return Err(StoreError::Closed);
            }
            left -= 1;
            Ok(())
        });
        if sqlite.carry().is_ok() {
            break;
        }
        assert_eq!(pairs(&open(image.path())), 10, "before step {step}");
        check_integrity(image.path());
        step += 1;
    }
    assert!(step > 5, "there were steps");
}

#[test]
fn a_cut_journal_leaves_whole_batches() {
    let folder = folder();
    let mut sqlite = open(folder.path());
    apply(&mut sqlite, 1..=6);
    let journal = fs::read(folder.path().join(JOURNAL_FILES[0])).expect("there is a journal");
    let mut last = 0;
    for cut in (0..journal.len()).step_by(7).chain([journal.len()]) {
        let image = self::folder();
        copy_files(folder.path(), image.path());
        let cut = journal.get(..cut).expect("it is shorter");
        fs::write(image.path().join(JOURNAL_FILES[0]), cut).expect("written");
        let seen = pairs(&open(image.path()));
        assert!(seen == last || seen == last + 1, "{seen} after {last}");
        last = seen;
    }
    assert_eq!(last, 6, "the whole journal has everything");
}

/// The files are written over many times, and what is left of an earlier time is never taken for news.
#[test]
fn the_files_are_used_again() {
    let folder = folder();
    let mut sqlite = open(folder.path());
    for number in 1..=60 {
        apply(&mut sqlite, number..=number);
        if number % 7 == 0 {
            sqlite.carry().expect("it is carried over");
        }
        let image = self::folder();
        copy_files(folder.path(), image.path());
        assert_eq!(pairs(&open(image.path())), number);
    }
}

#[test]
fn a_journal_of_another_store_is_left_alone() {
    let (folder, backup) = (folder(), folder());
    let mut sqlite = open(folder.path());
    apply(&mut sqlite, 1..=2);
    store_sqlite::copy(folder.path(), backup.path(), &[]).expect("it is copied");
    // The copy has numbered frames from the beginning as well.
    apply(&mut sqlite, 3..=5);
    for name in JOURNAL_FILES {
        fs::copy(folder.path().join(name), backup.path().join(name)).expect("copied");
    }
    assert_eq!(pairs(&open(backup.path())), 2);
}

#[test]
fn a_copy_has_what_the_journal_has() {
    let (folder, target) = (folder(), folder());
    let mut sqlite = open(folder.path());
    apply(&mut sqlite, 1..=3);
    sqlite.carry().expect("it is carried over");
    apply(&mut sqlite, 4..=6);
    store_sqlite::copy(folder.path(), target.path(), &[]).expect("it is copied");
    assert_eq!(pairs(&open(target.path())), 6);
    check_integrity(target.path());
}

/// An entry that is delivered before it is carried over never gets to the tables; its position is never free again.
#[test]
fn what_comes_and_goes_leaves_only_its_position() {
    let folder = folder();
    let mut sqlite = open(folder.path());
    for id in 1..=9 {
        let mut batch = Batch::new();
        if id > 1 {
            batch.trim(MESSAGES, &Owner::Server, Trim::One(EntryId(id - 1)));
        }
        batch.put_body(BodyId(id), "a body");
        let entry = Entry {
            body: Some(BodyId(id)),
            ..Entry::new(EntryId(id), 0, ())
        };
        batch.append(MESSAGES, &Owner::Server, entry);
        assert_eq!(sqlite.apply(&[Arc::new(batch)]), Ok(()));
    }
    let mut last = Batch::new();
    last.trim(MESSAGES, &Owner::Server, Trim::One(EntryId(9)));
    assert_eq!(sqlite.apply(&[Arc::new(last)]), Ok(()));
    sqlite.carry().expect("it is carried over");
    let tables = Connection::open(folder.path().join(FILE)).expect("SQLite opens it");
    let counts = "SELECT (SELECT count(*) FROM log_entry), (SELECT count(*) FROM body)";
    let counts = tables.query_row(counts, [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(counts, Ok((0, 0)));
    let newest = MESSAGES.newest(&Owner::Server);
    let mut reader = sqlite.reader().expect("it reads");
    let answer = reader.read(&[newest.query().clone()]).expect("it answers");
    let answer = answer.into_iter().next().expect("one answer");
    assert_eq!(newest.decode(answer), Ok(Some(EntryId(9))));
}

#[test]
fn the_carrier_carries_until_the_store_closes() {
    let folder = folder();
    let mut sqlite = open(folder.path());
    let carrier = sqlite.carrier();
    let carrier = std::thread::spawn(move || {
        carrier.run(std::time::Duration::ZERO, |error| panic!("{error}"));
    });
    apply(&mut sqlite, 1..=3);
    let tables = Connection::open(folder.path().join(FILE)).expect("SQLite opens it");
    let there = || {
        let count = "SELECT count(*) FROM log_entry";
        tables.query_row(count, [], |row| row.get::<_, i64>(0))
    };
    while there() != Ok(3) {
        std::thread::yield_now();
    }
    drop(sqlite);
    carrier.join().expect("it ends");
}

fn apply(sqlite: &mut Sqlite, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(sqlite.apply(&[pair(number)]), Ok(()));
    }
}

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, Durability::Process).expect("it opens")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
