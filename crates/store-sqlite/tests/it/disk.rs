//! The file itself: one process at a time, a full disk, cut logs, newer and foreign files, what an operator sees.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use store::{
    Backend, Batch, BodyId, Collection, Entry, EntryId, Log, Map, Owner, Page, Reader, StoreError,
    Version,
};
use store_sqlite::{Durability, FILE, Sqlite};

const COUNTS: Collection<Map<String, u64>> = Collection::new("test.counts", Version(1));
const MESSAGES: Collection<Log<()>> = Collection::new("test.messages", Version(1));

#[test]
fn a_folder_is_open_once() {
    let folder = folder();
    let first = open(folder.path()).expect("the first opens it");
    let second = open(folder.path());
    assert!(
        matches!(second, Err(StoreError::InUse { .. })),
        "{second:?}"
    );
    drop(first);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn with_full_tables_nothing_stored_is_lost_and_they_recover() {
    let folder = folder();
    let mut sqlite = open(folder.path()).expect("it opens");
    sqlite.bound_pages(40).expect("it is bounded");
    let big = |id: u64| {
        let mut batch = Batch::new();
        batch.put_body(BodyId(id), "x".repeat(60_000));
        let spoken = Entry {
            body: Some(BodyId(id)),
            ..Entry::new(EntryId(id), 0, ())
        };
        batch.append(MESSAGES, &Owner::Server, spoken);
        Arc::new(batch)
    };
    let mut stored = 0;
    let error = loop {
        assert_eq!(sqlite.apply(&[big(stored + 1)]), Ok(()));
        stored += 1;
        if let Err(error) = sqlite.carry() {
            break error;
        }
        assert!(stored < 10, "the tables get full");
    };
    assert_eq!(error, StoreError::Full);
    // What the journal can keep is still stored; what must go to the tables, and what asks for it, fails.
    stored += 1;
    assert_eq!(sqlite.apply(&[big(stored)]), Ok(()));
    let mut expire = Batch::new();
    expire.expire(0);
    assert_eq!(sqlite.apply(&[Arc::new(expire)]), Err(StoreError::Full));
    let mut reader = sqlite.reader().expect("it reads");
    let count = MESSAGES.page_count(&Owner::Server, Page::default());
    let asked = reader.read(&[count.query().clone()]);
    assert!(matches!(asked, Err(StoreError::Full)), "{asked:?}");
    let others = MESSAGES.page_count(&juliet(), Page::default());
    let answer = reader.read(&[others.query().clone()]);
    let answer = answer.expect("others are answered").remove(0);
    assert_eq!(others.decode(answer), Ok(0));
    sqlite.bound_pages(1_000_000).expect("there is room again");
    stored += 1;
    assert_eq!(sqlite.apply(&[big(stored)]), Ok(()));
    let answer = reader
        .read(&[count.query().clone()])
        .expect("it answers")
        .remove(0);
    assert_eq!(count.decode(answer), Ok(stored));
    check_integrity(folder.path());
}

#[test]
fn a_store_in_use_is_copied_as_it_was() {
    let (folder, target) = (folder(), self::folder());
    let mut sqlite = open(folder.path()).expect("it opens");
    let count = |sqlite: &mut Sqlite, value: u64| {
        let mut batch = Batch::new();
        batch.put(COUNTS, &Owner::Server, &"a".to_owned(), &value);
        sqlite.apply(&[Arc::new(batch)]).expect("it is stored");
    };
    count(&mut sqlite, 1);
    // A reader with a snapshot holds nothing up.
    let other = Connection::open(folder.path().join(FILE)).expect("it opens");
    other
        .execute_batch("BEGIN; SELECT count(*) FROM map_value")
        .expect("plain SQL");
    count(&mut sqlite, 2);
    let bytes = store_sqlite::copy(folder.path(), target.path(), &[]).expect("it is copied");
    count(&mut sqlite, 3);
    let copied = fs::metadata(target.path().join(FILE)).expect("it is there");
    assert_eq!(bytes, copied.len());
    let restored = open(target.path()).expect("the copy opens");
    let mut reader = restored.reader().expect("it reads");
    let asked = COUNTS.get(&Owner::Server, &"a".to_owned());
    let answer = reader
        .read(&[asked.query().clone()])
        .expect("it answers")
        .remove(0);
    assert_eq!(asked.decode(answer), Ok(Some(2)));
    check_integrity(target.path());
    // What is true of this store only is not in the copy.
    let target = tempfile::tempdir().expect("a temporary folder");
    let without = [COUNTS.declared().name];
    store_sqlite::copy(folder.path(), target.path(), &without).expect("it is copied");
    let restored = open(target.path()).expect("the copy opens");
    let mut reader = restored.reader().expect("it reads");
    let answer = reader
        .read(&[asked.query().clone()])
        .expect("it answers")
        .remove(0);
    assert_eq!(asked.decode(answer), Ok(None));
    check_integrity(target.path());
}

#[test]
fn only_a_store_is_copied_and_nothing_is_overwritten() {
    let (folder, target) = (folder(), self::folder());
    let copy = || store_sqlite::copy(folder.path(), target.path(), &[]);
    fs::write(target.path().join(FILE), "mine").expect("a file");
    drop(open(folder.path()).expect("it opens"));
    assert!(matches!(copy(), Err(StoreError::Io { .. })), "{:?}", copy());
    assert_eq!(fs::read(target.path().join(FILE)).expect("a file"), b"mine");
    fs::remove_file(target.path().join(FILE)).expect("a file");
    fs::remove_file(folder.path().join(FILE)).expect("a file");
    let theirs = Connection::open(folder.path().join(FILE)).expect("it opens");
    theirs
        .execute_batch("CREATE TABLE theirs (x)")
        .expect("plain SQL");
    let refused = copy();
    assert!(
        matches!(refused, Err(StoreError::Damaged { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_cut_write_ahead_log_leaves_whole_batches() {
    let folder = folder();
    let mut sqlite = open(folder.path()).expect("it opens");
    for number in 1..=20 {
        assert_eq!(sqlite.apply(&[pair(number)]), Ok(()));
        sqlite.carry().expect("it is carried over");
    }
    let wal = fs::read(folder.path().join(format!("{FILE}-wal"))).expect("there is a log");
    let file = fs::read(folder.path().join(FILE)).expect("there is a file");
    let mut last = 0;
    for cut in (0..=10)
        .map(|tenth| wal.len() * tenth / 10)
        .chain([wal.len() - 1, 100, 33])
    {
        let image = self::folder();
        fs::write(image.path().join(FILE), &file).expect("written");
        fs::write(
            image.path().join(format!("{FILE}-wal")),
            wal.get(..cut).expect("it is shorter"),
        )
        .expect("written");
        let sqlite = open(image.path()).expect("a cut log opens clean");
        let seen = pairs(&sqlite);
        assert!(seen <= 20);
        last = last.max(seen);
        check_integrity(image.path());
    }
    assert_eq!(last, 20, "the whole log has everything");
}

#[test]
fn a_newer_store_and_foreign_files_are_refused() {
    let folder = folder();
    drop(open(folder.path()).expect("it opens"));
    raw(folder.path())
        .pragma_update(None, "user_version", 99)
        .expect("plain SQL");
    let refused = open(folder.path());
    assert!(
        matches!(
            refused,
            Err(StoreError::NewerSchema {
                found: 99,
                known: 4
            })
        ),
        "{refused:?}"
    );
    raw(folder.path())
        .pragma_update(None, "user_version", 4)
        .expect("plain SQL");
    assert!(open(folder.path()).is_ok());

    fs::write(
        folder.path().join(FILE),
        "this is a text, and not a short one at all".repeat(100),
    )
    .expect("written");
    let refused = open(folder.path());
    assert!(
        matches!(refused, Err(StoreError::Damaged { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_operator_reads_it_with_names() {
    let folder = folder();
    let mut sqlite = open(folder.path()).expect("it opens");
    assert_eq!(sqlite.apply(&[pair(7)]), Ok(()));
    let sql = "SELECT m.collection || ' ' || m.owner || ' ' || m.key || '=' || m.value || ' ' || l.xml || ' ' || l.body \
               FROM map m JOIN log l USING (owner)";
    sqlite.carry().expect("it is carried over");
    let line: String = raw(folder.path())
        .query_row(sql, [], |row| row.get(0))
        .expect("the views are there");
    assert_eq!(
        line,
        "test.counts account:juliet@example.org number=7 <entry/> <body>7</body>"
    );
}

/// The committed fixture was written by schema 1; every later server reads it.
#[test]
fn a_store_of_schema_1_is_read() {
    let folder = folder();
    let script = include_str!("schema-1.sql");
    let connection = raw(folder.path());
    connection
        .execute_batch(script)
        .expect("the fixture is SQL");
    drop(connection);
    let sqlite = open(folder.path()).expect("it opens");
    assert_eq!(pairs(&sqlite), 7);
}

/// A number in a map and an entry with a body in a log of another owner, together.
pub(crate) fn pair(number: u64) -> Arc<Batch> {
    let mut batch = Batch::new();
    batch.put_body(BodyId(number), format!("<body>{number}</body>"));
    let mut entry = Entry {
        body: Some(BodyId(number)),
        ..Entry::new(EntryId(number), 0, ())
    };
    entry.xml = "<entry/>".into();
    batch.append(MESSAGES, &juliet(), entry);
    batch.put(COUNTS, &juliet(), &"number".to_owned(), &number);
    Arc::new(batch)
}

/// The last number of [`pair`], which map, log and body must agree on.
pub(crate) fn pairs(sqlite: &Sqlite) -> u64 {
    let mut reader = sqlite.reader().expect("it reads");
    let (number, last) = (
        COUNTS.get(&juliet(), &"number".to_owned()),
        MESSAGES.last(&juliet()),
    );
    let answers = reader
        .read(&[number.query().clone(), last.query().clone()])
        .expect("it answers");
    let [first, second] = <[_; 2]>::try_from(answers).expect("two answers");
    let number = number.decode(first).expect("it reads").unwrap_or(0);
    let last = last.decode(second).expect("it reads");
    assert_eq!(last.as_ref().map_or(0, |found| found.entry.id.0), number);
    assert_eq!(
        last.map(|found| found.body),
        (number > 0).then(|| Some(format!("<body>{number}</body>").into()))
    );
    number
}

pub(crate) fn check_integrity(folder: &Path) {
    let result = raw(folder).query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(result.as_deref(), Ok("ok"));
}

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE)).expect("SQLite opens it")
}

fn open(folder: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(folder, Durability::Process)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn juliet() -> Owner {
    Owner::parse("account:juliet@example.org").expect("an owner")
}
