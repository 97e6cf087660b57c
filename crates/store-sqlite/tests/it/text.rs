//! What is gone is not in the files, and what full text and overwriting cost.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use store::{
    Backend, Batch, BodyId, Collection, Entry, EntryId, Log, Needle, Owner, Page, Reader,
    Searchable, Spoken, Trim, Version,
};
use store_sqlite::{Durability, FILE, Sqlite};

const MESSAGES: Collection<Log<()>> =
    Collection::new("test.messages", Version(1)).searchable(Searchable {
        version: 1,
        text: body,
    });

fn body(spoken: &Spoken<'_>) -> Option<String> {
    spoken.body.map(str::to_owned)
}

/// Trimmed, tombstoned, hollowed or removed with its owner: neither the text nor one word of it can be read from the
/// files, short or so long that it had pages of its own, indexed or not.
#[test]
fn what_is_gone_is_not_in_the_files() {
    for indexed in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sqlite = open(folder.path());
        let owners: Vec<Owner> = (0..4).map(owner).collect();
        // Others' messages in between, so that pages are shared.
        for id in 1..=60 {
            let mut batch = Batch::new();
            for (number, owner) in (0..).zip(&owners) {
                let text = match (id, number) {
                    (20, _) => "secretword here".to_owned(),
                    (30, _) => "much secretword ".repeat(2000),
                    _ => format!("harmless {id}"),
                };
                append(&mut batch, owner, id, id * 4 + number, &text);
            }
            apply(&mut sqlite, batch);
        }
        if indexed {
            let mut batch = Batch::new();
            for owner in &owners {
                batch.index(MESSAGES, owner, 1000);
            }
            apply(&mut sqlite, batch);
        }
        assert!(in_files(folder.path(), "secretword"));
        let mut batch = Batch::new();
        let [first, second, third, fourth] = owners.as_slice() else {
            panic!("there are four")
        };
        batch.trim(MESSAGES, first, Trim::Range(EntryId(15), EntryId(35)));
        batch.delete_owner(fourth);
        for id in [EntryId(20), EntryId(30)] {
            batch.tombstone(MESSAGES, second, id, "<retracted/>");
            batch.hollow(MESSAGES, third, id, 3);
        }
        batch.scrub();
        // Somebody still reads what was there before.
        let other = rusqlite::Connection::open(folder.path().join(FILE)).expect("it opens");
        other
            .execute_batch("BEGIN; SELECT count(*) FROM log_entry")
            .expect("plain SQL");
        apply(&mut sqlite, batch);
        assert!(in_files(folder.path(), "secretword"), "it is still read");
        other.execute_batch("COMMIT").expect("plain SQL");
        let mut batch = Batch::new();
        append(&mut batch, first, 61, 1000, "harmless 61");
        apply(&mut sqlite, batch);
        sqlite.carry().expect("it is carried over");
        assert!(!in_files(folder.path(), "secretword"), "indexed: {indexed}");
        assert!(in_files(folder.path(), "harmless"), "the rest is there");
        let sound = other.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
        assert_eq!(sound.as_deref(), Ok("ok"));
    }
}

/// A page of hits costs what it shows, not what the log or the logs of others hold: the rows are taken in the order of
/// the index, from the place where the page begins.
#[test]
fn a_search_is_led_by_the_index_of_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _sqlite = open(folder.path());
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).expect("it opens");
    let sql = "EXPLAIN QUERY PLAN SELECT e.id FROM words w CROSS JOIN log_entry e INDEXED BY log_entry_id \
               LEFT JOIN body b ON b.id = e.body WHERE words MATCH ?1 AND w.rowid >= ?2 AND w.rowid <= ?3 \
               AND e.id = w.rowid & 1099511627775 AND e.collection = ?4 AND e.owner = ?5 ORDER BY w.rowid DESC LIMIT 5";
    let mut plan = connection.prepare(sql).expect("plain SQL");
    let steps: Vec<String> = plan
        .query_map(rusqlite::params!["a", 0, 1, 1, 1], |row| row.get(3))
        .expect("it is planned")
        .collect::<Result<_, _>>()
        .expect("it reads");
    let plan = steps.join("; ");
    assert!(plan.starts_with("SCAN w VIRTUAL TABLE INDEX"), "{plan}");
    assert!(
        plan.contains("SEARCH e USING INDEX log_entry_id (collection=? AND owner=? AND id=?)"),
        "{plan}"
    );
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

/// Prints what things cost here. `cargo test -p store-sqlite --test it costs -- --ignored --nocapture`
/// Dropping it costs other owners no more than their next search.
#[test]
fn an_index_that_is_dropped_is_made_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut sqlite = open(folder.path());
    let mut batch = Batch::new();
    for number in [1, 2] {
        append(&mut batch, &owner(number), 1, number, "<body>lark</body>");
        batch.index(MESSAGES, &owner(number), 10);
    }
    apply(&mut sqlite, batch);
    assert_eq!(hits(&sqlite), (1, 1));
    let mut batch = Batch::new();
    batch.unindex(MESSAGES, &owner(3), store::limits::UNINDEX_ALL);
    apply(&mut sqlite, batch);
    assert_eq!(hits(&sqlite), (1, 1), "who has none drops none");
    let mut batch = Batch::new();
    batch.unindex(MESSAGES, &owner(1), store::limits::UNINDEX_ALL);
    apply(&mut sqlite, batch);
    assert_eq!(hits(&sqlite), (0, 0));
    let mut batch = Batch::new();
    batch.index(MESSAGES, &owner(2), 10);
    apply(&mut sqlite, batch);
    assert_eq!(hits(&sqlite), (0, 1));
}

/// How many entries of each owner are found.
fn hits(sqlite: &Sqlite) -> (u64, u64) {
    let mut reader = sqlite.reader().expect("it reads");
    let mut count = |number| {
        let page = Page {
            text: Some(Needle::parse("lark")),
            ..Page::default()
        };
        let asked = MESSAGES.page_count(&owner(number), page);
        let answers = reader.read(&[asked.query().clone()]).expect("it answers");
        let answer = answers.into_iter().next().expect("one");
        asked.decode(answer).expect("it reads")
    };
    (count(1), count(2))
}

#[test]
#[ignore = "measures, and asserts nothing"]
#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn costs() {
    const MESSAGES_EACH: u64 = 4_000;
    for (what, secure, inline) in [
        ("nothing overwritten", "OFF", false),
        ("FAST", "FAST", false),
        ("ON", "ON", false),
        ("ON, each indexed at once", "ON", true),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sqlite = open(folder.path());
        sqlite.set_secure_delete(secure).expect("it is set");
        let begun = Instant::now();
        for id in 1..=MESSAGES_EACH {
            let (sender, recipient) = (owner(id % 997), owner(1000 + id % 991));
            let mut batch = Batch::new();
            let text = line(id);
            batch.put_body(BodyId(id), &*text);
            for owner in [&sender, &recipient] {
                let entry = Entry {
                    body: Some(BodyId(id)),
                    ..Entry::new(EntryId(id), id as i64, ())
                };
                batch.append(MESSAGES, owner, entry);
                if inline {
                    batch.index(MESSAGES, owner, 10);
                }
            }
            apply(&mut sqlite, batch);
        }
        let archived = begun.elapsed();
        let begun = Instant::now();
        for id in 1..=MESSAGES_EACH {
            let (sender, recipient) = (owner(id % 997), owner(1000 + id % 991));
            let mut batch = Batch::new();
            batch.trim(MESSAGES, &sender, Trim::One(EntryId(id)));
            batch.trim(MESSAGES, &recipient, Trim::One(EntryId(id)));
            apply(&mut sqlite, batch);
        }
        let removed = begun.elapsed();
        let each = |time: std::time::Duration| time.as_micros() as u64 / MESSAGES_EACH;
        println!(
            "{what}: archived {} µs, removed {} µs",
            each(archived),
            each(removed)
        );
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut sqlite = open(folder.path());
    for (number, entries) in [(1, 100_000), (2, 20_000), (3, 20_000)] {
        let mut batch = Batch::new();
        for id in 1..=entries {
            append(
                &mut batch,
                &owner(number),
                id,
                number * 1_000_000 + id,
                &line(id),
            );
        }
        apply(&mut sqlite, batch);
    }
    let before = size(folder.path());
    let mut slices = Vec::new();
    let begun = Instant::now();
    for number in [1, 2, 3] {
        for _ in 0..200 {
            let begun = Instant::now();
            let mut batch = Batch::new();
            batch.index(MESSAGES, &owner(number), store::limits::INDEX_SLICE);
            apply(&mut sqlite, batch);
            slices.push(begun.elapsed());
        }
    }
    let total = begun.elapsed();
    slices.sort();
    println!(
        "indexing: {} ns an entry, slice median {:?} max {:?}, {} bytes an entry",
        total.as_nanos() / 140_000,
        slices.get(slices.len() * 2 / 3),
        slices.last(),
        (size(folder.path()) - before) / 140_000,
    );
    let mut reader = sqlite.reader().expect("it reads");
    for (text, ranked) in [
        ("common", false),
        ("word77", false),
        ("common word7*", false),
        ("common", true),
    ] {
        let page = Page {
            text: Some(Needle::parse(text)),
            backwards: true,
            entries_max: 50,
            ..Page::default()
        };
        let asked = match ranked {
            false => MESSAGES.page(&owner(1), page),
            true => MESSAGES.best(&owner(1), page),
        };
        let begun = Instant::now();
        let answers = reader.read(&[asked.query().clone()]).expect("it answers");
        let found = asked
            .decode(answers.into_iter().next().expect("one"))
            .expect("it reads");
        println!(
            "{text:?} ranked {ranked}: {} found in {:?}",
            found.found.len(),
            begun.elapsed()
        );
    }
    let begun = Instant::now();
    let asked = MESSAGES.page_size(&owner(1), Page::default());
    reader.read(&[asked.query().clone()]).expect("it answers");
    println!("size of 100,000: {:?}", begun.elapsed());
    let begun = Instant::now();
    for first in (1..=100_000).step_by(200) {
        let mut batch = Batch::new();
        for id in first..first + 200 {
            batch.trim(MESSAGES, &owner(1), Trim::One(EntryId(id)));
        }
        apply(&mut sqlite, batch);
    }
    println!(
        "trimming indexed entries: {:?} a slice of 200",
        begun.elapsed() / 500
    );
    let mut batch = Batch::new();
    batch.unindex(MESSAGES, &owner(2), store::limits::UNINDEX_ALL);
    let begun = Instant::now();
    apply(&mut sqlite, batch);
    println!("dropping an index of 40,000: {:?}", begun.elapsed());
    let mut batch = Batch::new();
    batch.scrub();
    let begun = Instant::now();
    apply(&mut sqlite, batch);
    println!("scrub: {:?}", begun.elapsed());
}

fn line(id: u64) -> String {
    format!(
        "<body>a common line of a chat with word{} and word{} in it, as long as most are</body>",
        id % 100,
        id * 7919 % 5003
    )
}

fn append(batch: &mut Batch, owner: &Owner, id: u64, body: u64, text: &str) {
    batch.put_body(BodyId(body), text);
    let entry = Entry {
        body: Some(BodyId(body)),
        ..Entry::new(EntryId(id), id as i64, ())
    };
    batch.append(MESSAGES, owner, entry);
}

fn apply(sqlite: &mut Sqlite, batch: Batch) {
    sqlite.apply(&[Arc::new(batch)]).expect("it is stored");
}

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, Durability::Process).expect("it opens")
}

fn owner(number: u64) -> Owner {
    Owner::parse(&format!("account:user{number}@example.org")).expect("an owner")
}

fn size(folder: &Path) -> u64 {
    let file = |name: &str| fs::metadata(folder.join(name)).map_or(0, |found| found.len());
    file(FILE) + file(&format!("{FILE}-wal"))
}

fn in_files(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).expect("it lists");
    files.into_iter().any(|file| {
        let bytes = fs::read(file.expect("it lists").path()).expect("it reads");
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}
