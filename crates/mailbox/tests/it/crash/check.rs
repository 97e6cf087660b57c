//! What a server started over the disk as it is now would find, held against the truth.

use std::collections::BTreeMap;

use mailbox::{Class, Data, EGRESS, LOG, SessionId, WireId, message_of};
use store::{EntryId, Found, Gate};

use super::server::{Server, elsewhere};
use super::truth::{ACCOUNTS, Key, REMOTE};
use crate::world::{World, owner};

pub(super) fn check(server: &Server) {
    let found = Start::over(server);
    found.holds_nothing_twice_and_all_in_order();
    found.holds_what_was_promised();
    found.holds_nothing_else();
    found.knows_every_id();
    found.knows_what_was_handled();
}

/// What a start finds, by place: the three accounts, then the remote domain.
struct Start<'a> {
    server: &'a Server,
    world: World,
    due: Vec<Vec<Key>>,
    /// Positions and messages of the whole logs.
    logs: Vec<Vec<(EntryId, Key)>>,
}

impl<'a> Start<'a> {
    fn over(server: &'a Server) -> Self {
        let world = World::over(server.world.disk.image());
        let read = |log, owner| world.entries(log, &owner).iter().map(key_of).collect();
        let mut logs: Vec<Vec<_>> = ACCOUNTS
            .iter()
            .map(|account| read(LOG, owner(account)))
            .collect();
        logs.push(read(EGRESS, elsewhere().owner()));
        let mut due: Vec<_> = ACCOUNTS
            .iter()
            .map(|account| due(&world, account))
            .collect();
        due.push(logs[REMOTE].iter().map(|(_, key)| *key).collect());
        Self {
            server,
            world,
            due,
            logs,
        }
    }

    fn holds_nothing_twice_and_all_in_order(&self) {
        let logs = self
            .logs
            .iter()
            .map(|log| log.iter().map(|(_, key)| *key).collect());
        for keys in self.due.iter().cloned().chain(logs) {
            let mut newest: BTreeMap<(usize, usize), u32> = BTreeMap::new();
            for key in keys {
                let before = newest.insert((key.from, key.to), key.number);
                assert!(
                    before.is_none_or(|before| before < key.number),
                    "{}: {key:?} out of order",
                    self.seed()
                );
            }
        }
    }

    /// What was acknowledged is due exactly until it was accepted, and history stays.
    fn holds_what_was_promised(&self) {
        for (key, fate) in &self.server.truth.fates {
            if !fate.acknowledged || fate.bounced {
                continue;
            }
            let due = self.due[key.to].contains(key);
            assert_eq!(
                due,
                !self.was_accepted(*key),
                "{}: {key:?} {fate:?}",
                self.seed()
            );
            if fate.class == Some(Class::Archive) {
                let kept = |place: usize| self.logs[place].iter().any(|(_, kept)| kept == key);
                assert!(
                    kept(key.from),
                    "{}: {key:?} is not in its sender's history",
                    self.seed()
                );
                assert!(
                    key.to == REMOTE || kept(key.to),
                    "{}: {key:?} is not in the history",
                    self.seed()
                );
            }
        }
    }

    /// Nothing that was bounced, accepted or is never kept.
    fn holds_nothing_else(&self) {
        for key in self.due.iter().flatten() {
            let fate = &self.server.truth.fates[key];
            assert!(
                fate.class != Some(Class::None),
                "{}: {key:?} is on disk",
                self.seed()
            );
            assert!(
                !self.was_accepted(*key),
                "{}: {key:?} was accepted",
                self.seed()
            );
            assert!(!fate.bounced, "{}: {key:?} was bounced", self.seed());
        }
    }

    fn knows_every_id(&self) {
        let mailboxes: Vec<_> = ACCOUNTS
            .iter()
            .map(|account| self.world.mailbox(account))
            .collect();
        for ((account, id), key) in &self.server.truth.ids {
            let position = mailboxes[*account].position(WireId::parse(id).unwrap());
            let entry = self.logs[*account]
                .iter()
                .find(|(id, _)| Some(*id) == position);
            assert_eq!(
                entry.map(|(_, key)| key),
                Some(key),
                "{}: id {id}",
                self.seed()
            );
        }
    }

    fn knows_what_was_handled(&self) {
        for (account, acknowledged) in self.server.truth.handled.iter().enumerate() {
            let found = self.world.handled(ACCOUNTS[account]);
            let found = found
                .get(&SessionId(account as u128))
                .copied()
                .unwrap_or_default();
            assert!(
                found >= *acknowledged,
                "{}: {found} of {acknowledged}",
                self.seed()
            );
        }
    }

    fn was_accepted(&self, key: Key) -> bool {
        let store = &self.server.world.store;
        let durable =
            |(seq, accepted): &(_, Key)| *accepted == key && store.gate(*seq) == Gate::Durable;
        self.server.truth.settled.contains(&key) || self.server.truth.accepting.iter().any(durable)
    }

    fn seed(&self) -> String {
        format!("seed {}", self.server.seed)
    }
}

fn due(world: &World, account: &str) -> Vec<Key> {
    let mailbox = world.mailbox(account);
    assert_eq!(
        mailbox.has_waiting(),
        mailbox.waiting().next().is_some(),
        "what waits is counted right"
    );
    let mut due: Vec<_> = mailbox.waiting().chain(mailbox.strays()).collect();
    due.sort_by_key(|waiting| waiting.id);
    due.iter()
        .map(|waiting| Key::of_body(&waiting.message().unwrap().body().unwrap()))
        .collect()
}

fn key_of(found: &Found<Data>) -> (EntryId, Key) {
    (
        found.entry.id,
        Key::of_body(&message_of(found).unwrap().body().unwrap()),
    )
}
