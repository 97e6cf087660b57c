//! Batches: atomic, ordered, each with a fate of its own; removal of owners; restarts.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Serialize, Serializer};

use super::desk::{COUNTS, Desk, EVENTS, MESSAGES, NOTES, account, entry, host, room};
use super::{Bench, Outcome};
use crate::batch::Batch;
use crate::collection::{Collection, Map, Version};
use crate::entry::{Entry, EntryId};
use crate::error::StoreError;
use crate::gate::{Gate, Seq};
use crate::query::Page;
use crate::settled::{Observer, Settlement};

/// One impossible operation undoes all the others, of whichever owner and collection; operations act in order.
pub fn a_batch_is_atomic_across_owners_and_collections(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo) = (account("juliet"), account("romeo"));
    let key = "key".to_owned();
    desk.apply(|batch| {
        batch.put(COUNTS, &juliet, &key, &1);
        batch.append(MESSAGES, &romeo, entry(1));
    })?;
    let body = desk.store.new_body_id();
    let result = desk.apply(|batch| {
        batch.put(COUNTS, &juliet, &key, &2);
        batch.put(NOTES, &host(), &key, &"new".to_owned());
        batch.put_body(body, "text");
        batch.append(
            MESSAGES,
            &juliet,
            Entry {
                body: Some(body),
                ..entry(1)
            },
        );
        batch.delete_owner(&romeo);
        batch.append(MESSAGES, &romeo, entry(1));
        batch.append(MESSAGES, &romeo, entry(1));
    });
    assert!(
        matches!(result, Err(StoreError::OutOfOrder { newest: 1, .. })),
        "{result:?}"
    );
    assert_eq!(desk.ask(COUNTS.get(&juliet, &key))?, Some(1));
    assert_eq!(
        desk.ask((
            NOTES.count(&host()),
            MESSAGES.newest(&juliet),
            crate::body(body)
        ))?,
        (0, None, None)
    );
    assert_eq!(desk.ask(MESSAGES.newest(&romeo))?, Some(EntryId(1)));

    desk.apply(|batch| {
        batch.delete(COUNTS, &juliet, &key);
        batch.put(COUNTS, &juliet, &key, &3);
        batch.put(NOTES, &juliet, &key, &"gone".to_owned());
        batch.clear(NOTES, &juliet);
    })?;
    assert_eq!(
        desk.ask((COUNTS.get(&juliet, &key), NOTES.count(&juliet)))?,
        (Some(3), 0)
    );
    Ok(())
}

/// Batches written together have each their own fate, in order; the observer hears of runs.
pub fn a_failed_batch_takes_no_other_with_it(bench: &mut impl Bench) -> Outcome {
    #[derive(Default)]
    struct Heard(Mutex<Vec<(u64, u64, bool)>>);
    impl Observer for Heard {
        fn settled(&self, settlement: &Settlement) {
            let heard = (
                settlement.first.0,
                settlement.last.0,
                settlement.outcome.is_ok(),
            );
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(heard);
        }
    }
    let mut desk = Desk::open(bench)?;
    let heard = Arc::new(Heard::default());
    desk.store.observe(heard.clone());
    let juliet = account("juliet");
    let mut seqs = Vec::new();
    for id in [1, 2, 2, 1, 3] {
        let mut batch = Batch::new();
        batch.append(MESSAGES, &juliet, entry(id));
        seqs.push(desk.store.submit(batch));
    }
    assert_eq!(desk.store.submit(Batch::new()), Seq::NONE);
    assert_eq!(desk.store.gate(Seq::NONE), Gate::Durable);
    assert_eq!(seqs, [Seq(1), Seq(2), Seq(3), Seq(4), Seq(5)]);
    assert!(
        seqs.iter()
            .all(|seq| desk.store.gate(*seq) == Gate::Pending)
    );
    let store = desk.store.clone();
    assert_eq!(desk.run(store.settled(Seq(3))), Err(StoreError::NotStored));
    assert_eq!(desk.run(store.settled(Seq(5))), Ok(()));
    let gates: Vec<_> = seqs
        .iter()
        .map(|seq| desk.store.gate(*seq) == Gate::Durable)
        .collect();
    assert_eq!(gates, [true, true, false, false, true]);
    let runs = heard
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert_eq!(
        runs,
        [(1, 2, true), (3, 3, false), (4, 4, false), (5, 5, true)]
    );
    assert_eq!(desk.ask(MESSAGES.page_count(&juliet, Page::default()))?, 3);
    Ok(())
}

/// A value that does not write as JSON fails when it is stored, not where it is put.
pub fn a_value_that_is_no_json_fails_its_batch(bench: &mut impl Bench) -> Outcome {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    const BROKEN: Collection<Map<String, Broken>> = Collection::new("test.broken", Version(1));
    let mut desk = Desk::open(bench)?;
    let mut bad = Batch::new();
    bad.put(COUNTS, &host(), &"a".to_owned(), &1);
    bad.put(BROKEN, &host(), &"b".to_owned(), &Broken);
    let mut good = Batch::new();
    good.put(COUNTS, &host(), &"c".to_owned(), &1);
    let (bad, good) = (desk.store.submit(bad), desk.store.submit(good));
    assert!(desk.store.turn(&mut *desk.backend));
    assert_eq!(
        (desk.store.gate(bad), desk.store.gate(good)),
        (Gate::Failed, Gate::Durable)
    );
    assert_eq!(desk.ask(COUNTS.all(&host()))?, [("c".to_owned(), 1)]);
    Ok(())
}

/// Everything of the owner goes: maps, logs, heads; what others have stays.
pub fn account_removal_takes_everything_and_nothing_else(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (gone, stays, alike) = (account("juliet"), account("juliet2"), room("juliet"));
    let key = "key".to_owned();
    desk.apply(|batch| {
        for owner in [&gone, &stays, &alike] {
            batch.put(NOTES, owner, &key, &String::new());
            batch.put(COUNTS, owner, &key, &1);
            batch.append(
                MESSAGES,
                owner,
                Entry {
                    due: true,
                    ..entry(4)
                },
            );
            batch.append(EVENTS, owner, Entry::new(EntryId(1), 0, ()));
        }
    })?;
    desk.apply(|batch| batch.delete_owner(&gone))?;
    let questions = |owner| {
        (
            NOTES.count(owner),
            COUNTS.count(owner),
            MESSAGES.newest(owner),
            EVENTS.page_count(owner, Page::default()),
        )
    };
    assert_eq!(desk.ask(questions(&gone))?, (0, 0, None, 0));
    assert_eq!(desk.ask(questions(&stays))?, (1, 1, Some(EntryId(4)), 1));
    assert_eq!(desk.ask(questions(&alike))?, (1, 1, Some(EntryId(4)), 1));
    assert_eq!(desk.ask(MESSAGES.owners_due())?, [stays, alike]);
    // The name is free: a new account begins its log anew.
    desk.apply(|batch| batch.append(MESSAGES, &gone, entry(1)))?;
    assert_eq!(desk.ask(MESSAGES.newest(&gone))?, Some(EntryId(1)));
    Ok(())
}

/// A second start finds what the first stored, and refuses collections that a newer server wrote.
pub fn everything_is_there_after_a_restart(bench: &mut impl Bench) -> Outcome {
    const NEWER: Collection<Map<String, u64>> = Collection::new("test.counts", Version(3));
    let mut desk = Desk::open(bench)?;
    let (juliet, key) = (account("juliet"), "key".to_owned());
    let body = desk.store.new_body_id();
    let kept = Entry {
        body: Some(body),
        due: true,
        ..entry(3)
    };
    desk.apply(|batch| {
        batch.put(COUNTS, &juliet, &key, &1);
        batch.put_body(body, "text");
        batch.append(MESSAGES, &juliet, kept.clone());
    })?;
    drop(desk);
    let mut desk = Desk::open(bench)?;
    assert_eq!(desk.ask(COUNTS.get(&juliet, &key))?, Some(1));
    let found = desk.ask(MESSAGES.last(&juliet))?;
    assert_eq!(
        found.map(|found| (found.entry, found.body)),
        Some((kept, Some("text".into())))
    );
    assert_eq!(
        desk.store.check(&[COUNTS.declared(), MESSAGES.declared()]),
        Ok(())
    );
    desk.apply(|batch| batch.put(NEWER, &juliet, &key, &2))?;
    drop(desk);
    let mut desk = Desk::open(bench)?;
    let newer = StoreError::NewerCollection {
        collection: "test.counts".to_owned(),
        found: 3,
        known: 1,
    };
    assert_eq!(
        desk.store.check(&[MESSAGES.declared(), COUNTS.declared()]),
        Err(newer.clone())
    );
    assert_eq!(desk.ask(COUNTS.get(&juliet, &key)), Err(newer));
    Ok(())
}

/// Whatever characters a value, key or text has, they are not changed.
pub fn texts_come_back_as_they_were(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let texts = [
        "",
        "'; DROP TABLE x; --",
        "\"\\\t\r\n",
        "ünï 🦀 \u{10ffff}",
        "a\u{1f}b\u{1e}",
        "<a b='c'>&amp;</a>",
        "  x  ",
    ];
    for (at, text) in texts.iter().enumerate() {
        let id = at as u64 + 1;
        let body = desk.store.new_body_id();
        let mut spoken = Entry {
            xml: (*text).into(),
            body: Some(body),
            ..entry(id)
        };
        spoken.peer = (*text).into();
        spoken.sender = (*text).into();
        spoken.message_id = (*text).into();
        desk.apply(|batch| {
            batch.put(NOTES, &juliet, &(*text).to_owned(), &(*text).to_owned());
            batch.put_body(body, *text);
            batch.append(MESSAGES, &juliet, spoken.clone());
        })?;
        assert_eq!(
            desk.ask(NOTES.get(&juliet, &(*text).to_owned()))?
                .as_deref(),
            Some(*text)
        );
        let page = Page {
            peer: Some((*text).to_owned()),
            id: Some(EntryId(id)),
            ..Page::default()
        };
        let found = desk.ask(MESSAGES.page(&juliet, page))?.found.pop();
        assert_eq!(
            found.map(|found| (found.entry, found.body)),
            Some((spoken, Some((*text).into())))
        );
    }
    Ok(())
}
