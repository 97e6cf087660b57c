//! What goes from an archive, what is left of it, and whose it is.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mailbox::{
    Class, Forget, HOLE, Inbound, Mailbox, NewEntry, Owed, SessionId, close_first_holes,
};
use stanza::Timestamp;
use store::{Batch, EntryId};

use crate::world::{World, at, bare, chat, owner};

const DAY: i64 = 86_400;

/// Juliet's archive, one entry a line: on which day it came, with whom, and whether it is due or proves what a session
/// of hers sent. All of it is in Romeo's archive, too.
const ENTRIES: [(i64, &str, &str); 6] = [
    (0, "romeo@example", ""),
    (10, "nurse@example", "due"),
    (20, "romeo@example", "delivery"),
    (30, "romeo@example", ""),
    (40, "nurse@example", "proves"),
    (41, "romeo@example", "proves"),
];

#[test]
fn what_is_asked_for_goes() {
    let forget = || Forget::all(day(41));
    for (what, forget, left) in [
        ("all", forget(), "3d 6o"),
        (
            "up to a position",
            Forget {
                through: Some(EntryId(4)),
                ..forget()
            },
            "3d 5 6",
        ),
        (
            "what is old",
            Forget {
                before: Some(day(30)),
                ..forget()
            },
            "3d 4 5 6",
        ),
        (
            "what is old and delivered",
            Forget {
                before: Some(day(30)),
                spares_due: true,
                ..forget()
            },
            "2 3d 4 5 6",
        ),
        (
            "with a peer",
            Forget {
                peer: Some("romeo@example".to_owned()),
                ..forget()
            },
            "1o 2 3d 4o 5 6o",
        ),
        (
            "with a peer, up to a position",
            Forget {
                peer: Some("romeo@example".to_owned()),
                through: Some(EntryId(1)),
                ..forget()
            },
            "1o 2 3d 4 5 6",
        ),
        (
            "with a stranger",
            Forget {
                peer: Some("tybalt@example".to_owned()),
                ..forget()
            },
            "1 2 3d 4 5 6",
        ),
    ] {
        let world = filled();
        let gone = run(&world, forget.run(&world.store, &owner("juliet@example")));
        assert_eq!(shown(&world, "juliet@example"), left, "{what}");
        let taken = 5 - left.split(' ').filter(|one| one.len() == 1).count();
        assert_eq!(gone, taken as u64, "{what}");
        // The other side has it all.
        assert_eq!(shown(&world, "romeo@example"), "1 2 3 4 5 6", "{what}");
        for found in world.log("romeo@example") {
            assert!(found.body.is_some());
        }
    }
}

/// With the last reference the text goes.
#[test]
fn a_shared_text_goes_with_the_last_archive_that_has_it() {
    let world = filled();
    for account in ["juliet@example", "romeo@example"] {
        let forget = Forget::all(day(1000));
        run(&world, forget.run(&world.store, &owner(account)));
    }
    assert_eq!(shown(&world, "romeo@example"), "");
    assert_eq!(shown(&world, "juliet@example"), "3d");
    let body = world.log("juliet@example")[0].entry.body.unwrap();
    for id in 1..body.0 {
        let body = run(&world, world.store.read(store::body(store::BodyId(id))));
        assert_eq!(body, None, "{id}");
    }
}

/// Holes before everything else are no gaps; those that prove something stay until they need not.
#[test]
fn holes_are_closed_where_nothing_is_before_them() {
    let world = filled();
    let juliet = owner("juliet@example");
    let forget = Forget {
        peer: Some("romeo@example".to_owned()),
        ..Forget::all(day(41))
    };
    run(&world, forget.run(&world.store, &juliet));
    run(&world, close_first_holes(&world.store, &juliet, day(41)));
    assert_eq!(shown(&world, "juliet@example"), "2 3d 4o 5 6o");
    run(&world, Forget::all(day(41)).run(&world.store, &juliet));
    assert_eq!(shown(&world, "juliet@example"), "3d 6o");
    run(&world, close_first_holes(&world.store, &juliet, day(41)));
    assert_eq!(shown(&world, "juliet@example"), "3d 6o");
    run(&world, close_first_holes(&world.store, &juliet, day(43)));
    assert_eq!(shown(&world, "juliet@example"), "3d");
}

/// More than a slice, and something else in between.
#[test]
fn a_long_archive_goes_in_slices() {
    let world = World::new();
    let mut juliet = world.mailbox("juliet@example");
    let mut batch = Batch::new();
    let (message, peer) = (chat("1"), bare("romeo@example"));
    for number in 0..mailbox::limits::FORGET_SLICE * 2 + 1 {
        let new = NewEntry {
            message: &message,
            class: if number % 100 == 7 {
                Class::Delivery
            } else {
                Class::Archive
            },
            at: at(0),
            peer: &peer,
            owed: Owed::Later,
            body: None,
            inbound: None,
        };
        juliet.record(&new, &mut batch).unwrap();
    }
    world.commit(&mut juliet, batch);
    let juliet = owner("juliet@example");
    let gone = run(&world, Forget::all(day(1)).run(&world.store, &juliet));
    assert_eq!(gone, 397);
    assert_eq!(world.log("juliet@example").len(), 4);
}

fn filled() -> World {
    let world = World::new();
    let mut juliet = world.mailbox("juliet@example");
    let mut romeo = world.mailbox("romeo@example");
    for (came, peer, what) in ENTRIES {
        let mut batch = Batch::new();
        let message = chat("1");
        let id = world.store.new_body_id();
        let body = mailbox::SharedBody::store(id, message.clone(), &mut batch);
        let peer = bare(peer);
        let new = NewEntry {
            message: &message,
            class: match what {
                "delivery" => Class::Delivery,
                _ => Class::Archive,
            },
            at: day(came),
            peer: &peer,
            owed: match what {
                "due" | "delivery" => Owed::Later,
                _ => Owed::Nobody,
            },
            body: Some(&body),
            inbound: (what == "proves").then_some(Inbound {
                session: SessionId(1),
                ordinal: 1,
            }),
        };
        juliet.record(&new, &mut batch).unwrap();
        let theirs = NewEntry {
            class: Class::Archive,
            owed: Owed::Nobody,
            ..new
        };
        romeo.record(&theirs, &mut batch).unwrap();
        commit(&world, &mut juliet, &mut romeo, batch);
    }
    world
}

fn commit(world: &World, juliet: &mut Mailbox, romeo: &mut Mailbox, batch: Batch) {
    let seq = world.submit(juliet, batch);
    romeo.submitted(seq, &world.store);
    world.write();
}

/// The positions that are there: `d` for what is kept for delivery only, `o` for a hole.
fn shown(world: &World, account: &str) -> String {
    let log = world.log(account);
    let shown = log.iter().map(|found| {
        let mark = match found.entry.class {
            HOLE => "o",
            class if class == Class::Delivery.column() => "d",
            _ => "",
        };
        format!("{}{mark}", found.entry.id.0)
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn day(day: i64) -> Timestamp {
    at(0).plus(Duration::from_secs(u64::try_from(day * DAY).unwrap()))
}

/// Runs it to its end, writing whenever it waits.
fn run<T, E: std::fmt::Debug>(world: &World, future: impl Future<Output = Result<T, E>>) -> T {
    let mut future = pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(output) => return output.unwrap(),
            Poll::Pending => world.write(),
        }
    }
}
