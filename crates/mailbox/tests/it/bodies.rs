//! One message in several mailboxes: stored once, shown by each in its own way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use mailbox::{Class, Data, Mailbox, NewEntry, Owed, SharedBody, message_of};
use stanza::Stanza;
use store::{Batch, Found};
use xml::{Tree, same};

use crate::world::{World, bare, chat, child, entry, ready, waiting};

const FORGED: &str = "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='juliet@example'/>";
const ADDED: &str = "<x xmlns='jabber:x:added'><y/></x>";

/// Records one message in romeo's and juliet's mailboxes.
fn both(world: &World, sent: &Stanza, arrived: &Stanza) -> (Mailbox, Mailbox, SharedBody) {
    let (mut romeo, mut juliet) = (
        world.mailbox("romeo@example"),
        world.mailbox("juliet@example"),
    );
    let mut batch = Batch::new();
    let body = SharedBody::store(world.store.new_body_id(), sent.clone(), &mut batch);
    let (his, hers) = (bare("juliet@example"), bare("romeo@example"));
    let sent = NewEntry {
        body: Some(&body),
        ..entry(sent, &his, Class::Archive, Owed::Nobody)
    };
    let arrived = NewEntry {
        body: Some(&body),
        ..entry(arrived, &hers, Class::Delivery, Owed::Later)
    };
    romeo.record(&sent, &mut batch).unwrap();
    juliet.record(&arrived, &mut batch).unwrap();
    let seq = world.store.submit(batch);
    romeo.submitted(seq, &world.store);
    juliet.submitted(seq, &world.store);
    world.write();
    (romeo, juliet, body)
}

#[test]
fn each_mailbox_shows_its_own_form_of_one_body() {
    let world = World::new();
    let sent = chat("hi")
        .with_lang("en")
        .with_child(child(FORGED))
        .with_child(child("<a xmlns='jabber:x:a'/>"));
    let mut arrived = sent
        .clone()
        .with_to(jid::Jid::from(bare("juliet@example")))
        .with_child(child(ADDED));
    stanza::ids::strip_stanza_ids(&mut arrived, "juliet@example");
    both(&world, &sent, &arrived);
    check(&world.log("romeo@example"), &sent);
    check(&world.log("juliet@example"), &arrived);
    let hers = &world.log("juliet@example")[0];
    assert_eq!(hers.entry.data.dropped, [1]);
    assert!(
        !hers.entry.xml.contains("<body"),
        "the body is stored once: {}",
        hers.entry.xml
    );
}

#[test]
fn a_mailbox_may_show_nothing_of_the_body() {
    let world = World::new();
    let sent = chat("hi");
    let arrived = sent.clone().without_children().with_child(child(ADDED));
    both(&world, &sent, &arrived);
    check(&world.log("juliet@example"), &arrived);
}

#[test]
fn the_body_goes_with_its_last_entry() {
    let world = World::new();
    let (mut romeo, mut juliet, body) = both(&world, &chat("hi"), &chat("hi"));
    let text = || ready(world.store.read(store::body(body.id()))).unwrap();
    let mut batch = Batch::new();
    let delivered: Vec<_> = juliet.waiting().map(|waiting| waiting.id).collect();
    let cleared = juliet.accepted(delivered);
    juliet.settle(&cleared, &mut batch);
    world.commit(&mut juliet, batch);
    assert!(text().is_some(), "romeo's history still has it");
    let mut batch = Batch::new();
    batch.delete_owner(romeo.owner());
    world.commit(&mut romeo, batch);
    assert_eq!(text(), None);
}

#[test]
fn one_owners_removal_leaves_the_others_copy() {
    let world = World::new();
    let (mut romeo, ..) = both(&world, &chat("hi"), &chat("hi"));
    let mut batch = Batch::new();
    batch.delete_owner(romeo.owner());
    world.commit(&mut romeo, batch);
    assert_eq!(
        waiting(&World::over(world.disk.image()).mailbox("juliet@example")),
        ["hi"]
    );
}

#[test]
fn a_body_that_no_mailbox_takes_is_not_stored() {
    let world = World::new();
    let mut batch = Batch::new();
    let body = SharedBody::store(world.store.new_body_id(), chat("hi"), &mut batch);
    world.store.submit(batch);
    world.write();
    assert_eq!(
        ready(world.store.read(store::body(body.id()))).unwrap(),
        None
    );
}

#[test]
fn entries_keep_what_look_ups_need() {
    let world = World::new();
    let sent = chat("hi")
        .with_id("1")
        .with_child(child("<origin-id xmlns='urn:xmpp:sid:0' id='origin'/>"));
    both(&world, &sent, &chat("hi").with_id("1"));
    let columns = |found: &Found<Data>| {
        let entry = &found.entry;
        [&entry.peer, &entry.sender, &entry.message_id].map(ToString::to_string)
    };
    let his = columns(&world.log("romeo@example")[0]);
    let hers = columns(&world.log("juliet@example")[0]);
    assert_eq!(his, ["juliet@example", "romeo@example/orchard", "origin"]);
    // Kept for delivery only, it is asked for by no peer.
    assert_eq!(hers, ["", "romeo@example/orchard", "1"]);
}

#[test]
fn a_damaged_entry_is_an_error_and_not_a_message() {
    let world = World::new();
    let (_, juliet, _) = both(&world, &chat("hi"), &chat("hi"));
    let mut found = world.log("juliet@example").remove(0);
    found.body = None;
    assert!(message_of(&found).is_err());
    found.entry.body = None;
    found.entry.xml = "<message".into();
    assert_eq!(message_of(&found).unwrap_err().id, juliet.newest());
}

#[track_caller]
fn check(log: &[Found<Data>], expected: &Stanza) {
    let [found] = log else {
        panic!("{} entries", log.len())
    };
    let tree = |stanza: &Stanza| Tree::parse_fragment(stanza.to_stored()).unwrap();
    let (shown, expected) = (tree(&message_of(found).unwrap()), tree(expected));
    assert_eq!(same(&shown.root(), &expected.root()), Ok(()));
}

/// Between the sender's batch and the recipient's, the sender's entry alone holds the text.
#[test]
fn what_takes_a_senders_entry_away_waits_for_the_recipients() {
    let world = World::new();
    let (mut romeo, mut juliet) = (
        world.mailbox("romeo@example"),
        world.mailbox("juliet@example"),
    );
    let (message, his, hers) = (chat("hi"), bare("juliet@example"), bare("romeo@example"));
    let mut batch = Batch::new();
    let body = romeo.send_body(world.store.new_body_id(), message.clone(), &mut batch);
    let sent = NewEntry {
        body: Some(&body),
        ..entry(&message, &his, Class::Archive, Owed::Nobody)
    };
    romeo.record(&sent, &mut batch).unwrap();
    world.commit(&mut romeo, batch);
    let mut landing = Box::pin(romeo.landing());
    assert!(!is_over(&mut landing), "nobody refers to it yet");
    let mut batch = Batch::new();
    let arrived = NewEntry {
        body: Some(&body),
        ..entry(&message, &hers, Class::Archive, Owed::Nobody)
    };
    juliet.record(&arrived, &mut batch).unwrap();
    let seq = world.submit(&mut juliet, batch);
    drop(body);
    assert!(is_over(&mut landing));
    let mut purge = Batch::new();
    purge.trim(mailbox::LOG, romeo.owner(), store::Trim::All);
    world.store.submit(purge);
    world.write();
    assert_eq!(world.store.gate(seq), store::Gate::Durable);
    check(&world.log("juliet@example"), &message);
}

fn is_over(landing: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(landing).poll(&mut cx).is_ready()
}
