//! Logs: ids, trimming, due entries, tombstones.

use super::desk::{Desk, EVENTS, MESSAGES, account, entry};
use super::{Bench, Outcome};
use crate::batch::Trim;
use crate::entry::{Entry, EntryId};
use crate::error::StoreError;
use crate::query::{Entries, Page};

/// An id is above all before it, also when those are gone or were never seen again.
pub fn ids_only_grow(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, None);
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(5)))?;
    for refused in [5, 4, 0, u64::MAX] {
        let result = desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(refused)));
        let expected = StoreError::OutOfOrder {
            collection: "test.messages",
            id: refused,
            newest: 5,
        };
        assert_eq!(result, Err(expected));
    }
    let twice = desk.apply(|batch| {
        batch.append(MESSAGES, &juliet, entry(7));
        batch.append(MESSAGES, &juliet, entry(6));
    });
    assert_eq!(
        twice,
        Err(StoreError::OutOfOrder {
            collection: "test.messages",
            id: 6,
            newest: 7
        })
    );
    // What failed has left no trace.
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(6)))?;
    desk.apply(|batch| batch.append(MESSAGES, &account("romeo"), entry(1)))?;

    desk.apply(|batch| batch.trim(MESSAGES, &juliet, Trim::One(EntryId(6))))?;
    assert_eq!(
        desk.ask(MESSAGES.last(&juliet))?
            .map(|found| found.entry.id),
        Some(EntryId(5))
    );
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    desk.apply(|batch| batch.trim(MESSAGES, &juliet, Trim::All))?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    drop(desk);
    let mut desk = Desk::open(bench)?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    let again = desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(6)));
    assert_eq!(
        again,
        Err(StoreError::OutOfOrder {
            collection: "test.messages",
            id: 6,
            newest: 6
        })
    );
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(7)))?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(7)));
    Ok(())
}

/// Each way to trim takes what it says.
pub fn entries_are_trimmed(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    for (name, which, left) in [
        ("one", Trim::One(EntryId(2)), vec![1, 3, 4]),
        ("none", Trim::One(EntryId(9)), vec![1, 2, 3, 4]),
        ("range", Trim::Range(EntryId(2), EntryId(3)), vec![1, 4]),
        ("end", Trim::Range(EntryId(3), EntryId(9)), vec![1, 2]),
        (
            "empty",
            Trim::Range(EntryId(5), EntryId(9)),
            vec![1, 2, 3, 4],
        ),
        ("through", Trim::Through(EntryId(3)), vec![4]),
        ("before", Trim::Before(3_000_000), vec![3, 4]),
        ("all", Trim::All, vec![]),
    ] {
        let owner = account(name);
        desk.apply(|batch| {
            for id in 1..=4 {
                batch.append(MESSAGES, &owner, entry(id));
                batch.append(EVENTS, &owner, Entry::new(EntryId(id), 0, ()));
            }
        })?;
        desk.apply(|batch| batch.trim(MESSAGES, &owner, which))?;
        assert_eq!(
            ids(&desk.ask(MESSAGES.page(&owner, Page::default()))?),
            left,
            "{which:?}"
        );
        assert_eq!(desk.ask(EVENTS.page_count(&owner, Page::default()))?, 4);
    }
    Ok(())
}

/// Due entries are listed until they are done or gone; their owners are found without a scan of all.
pub fn due_entries_are_found(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo, nurse) = (account("juliet"), account("romeo"), account("nurse"));
    desk.apply(|batch| {
        for id in 1..=5 {
            let due = Entry {
                due: true,
                ..entry(id)
            };
            batch.append(MESSAGES, &romeo, due.clone());
            batch.append(MESSAGES, &juliet, due);
        }
        batch.append(MESSAGES, &nurse, entry(1));
    })?;
    assert_eq!(
        desk.ask(MESSAGES.owners_due())?,
        [juliet.clone(), romeo.clone()]
    );
    assert_eq!(desk.ask(EVENTS.owners_due())?, []);
    desk.apply(|batch| {
        batch.done(MESSAGES, &juliet, EntryId(2)..=EntryId(3));
        batch.done(MESSAGES, &juliet, EntryId(5)..=EntryId(99));
        batch.done(MESSAGES, &nurse, EntryId(7)..=EntryId(9));
        batch.trim(MESSAGES, &romeo, Trim::All);
    })?;
    let due = Page {
        due: true,
        ..Page::default()
    };
    assert_eq!(ids(&desk.ask(MESSAGES.page(&juliet, due))?), [1, 4]);
    assert_eq!(
        ids(&desk.ask(MESSAGES.page(&juliet, Page::default()))?),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(desk.ask(MESSAGES.owners_due())?, [juliet]);
    Ok(())
}

/// A tombstone keeps position, time and parties; text, body and message id are gone.
pub fn tombstones_keep_the_place(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let body = desk.store.new_body_id();
    let mut spoken = entry(2);
    spoken.body = Some(body);
    spoken.message_id = "m2".into();
    spoken.sender = "romeo@example.net".into();
    desk.apply(|batch| {
        batch.put_body(body, "<body>secret</body>");
        batch.append(MESSAGES, &juliet, entry(1));
        batch.append(MESSAGES, &juliet, spoken.clone());
    })?;
    desk.apply(|batch| {
        batch.tombstone(MESSAGES, &juliet, EntryId(2), "<retracted/>");
        batch.tombstone(MESSAGES, &juliet, EntryId(9), "<retracted/>");
    })?;
    let read = desk.ask(MESSAGES.page(&juliet, Page::default()))?;
    assert_eq!(ids(&read), [1, 2]);
    let found = read.found.last().cloned();
    let expected = Entry {
        body: None,
        message_id: "".into(),
        xml: "<retracted/>".into(),
        ..spoken
    };
    assert_eq!(
        found
            .as_ref()
            .map(|found| (found.tombstone, &found.entry, &found.body)),
        Some((true, &expected, &None))
    );
    assert_eq!(read.found.first().map(|found| found.tombstone), Some(false));
    assert_eq!(desk.ask(crate::body(body))?, None);
    Ok(())
}

pub(super) fn ids<T>(entries: &Entries<T>) -> Vec<u64> {
    entries.found.iter().map(|found| found.entry.id.0).collect()
}
