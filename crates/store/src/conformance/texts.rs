//! Full text, where it is offered: what is found, by whom, in which order, and that it goes with its entry.

use super::desk::{Desk, MESSAGES, SILENT, account, entry};
use super::logs::ids;
use super::{Bench, Outcome};
use crate::batch::Trim;
use crate::entry::{Entry, EntryId};
use crate::error::StoreError;
use crate::limits::INDEX_SLICE;
use crate::owner::Owner;
use crate::query::{Page, Size};
use crate::words::Needle;

/// A back end that does not offer full text finds nothing and says so; one that does finds every script's words.
pub fn texts_are_found(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let lines = [
        "But soft, what light through yonder window breaks?",
        "It is the east, and Juliet is the sun.",
        "Ü-Wagen für François &amp; Zoë",
        "那邊窗子裡亮起來的是什麼光？",
        "แสงอะไร",
        "light 🎉",
    ];
    say(&mut desk, &juliet, &lines)?;
    let offered = desk.store.offers().full_text;
    for (text, expected) in [
        ("light", vec![1, 6]),
        ("LIGHT window", vec![1]),
        ("light sun", vec![]),
        ("\"yonder window\"", vec![1]),
        ("\"window yonder\"", vec![]),
        ("win*", vec![1]),
        ("win", vec![]),
        ("\"and jul*\"", vec![2]),
        ("francois ZOE", vec![3]),
        ("窗子", vec![4]),
        ("子窗", vec![]),
        ("อะไร", vec![5]),
        ("🎉", vec![6]),
        ("\" OR light AND (NEAR", vec![]),
        ("what:light -east", vec![]),
        ("", vec![]),
        ("?", vec![]),
    ] {
        let expected = if offered { expected } else { vec![] };
        let found = desk.ask(MESSAGES.page(&juliet, with(text)))?;
        assert_eq!(ids(&found), expected, "{text}");
        let count = desk.ask(MESSAGES.page_count(&juliet, with(text)))?;
        assert_eq!(count, expected.len() as u64, "{text}");
    }
    let found = desk.ask(SILENT.page(&juliet, with("light")))?;
    assert_eq!(ids(&found), [0_u64; 0], "a log that is not searchable");
    Ok(())
}

/// Each owner finds what is in the own log, also where a body is shared, and pages go both ways within other filters.
pub fn texts_are_found_by_their_owner_in_pages(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    if !desk.store.offers().full_text {
        return Ok(());
    }
    let (juliet, romeo) = (account("juliet"), account("romeo"));
    let lines = ["east", "west", "east east"];
    for (round, line) in (0..9).zip(lines.into_iter().cycle()) {
        say(&mut desk, &juliet, &[line])?;
        if round % 2 == 0 {
            say(&mut desk, &romeo, &[line])?;
        }
    }
    let page = |change: &dyn Fn(&mut Page)| {
        let mut page = with("east");
        change(&mut page);
        page
    };
    for (page, expected, more) in [
        (page(&|_| ()), vec![1, 3, 4, 6, 7, 9], false),
        (page(&|page| page.entries_max = 2), vec![1, 3], true),
        (
            page(&|page| (page.entries_max, page.backwards) = (2, true)),
            vec![7, 9],
            true,
        ),
        (
            page(&|page| (page.after, page.entries_max) = (Some(EntryId(3)), 2)),
            vec![4, 6],
            true,
        ),
        (
            page(&|page| (page.before, page.backwards) = (Some(EntryId(4)), true)),
            vec![1, 3],
            false,
        ),
        (
            page(&|page| (page.start, page.end) = (Some(4_000_000), Some(8_000_000))),
            vec![4, 6, 7],
            false,
        ),
        (page(&|page| page.id = Some(EntryId(4))), vec![4], false),
        (page(&|page| page.id = Some(EntryId(5))), vec![], false),
        (
            page(&|page| page.peer = Some("nobody".into())),
            vec![],
            false,
        ),
    ] {
        let found = desk.ask(MESSAGES.page(&juliet, page.clone()))?;
        assert_eq!((ids(&found), found.more), (expected, more), "{page:?}");
    }
    let found = desk.ask(MESSAGES.page(&romeo, with("east")))?;
    assert_eq!(ids(&found), [1, 2, 4, 5]);
    let found = desk.ask(MESSAGES.page(&account("nurse"), with("east")))?;
    assert_eq!(ids(&found), [0_u64; 0]);
    // The best use the word most for their length, the newer first.
    let best = desk.ask(MESSAGES.best(&juliet, page(&|page| page.entries_max = 4)))?;
    assert_eq!((ids(&best), best.more), (vec![9, 6, 3, 7], true));
    Ok(())
}

/// What is trimmed, tombstoned or removed with its owner is not found any more, nor takes others along.
pub fn texts_go_with_their_entries(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo, nurse) = (account("juliet"), account("romeo"), account("nurse"));
    for owner in [&juliet, &romeo, &nurse] {
        say(
            &mut desk,
            owner,
            &["sun moon", "sun", "moon", "sun moon", "sun"],
        )?;
        index(&mut desk, owner)?;
    }
    desk.apply(|batch| {
        batch.trim(MESSAGES, &juliet, Trim::Range(EntryId(1), EntryId(2)));
        batch.tombstone(MESSAGES, &juliet, EntryId(4), "<gone/>");
        batch.delete_owner(&nurse);
        // Not indexed when it goes.
        batch.append(MESSAGES, &juliet, spoken(6, "sun"));
        batch.trim(MESSAGES, &juliet, Trim::One(EntryId(6)));
        batch.append(MESSAGES, &juliet, spoken(7, "sun"));
        batch.hollow(MESSAGES, &juliet, EntryId(3), 9);
    })?;
    let offered = desk.store.offers().full_text;
    let expect = |desk: &mut Desk, owner: &Owner, text: &str, expected: &[u64]| -> Outcome {
        index(desk, owner)?;
        let found = desk.ask(MESSAGES.page(owner, with(text)))?;
        assert_eq!(ids(&found), if offered { expected } else { &[] }, "{text}");
        Ok(())
    };
    expect(&mut desk, &juliet, "sun", &[5, 7])?;
    expect(&mut desk, &juliet, "moon", &[])?;
    expect(&mut desk, &juliet, "gone", &[])?;
    expect(&mut desk, &romeo, "sun", &[1, 2, 4, 5])?;
    expect(&mut desk, &nurse, "sun", &[])?;
    let hollow = desk.ask(MESSAGES.entry(&juliet, EntryId(3)))?;
    let hollow = hollow.map(|found| (found.tombstone, found.entry.class, found.entry.at));
    assert_eq!(hollow, Some((true, 9, 3_000_000)));
    drop(desk);
    let mut desk = Desk::open(bench)?;
    desk.apply(|batch| batch.trim(MESSAGES, &romeo, Trim::Through(EntryId(2))))?;
    expect(&mut desk, &romeo, "sun", &[4, 5])?;
    Ok(())
}

/// A long log is indexed in slices, forgotten in slices, and indexed again.
pub fn texts_are_indexed_in_slices(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    if !desk.store.offers().full_text {
        return Ok(());
    }
    let juliet = account("juliet");
    let many = u64::from(INDEX_SLICE) * 2 + 3;
    desk.apply(|batch| {
        for id in 1..=many {
            batch.append(MESSAGES, &juliet, spoken(id, "sun"));
        }
        batch.tombstone(MESSAGES, &juliet, EntryId(many), "<gone/>");
    })?;
    let store = desk.store.clone();
    for _ in 0..2 {
        desk.run(store.index(MESSAGES, &juliet))?;
        assert_eq!(desk.ask(MESSAGES.indexed(&juliet))?, Some(EntryId(many)));
        let count = desk.ask(MESSAGES.page_count(&juliet, with("sun")))?;
        assert_eq!(count, many - 1);
        desk.apply(|batch| batch.unindex(MESSAGES, &juliet, 0))?;
        assert_eq!(desk.ask(MESSAGES.indexed(&juliet))?, Some(EntryId(many)));
        desk.apply(|batch| batch.unindex(MESSAGES, &juliet, 1))?;
        desk.run(store.unindex(MESSAGES, &juliet))?;
    }
    Ok(())
}

/// How much a part of a log holds is the bytes of its XML and its bodies.
pub fn parts_of_a_log_are_measured(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    say(&mut desk, &juliet, &["é", "22", "333"])?;
    let size = desk.ask(MESSAGES.page_size(&juliet, Page::default()))?;
    let xml = entry(1).xml.len() as u64 * 3;
    let bodies = (2 + 2 + 3) + 3 * "<body></body>".len() as u64;
    assert_eq!(
        size,
        Size {
            entries: 3,
            bytes: xml + bodies
        }
    );
    let none = Page {
        before: Some(EntryId(1)),
        ..Page::default()
    };
    assert_eq!(
        desk.ask(MESSAGES.page_size(&juliet, none))?,
        Size::default()
    );
    Ok(())
}

/// Appends lines, the text of a body each, behind what is there.
fn say(desk: &mut Desk, owner: &Owner, lines: &[&str]) -> Result<(), StoreError> {
    let newest = desk.ask(MESSAGES.newest(owner))?.unwrap_or_default().0;
    let store = desk.store.clone();
    desk.apply(|batch| {
        for (line, id) in lines.iter().zip(newest + 1..) {
            let body = store.new_body_id();
            batch.put_body(body, format!("<body>{line}</body>"));
            let said = Entry {
                body: Some(body),
                ..entry(id)
            };
            batch.append(MESSAGES, owner, said);
        }
    })?;
    index(desk, owner)
}

fn index(desk: &mut Desk, owner: &Owner) -> Result<(), StoreError> {
    let store = desk.store.clone();
    desk.run(store.index(MESSAGES, owner))
}

/// An entry with a text of its own and no body.
fn spoken(id: u64, text: &str) -> Entry<u64> {
    let mut spoken = entry(id);
    spoken.xml = text.into();
    spoken
}

fn with(text: &str) -> Page {
    Page {
        text: Some(Needle::parse(text)),
        ..Page::default()
    }
}
