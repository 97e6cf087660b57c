//! A crash in the middle of a transaction.

use std::sync::Arc;

use super::desk::{COUNTS, Desk, MESSAGES, account, entry};
use super::{Bench, Outcome};
use crate::batch::{Batch, Trim};
use crate::entry::{Entry, EntryId};

/// Two batches in one transaction touch two owners, two collections and bodies. Whichever operation the crash comes
/// before, a start finds the state before both; when none came, the state after both; and it serves on.
pub fn a_crash_at_any_step_leaves_all_or_nothing(bench: &mut impl Bench) -> Outcome {
    let (juliet, romeo) = (account("juliet"), account("romeo"));
    let key = "key".to_owned();
    let mut desk = Desk::open(bench)?;
    let old_body = desk.store.new_body_id();
    let new_body = desk.store.new_body_id();
    desk.apply(|batch| {
        batch.put(COUNTS, &juliet, &key, &1);
        batch.put_body(old_body, "old");
        batch.append(
            MESSAGES,
            &juliet,
            Entry {
                body: Some(old_body),
                ..entry(1)
            },
        );
    })?;
    drop(desk);

    let mut first = Batch::new();
    first.put(COUNTS, &juliet, &key, &2);
    first.put(COUNTS, &romeo, &key, &2);
    first.put_body(new_body, "new");
    first.append(
        MESSAGES,
        &juliet,
        Entry {
            body: Some(new_body),
            due: true,
            ..entry(2)
        },
    );
    first.append(
        MESSAGES,
        &romeo,
        Entry {
            body: Some(new_body),
            ..entry(1)
        },
    );
    let mut second = Batch::new();
    second.trim(MESSAGES, &juliet, Trim::One(EntryId(1)));
    second.done(MESSAGES, &juliet, EntryId(2)..=EntryId(2));
    second.put(COUNTS, &romeo, &"second".to_owned(), &2);
    let steps = first.len() + second.len();
    let batches = [Arc::new(first), Arc::new(second)];

    let questions = || {
        let counts = (COUNTS.get(&juliet, &key), COUNTS.all(&romeo));
        let logs = (
            MESSAGES.newest(&juliet),
            MESSAGES.newest(&romeo),
            MESSAGES.owners_due(),
        );
        (counts, logs, crate::body(old_body), crate::body(new_body))
    };
    let mut before = Desk::open(bench)?.ask(questions())?;
    for step in 0..=steps {
        bench.crash(&batches, step)?;
        let mut desk = Desk::open(bench)?;
        assert_eq!(
            desk.ask(questions())?,
            before,
            "after a crash before operation {step} of {steps}"
        );
        // It serves on.
        desk.apply(|batch| batch.put(COUNTS, &juliet, &key, &(100 + step as u64)))?;
        before.0.0 = Some(100 + step as u64);
    }
    let mut desk = Desk::open(bench)?;
    desk.backend.apply(&batches)?;
    drop(desk);
    let all = vec![(key.clone(), 2), ("second".to_owned(), 2)];
    let after = (
        (Some(2), all),
        (Some(EntryId(2)), Some(EntryId(1)), vec![]),
        None,
        Some("new".into()),
    );
    assert_eq!(Desk::open(bench)?.ask(questions())?, after);
    Ok(())
}
