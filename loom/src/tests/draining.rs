//! An account that several threads make send: whoever finds nobody draining drains.

use std::{collections::VecDeque, sync::Arc};

use loom::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{drain::DrainQueue, model};

/// An account's cell, and where its stanzas go.
struct Cell {
    account: Mutex<DrainQueue<(u8, u8)>>,
    routed: Mutex<Vec<(u8, u8)>>,
    busy: AtomicBool,
}

impl Cell {
    /// A run that makes one stanza, and the routing that follows, as the router does both.
    fn run(&self, stanza: (u8, u8)) {
        let claimed = {
            let mut account = self.account.lock().expect("no panic under it");
            account.push(stanza);
            account.claim()
        };
        if !claimed {
            return;
        }
        while let Some(stanza) = self.next() {
            // Not under the account's lock: routing takes those of others.
            assert!(!self.busy.swap(true, Ordering::Relaxed), "two drainers");
            self.routed.lock().expect("no panic under it").push(stanza);
            self.busy.store(false, Ordering::Relaxed);
        }
    }

    fn next(&self) -> Option<(u8, u8)> {
        let mut account = self.account.lock().expect("no panic under it");
        account.next(VecDeque::pop_front)
    }
}

#[test]
fn one_drainer_at_a_time_leaves_nothing_and_keeps_the_order() {
    model(|| {
        let cell = Arc::new(Cell {
            account: Mutex::default(),
            routed: Mutex::default(),
            busy: AtomicBool::new(false),
        });
        let senders = [1, 2].map(|sender| {
            let cell = cell.clone();
            thread::spawn(move || (1..=2).for_each(|number| cell.run((sender, number))))
        });
        for sender in senders {
            sender.join().expect("a sender ends");
        }
        let mut account = cell.account.lock().expect("no panic under it");
        assert!(account.is_drained());
        assert!(account.take().is_empty());
        let routed = cell.routed.lock().expect("no panic under it");
        for sender in [1, 2] {
            let numbers: Vec<u8> = routed
                .iter()
                .filter(|(from, _)| *from == sender)
                .map(|(_, number)| *number)
                .collect();
            assert_eq!(numbers, [1, 2], "of sender {sender}");
        }
    });
}
