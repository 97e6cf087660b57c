//! The log of a destination, with a stand-in for the service that takes the messages.

use jid::{BareJid, Domain};
use mailbox::limits::{EGRESS_AGE_MAX, EGRESS_ENTRIES_MAX};
use mailbox::{Class, Destination, EGRESS, Egress, NewEntry, Owed, Refused, SharedBody};
use stanza::{Condition, MessageType};
use store::{Batch, EntryId, Gate, Owner, Seq, StoreError};

use crate::world::{World, at, bare, entry, message, ready};

fn upload() -> Destination {
    Destination::Service(Domain::parse("upload.example").unwrap())
}

fn load(world: &World) -> Egress {
    let answer = ready(world.store.read(Egress::question(&upload()))).unwrap();
    Egress::load(upload(), answer)
}

fn peer() -> BareJid {
    bare("upload.example")
}

fn append(world: &World, egress: &mut Egress, text: &str, seconds: i64) -> (EntryId, Seq) {
    let message = message(
        MessageType::Normal,
        "romeo@example/orchard",
        "upload.example",
        text,
    );
    let (mut batch, peer) = (Batch::new(), peer());
    let new = NewEntry {
        at: at(seconds),
        ..entry(&message, &peer, Class::Delivery, Owed::Later)
    };
    let id = egress.append(&new, &mut batch).unwrap();
    let seq = world.store.submit(batch);
    egress.submitted(seq);
    (id, seq)
}

/// A service that takes messages as a connection would: what is committed, in order, and answers for it later.
#[derive(Default)]
struct StandIn {
    seen: Vec<String>,
    newest: EntryId,
}

impl StandIn {
    fn take(&mut self, world: &World, egress: &mut Egress) {
        let open: Vec<_> = egress
            .unsent()
            .take_while(|unsent| world.store.gate(unsent.gate) == Gate::Durable)
            .map(|unsent| (unsent.id, unsent.message.as_ref().unwrap().body().unwrap()))
            .collect();
        for (id, body) in open {
            self.seen.push(body);
            self.newest = id;
            egress.sent(id);
        }
    }

    fn acknowledge(&self, world: &World, egress: &mut Egress) {
        let mut batch = Batch::new();
        egress.acknowledged(self.newest, &mut batch);
        world.store.submit(batch);
        world.write();
    }
}

#[test]
fn messages_leave_in_order_and_only_when_they_are_committed() {
    let world = World::new();
    let (mut egress, mut service) = (load(&world), StandIn::default());
    append(&world, &mut egress, "1", 0);
    append(&world, &mut egress, "2", 0);
    service.take(&world, &mut egress);
    assert!(service.seen.is_empty());
    world.write();
    append(&world, &mut egress, "3", 0);
    service.take(&world, &mut egress);
    assert_eq!(service.seen, ["1", "2"]);
    world.write();
    service.take(&world, &mut egress);
    assert_eq!(service.seen, ["1", "2", "3"]);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_on_the_next_connection() {
    let world = World::new();
    let (mut egress, mut service) = (load(&world), StandIn::default());
    append(&world, &mut egress, "1", 0);
    world.write();
    service.take(&world, &mut egress);
    service.acknowledge(&world, &mut egress);
    append(&world, &mut egress, "2", 0);
    world.write();
    service.take(&world, &mut egress);
    egress.lost();
    service.take(&world, &mut egress);
    assert_eq!(service.seen, ["1", "2", "2"]);
}

#[test]
fn a_start_reads_back_what_was_committed_and_not_acknowledged() {
    let world = World::new();
    let (mut egress, mut service) = (load(&world), StandIn::default());
    append(&world, &mut egress, "1", 0);
    world.write();
    service.take(&world, &mut egress);
    service.acknowledge(&world, &mut egress);
    append(&world, &mut egress, "2", 0);
    append(&world, &mut egress, "3", 0);
    world.write();
    append(&world, &mut egress, "not committed", 0);

    let world = World::over(world.disk.image());
    let owners = ready(world.store.read(EGRESS.log_owners())).unwrap();
    let found: Vec<_> = owners
        .iter()
        .filter_map(|owner| Destination::of_owner(owner, |_| false))
        .collect();
    assert_eq!(found, [upload()]);
    let (mut egress, mut service) = (load(&world), StandIn::default());
    service.take(&world, &mut egress);
    assert_eq!(service.seen, ["2", "3"]);
    let (id, _) = append(&world, &mut egress, "4", 0);
    assert_eq!(id, EntryId(4));
}

#[test]
fn an_empty_log_belongs_to_nobody_but_its_positions_go_on() {
    let world = World::new();
    let (mut egress, mut service) = (load(&world), StandIn::default());
    append(&world, &mut egress, "1", 0);
    world.write();
    service.take(&world, &mut egress);
    service.acknowledge(&world, &mut egress);
    assert!(egress.is_empty());
    assert_eq!(egress.held_bytes(), 0);
    assert_eq!(ready(world.store.read(EGRESS.log_owners())).unwrap(), []);
    let mut again = load(&World::over(world.disk.image()));
    assert_eq!(append(&world, &mut again, "2", 0).0, EntryId(2));
}

#[test]
fn what_grows_too_old_goes_back_once() {
    let world = World::new();
    let mut egress = load(&world);
    append(&world, &mut egress, "old", 0);
    append(&world, &mut egress, "young", 60);
    world.write();
    let deadline = at(30).plus(EGRESS_AGE_MAX).minus(EGRESS_AGE_MAX);
    assert_eq!(egress.oldest(), Some(at(0)));
    let mut batch = Batch::new();
    let back = egress.expire(deadline, &mut batch);
    let bodies: Vec<_> = back
        .iter()
        .map(|back| back.message.as_ref().unwrap().body().unwrap())
        .collect();
    assert_eq!(bodies, ["old"]);
    world.store.submit(batch);
    world.write();
    assert!(egress.expire(deadline, &mut Batch::new()).is_empty());
    assert_eq!(load(&World::over(world.disk.image())).len(), 1);
}

#[test]
fn a_destination_that_is_gone_gives_everything_back() {
    let world = World::new();
    let mut egress = load(&world);
    append(&world, &mut egress, "1", 0);
    append(&world, &mut egress, "2", 0);
    let mut batch = Batch::new();
    assert_eq!(egress.give_up(&mut batch).len(), 2);
    world.store.submit(batch);
    world.write();
    assert!(load(&World::over(world.disk.image())).is_empty());
}

#[test]
fn a_message_whose_batch_failed_is_taken_back() {
    let world = World::new();
    let (mut egress, mut service) = (load(&world), StandIn::default());
    let (lost, seq) = append(&world, &mut egress, "lost", 0);
    world.disk.fail_after(0, StoreError::Full);
    world.write();
    assert_eq!(world.store.gate(seq), Gate::Failed);
    assert_eq!(
        egress.withdrawn(lost).unwrap().body().as_deref(),
        Some("lost")
    );
    append(&world, &mut egress, "kept", 0);
    world.write();
    service.take(&world, &mut egress);
    assert_eq!(service.seen, ["kept"]);
}

#[test]
fn a_full_log_refuses() {
    let mut egress = load(&World::new());
    let message = message(
        MessageType::Normal,
        "romeo@example/orchard",
        "upload.example",
        "1",
    );
    let peer = peer();
    let new = entry(&message, &peer, Class::Delivery, Owed::Later);
    let mut batch = Batch::new();
    for _ in 0..EGRESS_ENTRIES_MAX {
        egress.append(&new, &mut batch).unwrap();
    }
    let refused = egress.append(&new, &mut batch).unwrap_err();
    assert!(matches!(
        refused,
        Refused::EgressFull {
            entries: EGRESS_ENTRIES_MAX,
            ..
        }
    ));
    assert_eq!(refused.condition(), Condition::ResourceConstraint);
}

#[test]
fn a_message_on_its_way_out_shares_the_senders_body() {
    let world = World::new();
    let mut egress = load(&world);
    let mut romeo = world.mailbox("romeo@example");
    let sent = message(
        MessageType::Normal,
        "romeo@example/orchard",
        "upload.example",
        "1",
    );
    let peer = peer();
    let mut batch = Batch::new();
    let body = SharedBody::store(world.store.new_body_id(), sent.clone(), &mut batch);
    let new = NewEntry {
        body: Some(&body),
        ..entry(&sent, &peer, Class::Archive, Owed::Nobody)
    };
    romeo.record(&new, &mut batch).unwrap();
    egress.append(&new, &mut batch).unwrap();
    world.store.submit(batch);
    world.write();
    let mut service = StandIn::default();
    service.take(&world, &mut load(&world));
    assert_eq!(service.seen, ["1"]);
    assert!(
        !world.entries(
            EGRESS,
            &Owner::Service(Domain::parse("upload.example").unwrap())
        )[0]
        .entry
        .xml
        .contains("<body")
    );
}

#[test]
fn each_kind_of_destination_has_an_owner() {
    let domain = || Domain::parse("other.example").unwrap();
    let check = |destination: Destination, is_component: bool| {
        assert_eq!(
            Destination::of_owner(&destination.owner(), |_| is_component),
            Some(destination)
        );
    };
    check(Destination::Remote(domain()), false);
    check(Destination::Component(domain()), true);
    check(Destination::Service(domain()), false);
    assert_eq!(Destination::of_owner(&Owner::Server, |_| true), None);
}
