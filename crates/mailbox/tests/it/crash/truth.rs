//! What the outside world saw: it survives every crash, and the server cannot change it.

use std::collections::{BTreeMap, BTreeSet};

use mailbox::{Class, WireId};
use store::Seq;

pub(super) const ACCOUNTS: [&str; 3] = ["romeo@example", "juliet@example", "nurse@example"];

/// The place that stands for everybody elsewhere; its messages go through an egress log.
pub(super) const REMOTE: usize = ACCOUNTS.len();

/// A message: sender, recipient, number between these two.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) number: u32,
}

impl Key {
    /// The text of the message, from which it is known again.
    pub(super) fn body(self) -> String {
        format!("{} {} {}", self.from, self.to, self.number)
    }

    pub(super) fn of_body(body: &str) -> Self {
        let mut parts = body.split(' ').map(|part| part.parse().unwrap());
        let mut next = || parts.next().unwrap();
        Self {
            from: next() as usize,
            to: next() as usize,
            number: next(),
        }
    }
}

/// What became of a message, as far as anybody outside knows.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) class: Option<Class>,
    /// Its sender was told that it is safe.
    pub(super) acknowledged: bool,
    /// Its sender was told that it failed.
    pub(super) bounced: bool,
    pub(super) shown: u32,
}

/// Everything that happened outside.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) fates: BTreeMap<Key, Fate>,
    /// Accepted with a batch of this life.
    pub(super) accepting: Vec<(Seq, Key)>,
    /// Of these, what nobody could take: its sender is told when the gate opens.
    pub(super) answering: BTreeSet<Key>,
    /// Accepted with a batch that was stored.
    pub(super) settled: BTreeSet<Key>,
    /// Ids that clients saw, with the account that saw them.
    pub(super) ids: BTreeMap<(usize, String), Key>,
    /// How many stanzas each account's session had acknowledged: the ordinals of [`Class::Archive`] messages.
    pub(super) handled: [u64; ACCOUNTS.len()],
}

impl Truth {
    pub(super) fn fate(&mut self, key: Key) -> &mut Fate {
        self.fates.entry(key).or_default()
    }

    pub(super) fn next_number(&self, from: usize, to: usize) -> u32 {
        self.fates
            .keys()
            .filter(|key| key.from == from && key.to == to)
            .count() as u32
    }

    pub(super) fn saw_id(&mut self, account: usize, id: Option<WireId>, key: Key) {
        if let Some(id) = id {
            let other = self.ids.insert((account, id.to_string()), key);
            assert!(
                other.is_none_or(|other| other == key),
                "{id} stands for two messages"
            );
        }
    }
}
