//! What a start after a crash finds.

use std::collections::BTreeMap;

use mailbox::{Class, Inbound, LOG, NewEntry, Owed, SessionId};
use store::Batch;

use crate::world::{World, bare, chat, entry, owner, ready, waiting};

const ORCHARD: SessionId = SessionId(0xABCD);
const GARDEN: SessionId = SessionId(u128::MAX);

#[test]
fn a_crash_loses_what_was_not_written_and_nothing_else() {
    let world = World::new();
    let mut mailbox = world.mailbox("juliet@example");
    let peer = bare("romeo@example");
    for text in ["1", "2"] {
        let mut batch = Batch::new();
        mailbox
            .record(
                &entry(&chat(text), &peer, Class::Delivery, Owed::Sessions(1)),
                &mut batch,
            )
            .unwrap();
        world.commit(&mut mailbox, batch);
    }
    let mut batch = Batch::new();
    mailbox
        .record(
            &entry(&chat("3"), &peer, Class::Delivery, Owed::Later),
            &mut batch,
        )
        .unwrap();
    world.submit(&mut mailbox, batch);
    let world = World::over(world.disk.image());
    assert_eq!(waiting(&world.mailbox("juliet@example")), ["1", "2"]);
}

#[test]
fn a_start_finds_who_has_something_due() {
    let world = World::new();
    let due = || ready(world.store.read(LOG.owners_due())).unwrap();
    let mut juliet = world.mailbox("juliet@example");
    let mut romeo = world.mailbox("romeo@example");
    let mut batch = Batch::new();
    let (message, peer) = (chat("1"), bare("romeo@example"));
    juliet
        .record(
            &entry(&message, &peer, Class::Archive, Owed::Later),
            &mut batch,
        )
        .unwrap();
    romeo
        .record(
            &entry(&message, &peer, Class::Archive, Owed::Nobody),
            &mut batch,
        )
        .unwrap();
    world.commit(&mut juliet, batch);
    assert_eq!(due(), [owner("juliet@example")]);
    let mut batch = Batch::new();
    let cleared = juliet.synced(juliet.newest());
    juliet.settle(&cleared, &mut batch);
    world.commit(&mut juliet, batch);
    assert_eq!(due(), []);
}

#[test]
fn the_log_says_how_far_each_session_was_handled() {
    let world = World::new();
    let mut mailbox = world.mailbox("romeo@example");
    let peer = bare("juliet@example");
    let sent = [
        Some((ORCHARD, 3)),
        None,
        Some((GARDEN, 1)),
        Some((ORCHARD, 5)),
        Some((GARDEN, 2)),
    ];
    for sent in sent {
        let inbound = sent.map(|(session, ordinal)| Inbound { session, ordinal });
        let mut batch = Batch::new();
        let message = chat("1");
        let new = NewEntry {
            inbound,
            ..entry(&message, &peer, Class::Archive, Owed::Nobody)
        };
        mailbox.record(&new, &mut batch).unwrap();
        world.commit(&mut mailbox, batch);
    }
    let world = World::over(world.disk.image());
    let handled = world.handled("romeo@example");
    assert_eq!(handled, BTreeMap::from([(ORCHARD, 5), (GARDEN, 2)]));
}
