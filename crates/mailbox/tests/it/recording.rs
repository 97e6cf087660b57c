//! Positions, ids, classes and bounds.

use mailbox::limits::{DUE_BYTES_MAX, DUE_ENTRIES_MAX};
use mailbox::{Class, Mailbox, Owed, Recorded, Refused, WireId};
use stanza::{Condition, Stanza};
use store::{Batch, EntryId, StoreError};

use crate::world::{World, bare, chat, entry, waiting};

fn record(world: &World, mailbox: &mut Mailbox, text: &str, class: Class, owed: Owed) -> Recorded {
    let mut batch = Batch::new();
    let recorded = try_record(mailbox, &chat(text), class, owed, &mut batch).unwrap();
    world.commit(mailbox, batch);
    recorded
}

fn try_record(
    mailbox: &mut Mailbox,
    message: &Stanza,
    class: Class,
    owed: Owed,
    batch: &mut Batch,
) -> Result<Recorded, Refused> {
    mailbox.record(&entry(message, &bare("romeo@example"), class, owed), batch)
}

#[test]
fn positions_grow_by_one_and_go_on_after_a_restart() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    assert_eq!(
        record(&world, &mut mailbox, "1", Class::Delivery, Owed::Later).id,
        EntryId(1)
    );
    assert_eq!(
        record(&world, &mut mailbox, "2", Class::Archive, Owed::Later).id,
        EntryId(2)
    );
    let mut mailbox = World::over(world.disk.image()).mailbox("juliet@example");
    assert_eq!(
        record(&world, &mut mailbox, "3", Class::Delivery, Owed::Later).id,
        EntryId(3)
    );
}

#[test]
fn a_position_is_not_drawn_again_after_its_entry_was_delivered_and_removed() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let only = record(
        &world,
        &mut mailbox,
        "1",
        Class::Delivery,
        Owed::Sessions(1),
    )
    .id;
    let mut batch = Batch::new();
    let cleared = mailbox.accepted([only]);
    mailbox.settle(&cleared, &mut batch);
    assert_eq!(cleared.len(), 1);
    world.commit(&mut mailbox, batch);
    assert!(world.log("juliet@example").is_empty());
    assert_eq!(
        World::over(world.disk.image())
            .mailbox("juliet@example")
            .newest(),
        only
    );
}

#[test]
fn only_archive_entries_have_an_id_on_the_wire_and_it_stays_the_same() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    assert_eq!(
        record(&world, &mut mailbox, "1", Class::Delivery, Owed::Later).wire_id,
        None
    );
    let kept = record(&world, &mut mailbox, "2", Class::Archive, Owed::Nobody);
    let shown = kept.wire_id.unwrap().to_string();
    let again = World::over(world.disk.image()).mailbox("juliet@example");
    assert_eq!(
        again.position(WireId::parse(&shown).unwrap()),
        Some(kept.id)
    );
    assert_eq!(again.wire_id(kept.id, Class::Archive), kept.wire_id);
}

#[test]
fn ids_that_were_never_drawn_stand_for_nothing() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let first = record(&world, &mut mailbox, "1", Class::Archive, Owed::Nobody);
    let unborn = mailbox.wire_id(EntryId(2), Class::Archive).unwrap();
    let zero = mailbox.wire_id(EntryId(0), Class::Archive).unwrap();
    assert_eq!(mailbox.position(first.wire_id.unwrap()), Some(first.id));
    assert_eq!(
        (mailbox.position(unborn), mailbox.position(zero)),
        (None, None)
    );
}

#[test]
fn the_senders_own_copy_is_not_due() {
    let world = World::new();
    let mut mailbox = world.mailbox("romeo@example");
    record(&world, &mut mailbox, "1", Class::Archive, Owed::Nobody);
    assert_eq!(mailbox.due_len(), 0);
    let log = world.log("romeo@example");
    assert_eq!(
        log.iter().map(|found| found.entry.due).collect::<Vec<_>>(),
        [false]
    );
    assert!(waiting(&World::over(world.disk.image()).mailbox("romeo@example")).is_empty());
}

#[test]
fn what_is_kept_for_nobody_is_not_recorded() {
    let mut mailbox = World::new().mailbox("juliet@example");
    let mut batch = Batch::new();
    for (class, owed) in [(Class::None, Owed::Later), (Class::Delivery, Owed::Nobody)] {
        assert_eq!(
            try_record(&mut mailbox, &chat("1"), class, owed, &mut batch),
            Err(Refused::NotKept)
        );
    }
    assert!(batch.is_empty());
}

#[test]
fn a_full_mailbox_refuses_what_would_be_due_and_nothing_else() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let mut batch = Batch::new();
    let message = chat("1");
    for _ in 0..DUE_ENTRIES_MAX {
        try_record(
            &mut mailbox,
            &message,
            Class::Delivery,
            Owed::Later,
            &mut batch,
        )
        .unwrap();
    }
    let operations = batch.len();
    let refused = try_record(
        &mut mailbox,
        &message,
        Class::Delivery,
        Owed::Later,
        &mut batch,
    )
    .unwrap_err();
    assert_eq!(
        refused,
        Refused::TooMany {
            limit: DUE_ENTRIES_MAX
        }
    );
    assert_eq!(refused.condition(), Condition::ServiceUnavailable);
    assert_eq!(
        (batch.len(), mailbox.newest().0),
        (operations, DUE_ENTRIES_MAX as u64)
    );
    try_record(
        &mut mailbox,
        &message,
        Class::Archive,
        Owed::Nobody,
        &mut batch,
    )
    .unwrap();

    // All of it comes back in one read, and one delivery makes room for one more.
    world.commit(&mut mailbox, batch);
    let mut mailbox = World::over(world.disk.image()).mailbox("juliet@example");
    assert_eq!(mailbox.due_len(), DUE_ENTRIES_MAX);
    let mut batch = Batch::new();
    let cleared = mailbox.accepted([EntryId(7)]);
    mailbox.settle(&cleared, &mut batch);
    try_record(
        &mut mailbox,
        &message,
        Class::Delivery,
        Owed::Later,
        &mut batch,
    )
    .unwrap();
}

#[test]
fn a_mailbox_is_bounded_in_bytes_too() {
    let mut mailbox = World::new().mailbox("juliet@example");
    let mut batch = Batch::new();
    let large = chat(&"a".repeat(DUE_BYTES_MAX / 10));
    let taken = (0..20)
        .take_while(|_| {
            try_record(
                &mut mailbox,
                &large,
                Class::Delivery,
                Owed::Later,
                &mut batch,
            )
            .is_ok()
        })
        .count();
    let refused = try_record(
        &mut mailbox,
        &large,
        Class::Delivery,
        Owed::Later,
        &mut batch,
    );
    assert_eq!(
        refused,
        Err(Refused::TooLarge {
            limit_bytes: DUE_BYTES_MAX
        })
    );
    assert!((4..10).contains(&taken), "{taken}");
    assert!(mailbox.held_bytes() <= DUE_BYTES_MAX);
}

#[test]
fn a_failed_batch_leaves_nothing_and_the_sender_gets_the_message_back() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let mut batch = Batch::new();
    let lost = try_record(
        &mut mailbox,
        &chat("lost"),
        Class::Archive,
        Owed::Later,
        &mut batch,
    )
    .unwrap();
    let seq = world.submit(&mut mailbox, batch);
    world.disk.fail_after(0, StoreError::Full);
    world.write();
    assert_eq!(world.store.gate(seq), store::Gate::Failed);
    assert_eq!(
        mailbox.withdrawn(lost.id).unwrap().body().as_deref(),
        Some("lost")
    );
    assert_eq!((mailbox.due_len(), mailbox.held_bytes()), (0, 0));

    // The key was in that batch. It is written again, so that the ids given out from now on stay good.
    let kept = record(&world, &mut mailbox, "kept", Class::Archive, Owed::Later);
    assert!(kept.id > lost.id);
    let again = World::over(world.disk.image()).mailbox("juliet@example");
    assert_eq!(again.wire_id(kept.id, Class::Archive), kept.wire_id);
    assert_eq!(waiting(&again), ["kept"]);
}
