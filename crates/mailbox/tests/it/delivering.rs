//! The life of a due entry: waiting, offered, accepted or released.

use mailbox::{Class, Mailbox, NewEntry, Owed};
use stanza::{MessageType, Stanza};
use store::{Batch, EntryId, Gate, StoreError};

use crate::world::{World, at, bare, chat, entry, message, waiting};

/// A mailbox with messages "1", "2", ... of these classes that wait since second 1, 2, ...
fn holding(world: &World, classes: &[Class]) -> Mailbox {
    let mut mailbox = world.mailbox("juliet@example");
    let mut batch = Batch::new();
    for (second, class) in (1..).zip(classes) {
        let (message, peer) = (chat(&second.to_string()), bare("romeo@example"));
        let new = NewEntry {
            at: at(second),
            ..entry(&message, &peer, *class, Owed::Later)
        };
        mailbox.record(&new, &mut batch).unwrap();
    }
    world.commit(&mut mailbox, batch);
    mailbox
}

fn reloaded(world: &World) -> Mailbox {
    World::over(world.disk.image()).mailbox("juliet@example")
}

const BOTH: [Class; 4] = [
    Class::Delivery,
    Class::Archive,
    Class::Delivery,
    Class::Archive,
];

#[test]
fn what_waits_comes_in_order_with_the_time_it_came() {
    let world = World::new();
    let mailbox = holding(&world, &BOTH);
    for mailbox in [&mailbox, &reloaded(&world)] {
        assert_eq!(waiting(mailbox), ["1", "2", "3", "4"]);
        let stamps: Vec<_> = mailbox.waiting().map(|waiting| waiting.at).collect();
        assert_eq!(stamps, [at(1), at(2), at(3), at(4)]);
        let ids: Vec<_> = mailbox
            .waiting()
            .map(|waiting| waiting.wire_id.is_some())
            .collect();
        assert_eq!(ids, [false, true, false, true]);
    }
}

#[test]
fn what_a_session_has_in_hand_does_not_wait_and_comes_back_when_it_ends() {
    let mut mailbox = holding(&World::new(), &BOTH);
    assert!(mailbox.is_at_rest());
    mailbox.offered([EntryId(2), EntryId(3)]);
    assert!(!mailbox.is_at_rest());
    assert_eq!(waiting(&mailbox), ["1", "4"]);
    mailbox.released([EntryId(3), EntryId(2)]);
    assert_eq!(waiting(&mailbox), ["1", "2", "3", "4"]);
}

#[test]
fn an_entry_waits_again_only_when_the_last_session_let_go_of_it() {
    let mut mailbox = holding(&World::new(), &[Class::Delivery]);
    mailbox.offered([EntryId(1)]);
    mailbox.offered([EntryId(1)]);
    mailbox.released([EntryId(1)]);
    assert!(waiting(&mailbox).is_empty());
    mailbox.released([EntryId(1)]);
    assert_eq!(waiting(&mailbox), ["1"]);
}

#[test]
fn accepted_deliveries_are_removed_and_accepted_history_stays() {
    let world = World::new();
    let mut mailbox = holding(&world, &BOTH);
    let mut batch = Batch::new();
    let cleared = mailbox.accepted([EntryId(1), EntryId(2)]);
    mailbox.settle(&cleared, &mut batch);
    assert_eq!(cleared.ids().collect::<Vec<_>>(), [EntryId(1), EntryId(2)]);
    world.commit(&mut mailbox, batch);
    assert_eq!(waiting(&mailbox), ["3", "4"]);
    assert_eq!(waiting(&reloaded(&world)), ["3", "4"]);
    let log: Vec<_> = world
        .log("juliet@example")
        .iter()
        .map(|found| (found.entry.id.0, found.entry.due))
        .collect();
    assert_eq!(log, [(2, false), (3, true), (4, true)]);
}

#[test]
fn the_first_session_that_accepts_settles_it_for_all() {
    let mut mailbox = holding(&World::new(), &[Class::Delivery]);
    mailbox.offered([EntryId(1)]);
    mailbox.offered([EntryId(1)]);
    assert_eq!(mailbox.accepted([EntryId(1)]).len(), 1);
    assert!(mailbox.accepted([EntryId(1)]).is_empty());
    mailbox.released([EntryId(1)]);
    assert!(waiting(&mailbox).is_empty());
}

#[test]
fn a_settlement_that_failed_is_repeated() {
    let world = World::new();
    let mut mailbox = holding(&world, &BOTH);
    let mut batch = Batch::new();
    let cleared = mailbox.accepted((1..=4).map(EntryId));
    mailbox.settle(&cleared, &mut batch);
    world.disk.fail_after(1, StoreError::Full);
    world.commit(&mut mailbox, batch);
    assert_eq!(waiting(&reloaded(&world)).len(), 4);
    let mut batch = Batch::new();
    mailbox.settle(&cleared, &mut batch);
    world.commit(&mut mailbox, batch);
    assert!(waiting(&reloaded(&world)).is_empty());
}

#[test]
fn neighbours_are_settled_together_and_what_lies_between_is_left_alone() {
    for class in [Class::Delivery, Class::Archive] {
        let world = World::new();
        let mut mailbox = holding(&world, &[class; 6]);
        let mut cleared = mailbox.accepted([4, 1, 2].map(EntryId));
        cleared.extend(mailbox.accepted([EntryId(6), EntryId(5)]));
        let mut batch = Batch::new();
        mailbox.settle(&cleared, &mut batch);
        assert_eq!(batch.len(), 2, "1 to 2, and 4 to 6");
        world.commit(&mut mailbox, batch);
        assert_eq!(waiting(&reloaded(&world)), ["3"]);
    }
}

#[test]
fn history_is_settled_over_what_is_no_longer_due() {
    let world = World::new();
    let mut mailbox = holding(&world, &[Class::Archive; 3]);
    let middle = mailbox.accepted([EntryId(2)]);
    let cleared = mailbox.accepted([EntryId(1), EntryId(3)]);
    let mut batch = Batch::new();
    mailbox.settle(&middle, &mut batch);
    mailbox.settle(&cleared, &mut batch);
    assert_eq!(batch.len(), 2);
    world.commit(&mut mailbox, batch);
    assert!(waiting(&reloaded(&world)).is_empty());
}

#[test]
fn a_client_that_reads_the_archive_settles_the_history_it_read() {
    let world = World::new();
    let mut mailbox = holding(&world, &BOTH);
    mailbox.offered([EntryId(2)]);
    assert!(mailbox.synced(EntryId(3)).is_empty(), "somebody has it");
    mailbox.released([EntryId(2)]);
    let mut batch = Batch::new();
    let cleared = mailbox.synced(EntryId(3));
    mailbox.settle(&cleared, &mut batch);
    world.commit(&mut mailbox, batch);
    assert_eq!(waiting(&mailbox), ["1", "3", "4"]);
    assert_eq!(waiting(&reloaded(&world)), ["1", "3", "4"]);
}

#[test]
fn what_a_session_has_in_hand_is_not_settled_by_another_that_reads_it_in_the_archive() {
    let mut mailbox = holding(&World::new(), &BOTH);
    mailbox.offered([EntryId(2)]);
    assert!(mailbox.read([EntryId(2)]).is_empty());
    assert_eq!(mailbox.read([EntryId(2), EntryId(4)]).len(), 1);
    assert_eq!(waiting(&mailbox), ["1", "3"]);
}

#[test]
fn what_waited_too_long_expires_unless_a_session_has_it() {
    let world = World::new();
    let mut mailbox = holding(&world, &BOTH);
    mailbox.offered([EntryId(1)]);
    let mut batch = Batch::new();
    let cleared = mailbox.expire(at(4));
    assert_eq!(cleared.ids().collect::<Vec<_>>(), [EntryId(2), EntryId(3)]);
    mailbox.settle(&cleared, &mut batch);
    world.commit(&mut mailbox, batch);
    assert_eq!(waiting(&reloaded(&world)), ["1", "4"]);
    let history: Vec<_> = world
        .log("juliet@example")
        .iter()
        .map(|found| found.entry.id.0)
        .collect();
    assert_eq!(history, [1, 2, 4]);
}

#[test]
fn what_was_meant_for_one_session_never_waits_for_another() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let room = message(
        MessageType::Groupchat,
        "room@conference.example/romeo",
        "juliet@example/balcony",
        "1",
    );
    let mut batch = Batch::new();
    let id = mailbox
        .record(
            &entry(
                &room,
                &bare("room@conference.example"),
                Class::Delivery,
                Owed::Sessions(1),
            ),
            &mut batch,
        )
        .unwrap()
        .id;
    world.commit(&mut mailbox, batch);
    assert_eq!(mailbox.strays().count(), 0);
    mailbox.released([id]);
    for mailbox in [&mailbox, &reloaded(&world)] {
        assert_eq!(mailbox.waiting().count(), 0);
        assert_eq!(
            mailbox.strays().map(|stray| stray.id).collect::<Vec<_>>(),
            [id]
        );
    }
}

#[test]
fn what_waits_carries_the_gate_of_its_own_batch() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let message = chat("1");
    let record = |mailbox: &mut Mailbox, message: &Stanza| {
        let mut batch = Batch::new();
        mailbox
            .record(
                &entry(
                    message,
                    &bare("romeo@example"),
                    Class::Delivery,
                    Owed::Later,
                ),
                &mut batch,
            )
            .unwrap();
        batch
    };
    let batch = record(&mut mailbox, &message);
    let gates = |mailbox: &Mailbox| -> Vec<Gate> {
        mailbox
            .waiting()
            .map(|waiting| world.store.gate(waiting.gate))
            .collect()
    };
    assert_eq!(gates(&mailbox), [Gate::Pending]);
    world.commit(&mut mailbox, batch);
    assert_eq!(gates(&mailbox), [Gate::Durable]);
    let second = record(&mut mailbox, &message);
    let seq = world.submit(&mut mailbox, second);
    assert_eq!(mailbox.last_batch(), seq);
    assert_eq!(gates(&mailbox), [Gate::Durable, Gate::Pending]);
}
