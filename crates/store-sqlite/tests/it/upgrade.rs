//! Stores of older servers: each is a committed dump of what a server of that schema wrote for [`story`], and today's
//! server reads everything in it and goes on.
//!
//! A dump is never changed. Before a step is added to the schema, one is made of what is today's until then:
//! `STORE=folder cargo test -p store-sqlite --test it write_the_story -- --ignored`, and `.dump` of `sqlite3`.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use store::{
    Ask, Backend, Batch, BodyId, Collection, Entry, EntryId, Found, Log, Map, Needle, Owner, Page,
    Reader, Searchable, Spoken, Trim, Version, body,
};
use store_sqlite::{Durability, FILE, Sqlite};

use crate::disk::check_integrity;

/// A store that an older server left.
struct Older {
    schema: u32,
    dump: &'static str,
}

const OLDER: [Older; 2] = [
    Older {
        schema: 2,
        dump: include_str!("schema-2.sql"),
    },
    Older {
        schema: 3,
        dump: include_str!("schema-3.sql"),
    },
];

/// The first schema with an index of words.
const SEARCHED_SINCE: u32 = 3;

const COUNTS: Collection<Map<String, u64>> = Collection::new("test.counts", Version(1));
const NOTES: Collection<Map<String, String>> = Collection::new("test.notes", Version(2));
const MESSAGES: Collection<Log<String>> =
    Collection::new("test.messages", Version(1)).searchable(Searchable {
        version: 1,
        text: said,
    });
const EVENTS: Collection<Log<String>> = Collection::new("test.events", Version(1));

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";
const NURSE: &str = "nurse@example.org";
/// When the story begins, in microseconds UTC: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000_000;
/// The class of what is not to be found.
const SILENT: u8 = 2;

fn said(spoken: &Spoken<'_>) -> Option<String> {
    (spoken.class != SILENT).then(|| spoken.body.unwrap_or(spoken.xml).to_owned())
}

#[test]
fn a_store_of_every_older_schema_is_read_and_goes_on() {
    for older in OLDER {
        let folder = tempfile::tempdir().expect("a temporary folder");
        restore(folder.path(), older.dump);
        check_integrity(folder.path());
        let mut sqlite = open(folder.path());
        check(&sqlite, older.schema >= SEARCHED_SINCE);
        go_on(&mut sqlite);
        drop(sqlite);
        check_integrity(folder.path());
    }
}

/// The same of today's server: what is checked is what the story tells.
#[test]
fn the_story_is_told_and_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut sqlite = open(folder.path());
    tell(&mut sqlite);
    check(&sqlite, true);
    go_on(&mut sqlite);
    drop(sqlite);
    check_integrity(folder.path());
}

/// Leaves a store of today's schema in the folder `STORE`.
#[test]
#[ignore = "makes a fixture of a schema that is about to be an older one"]
fn write_the_story() {
    let folder = std::env::var("STORE").expect("STORE names a folder");
    let mut sqlite = open(Path::new(&folder));
    tell(&mut sqlite);
}

fn tell(sqlite: &mut Sqlite) {
    for batch in story().into_iter().chain(search_of_juliet()) {
        apply(sqlite, batch);
    }
}

/// Something in every table: values that stay, expire, and are of several versions and owners; two archives that share
/// texts, with entries of several peers, for nobody to find by peer, due, retracted and removed; a log whose newest entry
/// is gone.
fn story() -> Vec<Batch> {
    let mut all = Vec::new();
    let mut batch = Batch::new();
    batch.put(COUNTS, &account(JULIET), &"rosters".to_owned(), &3);
    batch.put(COUNTS, &account(ROMEO), &"rosters".to_owned(), &5);
    batch.put(NOTES, &host(), &"motd".to_owned(), &"Ay me!".to_owned());
    batch.put_until(
        NOTES,
        &Owner::Server,
        &"invitation".to_owned(),
        &"It is the east".to_owned(),
        BEGINNING + 1_000_000,
    );
    all.push(batch);
    for (id, text) in (1..).zip(LINES) {
        let mut batch = Batch::new();
        batch.put_body(BodyId(id), format!("<body>{text}</body>"));
        let (sender, peer) = match id % 3 {
            0 => (NURSE, NURSE),
            1 => (ROMEO, ROMEO),
            _ => (JULIET, ROMEO),
        };
        batch.append(MESSAGES, &account(JULIET), line(id, sender, peer));
        if peer == ROMEO {
            batch.append(MESSAGES, &account(ROMEO), line(id, sender, JULIET));
        }
        all.push(batch);
    }
    let mut batch = Batch::new();
    let waits = Entry {
        due: true,
        class: SILENT,
        xml: "<message><headline/></message>".into(),
        ..Entry::new(EntryId(11), BEGINNING + 11, "waits".to_owned())
    };
    batch.append(MESSAGES, &account(JULIET), waits);
    for id in 1..=3 {
        let event = Entry::new(EntryId(id), BEGINNING, format!("event {id}"));
        batch.append(EVENTS, &host(), event);
    }
    all.push(batch);
    let mut batch = Batch::new();
    batch.tombstone(
        MESSAGES,
        &account(JULIET),
        EntryId(4),
        "<message><retracted/></message>",
    );
    batch.trim(MESSAGES, &account(JULIET), Trim::One(EntryId(2)));
    batch.trim(EVENTS, &host(), Trim::Range(EntryId(2), EntryId(3)));
    all.push(batch);
    all
}

/// What was said, from 1 on.
const LINES: [&str; 10] = [
    "What light through yonder window breaks",
    "O Romeo, Romeo, wherefore art thou Romeo",
    "Your lady mother is coming to your chamber",
    "I take thee at thy word",
    "How camest thou hither, tell me, and wherefore",
    "Madam",
    "With love's light wings did I o'er-perch these walls",
    "If they do see thee, they will murder thee",
    "Anon, good nurse",
    "Lady, by yonder blessed moon I swear",
];

fn line(id: u64, sender: &str, peer: &str) -> Entry<String> {
    Entry {
        peer: peer.into(),
        sender: format!("{sender}/balcony").into(),
        message_id: format!("m{id}").into(),
        class: 1,
        body: Some(BodyId(id)),
        xml: "<message/>".into(),
        ..Entry::new(
            EntryId(id),
            BEGINNING + i64::try_from(id).expect("a small number"),
            format!("line {id}"),
        )
    }
}

/// Juliet searched when half of it was said, took something back, and has not searched since.
fn search_of_juliet() -> [Batch; 2] {
    let mut search = Batch::new();
    search.index(MESSAGES, &account(JULIET), 6);
    let mut gone = Batch::new();
    gone.hollow(MESSAGES, &account(JULIET), EntryId(3), SILENT);
    [search, gone]
}

fn check(sqlite: &Sqlite, is_searched: bool) {
    let mut reader = sqlite.reader().expect("it reads");
    let mut ask = Asking(&mut reader);
    check_values(&mut ask);
    check_logs(&mut ask, is_searched);
    check_bodies(&mut ask, is_searched);
    check_search(&mut ask, is_searched);
}

fn check_values(ask: &mut Asking<'_>) {
    let rosters = ask.answer(COUNTS.holders(&"rosters".to_owned()));
    assert_eq!(rosters, [(account(JULIET), 3), (account(ROMEO), 5)]);
    let motd = ask.answer(NOTES.get(&host(), &"motd".to_owned()));
    assert_eq!(motd.as_deref(), Some("Ay me!"));
    let all = ask.answer(NOTES.all(&Owner::Server));
    assert_eq!(
        all,
        [("invitation".to_owned(), "It is the east".to_owned())]
    );
}

fn check_logs(ask: &mut Asking<'_>, is_searched: bool) {
    let owner = account(JULIET);
    let all = ask.answer(MESSAGES.page(&owner, Page::default())).found;
    assert_eq!(ids(&all), [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let bare: Vec<u64> = ids(&all
        .iter()
        .filter(|found| found.body.is_none())
        .cloned()
        .collect::<Vec<_>>());
    assert_eq!(
        bare,
        if is_searched {
            vec![3, 4, 11]
        } else {
            vec![4, 11]
        }
    );
    for found in all.iter().filter(|found| found.body.is_some()) {
        let (id, entry) = (found.entry.id.0, &found.entry);
        let text = LINES
            .get(usize::try_from(id - 1).expect("a small number"))
            .expect("a line");
        assert_eq!(
            found.body.as_deref(),
            Some(&*format!("<body>{text}</body>"))
        );
        assert_eq!(entry.data, format!("line {id}"));
        assert_eq!(&*entry.message_id, format!("m{id}"));
        assert_eq!(
            entry.at,
            BEGINNING + i64::try_from(id).expect("a small number")
        );
    }
    let with = |peer: &str| Page {
        peer: Some(peer.to_owned()),
        ..Page::default()
    };
    let found = ask.answer(MESSAGES.page(&owner, with(NURSE))).found;
    assert_eq!(ids(&found), [3, 6, 9]);
    let found = ask.answer(MESSAGES.page(&owner, with(ROMEO))).found;
    assert_eq!(ids(&found), [1, 4, 5, 7, 8, 10]);
    let found = ask
        .answer(MESSAGES.page(&account(ROMEO), with(JULIET)))
        .found;
    assert_eq!(ids(&found), [1, 2, 4, 5, 7, 8, 10]);
    let sent = ask.answer(MESSAGES.by_message_id(&owner, &format!("{NURSE}/balcony"), "m6"));
    assert_eq!(sent.map(|found| found.entry.id), Some(EntryId(6)));
    let taken_back = ask.answer(MESSAGES.entry(&owner, EntryId(4)));
    let taken_back = taken_back.expect("its place is there");
    assert!(taken_back.tombstone);
    assert_eq!(&*taken_back.entry.xml, "<message><retracted/></message>");
    let due = Page {
        due: true,
        ..Page::default()
    };
    assert_eq!(ids(&ask.answer(MESSAGES.page(&owner, due)).found), [11]);
    assert_eq!(
        ask.answer(MESSAGES.owners_due()),
        std::slice::from_ref(&owner)
    );
    assert_eq!(
        ask.answer(MESSAGES.log_owners()),
        [owner.clone(), account(ROMEO)]
    );
    let events = ask.answer(EVENTS.page(&host(), Page::default())).found;
    assert_eq!(ids(&events), [1]);
    assert_eq!(ask.answer(EVENTS.newest(&host())), Some(EntryId(3)));
    assert_eq!(ask.answer(MESSAGES.newest(&owner)), Some(EntryId(11)));
}

/// What no entry refers to is gone; what one of two owners removed is there for the other.
fn check_bodies(ask: &mut Asking<'_>, is_searched: bool) {
    for id in 1..=10 {
        let is_there = ask.answer(body(BodyId(id))).is_some();
        let is_gone = id == 3 && is_searched;
        assert_eq!(is_there, !is_gone, "{id}");
    }
}

/// Who searched in an older server finds what was indexed then, and nothing that was taken out of the index since.
fn check_search(ask: &mut Asking<'_>, is_searched: bool) {
    let owner = account(JULIET);
    let through = ask.answer(MESSAGES.indexed(&owner));
    assert_eq!(through, is_searched.then_some(EntryId(7)));
    for (text, found) in [
        ("yonder", &[1][..]),
        ("light", &[1, 7]),
        ("lady", &[]),
        ("word", &[]),
    ] {
        let found = if is_searched { found } else { &[] };
        assert_eq!(
            ids(&ask.answer(search(&owner, text)).found),
            found,
            "{text}"
        );
    }
}

/// Today's server writes on in it, and everything is found.
fn go_on(sqlite: &mut Sqlite) {
    let owner = account(JULIET);
    let mut batch = Batch::new();
    batch.put_body(BodyId(11), "<body>Sweet, good night</body>");
    let last = Entry {
        body: Some(BodyId(11)),
        ..line(12, JULIET, ROMEO)
    };
    batch.append(MESSAGES, &owner, last);
    batch.append(
        EVENTS,
        &host(),
        Entry::new(EntryId(4), BEGINNING, "event 4".to_owned()),
    );
    batch.put(COUNTS, &owner, &"rosters".to_owned(), &4);
    batch.expire(BEGINNING + 2_000_000);
    batch.done(MESSAGES, &owner, EntryId(11)..=EntryId(11));
    batch.index(MESSAGES, &owner, 100);
    apply(sqlite, batch);
    let mut reader = sqlite.reader().expect("it reads");
    let mut ask = Asking(&mut reader);
    for (text, found) in [
        ("yonder", &[1, 10][..]),
        ("good", &[9, 12]),
        ("lady", &[10]),
        ("wherefore", &[5]),
    ] {
        let hits = ask.answer(search(&owner, text)).found;
        let hits: Vec<u64> = ids(&hits).into_iter().filter(|id| *id != 3).collect();
        assert_eq!(hits, found, "{text}");
    }
    assert_eq!(ask.answer(NOTES.all(&Owner::Server)), []);
    assert_eq!(ask.answer(MESSAGES.owners_due()), []);
    assert_eq!(ask.answer(EVENTS.newest(&host())), Some(EntryId(4)));
    let mut batch = Batch::new();
    batch.delete_owner(&owner);
    apply(sqlite, batch);
    let mut reader = sqlite.reader().expect("it reads");
    let mut ask = Asking(&mut reader);
    assert_eq!(ask.answer(MESSAGES.log_owners()), [account(ROMEO)]);
    let left: Vec<u64> = (1..=11)
        .filter(|id| ask.answer(body(BodyId(*id))).is_some())
        .collect();
    assert_eq!(left, [1, 2, 4, 5, 7, 8, 10]);
}

fn search(owner: &Owner, text: &str) -> Ask<store::Entries<String>> {
    let page = Page {
        text: Some(Needle::parse(text)),
        ..Page::default()
    };
    MESSAGES.page(owner, page)
}

/// Asks one question after another.
struct Asking<'a>(&'a mut dyn Reader);

impl Asking<'_> {
    #[track_caller]
    fn answer<T>(&mut self, ask: Ask<T>) -> T {
        let answers = self.0.read(std::slice::from_ref(ask.query()));
        let answer = answers.expect("it answers").remove(0);
        ask.decode(answer).expect("it reads")
    }
}

fn ids(found: &[Found<String>]) -> Vec<u64> {
    found.iter().map(|found| found.entry.id.0).collect()
}

/// As `sqlite3` reads a dump.
fn restore(folder: &Path, dump: &str) {
    let connection = Connection::open(folder.join(FILE)).expect("SQLite opens it");
    connection.execute_batch(dump).expect("the dump is SQL");
}

fn apply(sqlite: &mut Sqlite, batch: Batch) {
    sqlite.apply(&[Arc::new(batch)]).expect("it is stored");
}

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, Durability::Process).expect("it opens")
}

fn account(jid: &str) -> Owner {
    Owner::parse(&format!("account:{jid}")).expect("an owner")
}

fn host() -> Owner {
    Owner::parse("host:example.org").expect("an owner")
}
