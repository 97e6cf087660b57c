//! Bodies: stored once, kept by references.

use super::desk::{Desk, EVENTS, MESSAGES, account, entry};
use super::{Bench, Outcome};
use crate::batch::Trim;
use crate::entry::{BodyId, Entry, EntryId};
use crate::error::StoreError;
use crate::query::Page;

/// Entries, tombstones, trims, account removal and explicit references all count.
pub fn a_body_goes_with_its_last_reference(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo, nurse) = (account("juliet"), account("romeo"), account("nurse"));
    let body = desk.store.new_body_id();
    let speaks = |id| Entry {
        body: Some(body),
        ..entry(id)
    };
    desk.apply(|batch| {
        batch.put_body(body, "<body>hi</body>");
        batch.append(MESSAGES, &juliet, speaks(1));
        batch.append(MESSAGES, &romeo, speaks(1));
    })?;
    // In later batches, too.
    desk.apply(|batch| {
        batch.append(MESSAGES, &nurse, speaks(1));
        batch.append(
            EVENTS,
            &nurse,
            Entry {
                body: Some(body),
                ..Entry::new(EntryId(1), 0, ())
            },
        );
        batch.ref_body(body);
    })?;
    let read = desk.ask(MESSAGES.page(&juliet, Page::default()))?;
    assert_eq!(
        read.found.first().and_then(|found| found.body.as_deref()),
        Some("<body>hi</body>")
    );
    let read = desk.ask(MESSAGES.page(
        &juliet,
        Page {
            without_bodies: true,
            ..Page::default()
        },
    ))?;
    assert_eq!(
        read.found.first().map(|found| found.body.clone()),
        Some(None)
    );

    let mut keeps = |build: &dyn Fn(&mut crate::Batch), kept: bool| -> Outcome {
        desk.apply(build)?;
        assert_eq!(desk.ask(crate::body(body))?.is_some(), kept);
        Ok(())
    };
    keeps(
        &|batch| batch.trim(MESSAGES, &juliet, Trim::Through(EntryId(1))),
        true,
    )?;
    keeps(&|batch| batch.trim(MESSAGES, &juliet, Trim::All), true)?;
    keeps(
        &|batch| batch.tombstone(MESSAGES, &romeo, EntryId(1), ""),
        true,
    )?;
    keeps(
        &|batch| batch.tombstone(MESSAGES, &romeo, EntryId(1), ""),
        true,
    )?;
    keeps(&|batch| batch.delete_owner(&nurse), true)?;
    keeps(&|batch| batch.unref_body(body), false)?;
    keeps(&|batch| batch.unref_body(body), false)?;
    Ok(())
}

/// An entry never points at nothing.
pub fn a_missing_body_fails_the_batch(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let missing = BodyId(77);
    let result = desk.apply(|batch| {
        batch.append(MESSAGES, &juliet, entry(1));
        batch.append(
            MESSAGES,
            &juliet,
            Entry {
                body: Some(missing),
                ..entry(2)
            },
        );
    });
    assert_eq!(result, Err(StoreError::NoSuchBody { id: 77 }));
    assert_eq!(
        desk.apply(|batch| batch.ref_body(missing)),
        Err(StoreError::NoSuchBody { id: 77 })
    );
    assert_eq!(desk.ask(MESSAGES.last(&juliet))?, None);
    Ok(())
}

/// A body that nothing refers to at the end of its batch is not stored; an id is taken once.
pub fn unreferenced_bodies_are_not_stored(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (lost, kept) = (desk.store.new_body_id(), desk.store.new_body_id());
    assert_ne!(lost, kept);
    desk.apply(|batch| {
        batch.put_body(lost, "lost");
        batch.put_body(kept, "kept");
        batch.ref_body(kept);
    })?;
    assert_eq!(
        desk.ask((crate::body(lost), crate::body(kept)))?,
        (None, Some("kept".into()))
    );
    let again = desk.apply(|batch| batch.put_body(kept, "other"));
    assert_eq!(again, Err(StoreError::BodyTaken { id: kept.0 }));
    drop(desk);
    let desk = Desk::open(bench)?;
    assert!(
        desk.store.new_body_id() > kept,
        "ids that are in use are not given out after a restart"
    );
    Ok(())
}
