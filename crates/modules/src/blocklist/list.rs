//! The list, resident with its account, and whom it shuts out.

use std::collections::{BTreeMap, BTreeSet};

use engine::account::{Account, Resident};
use jid::Jid;
use store::{Collection, Map, Version};

/// The addresses a user blocks, by their text.
#[derive(Debug, Default)]
pub(super) struct Blocked(BTreeMap<Box<str>, Jid>);

impl Blocked {
    /// Where it is stored.
    pub(super) const STORED: Collection<Map<Jid, ()>> =
        Collection::new("blocklist.blocked", Version(1));

    /// Whether an item matches `peer`, [§6](https://xmpp.org/extensions/xep-0191.html#matching): itself, its bare
    /// JID, or its domain.
    pub(super) fn matches(&self, peer: &Jid) -> bool {
        !self.0.is_empty()
            && [peer.as_str(), peer.bare_str(), peer.domain()]
                .iter()
                .any(|form| self.0.contains_key(*form))
    }

    /// How many items it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The items, by their text.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Jid> {
        self.0.values()
    }

    /// All items.
    pub(super) fn all(&self) -> Vec<Jid> {
        self.iter().cloned().collect()
    }

    /// Those of `items` that it has not.
    pub(super) fn missing(&self, items: &BTreeSet<Jid>) -> Vec<Jid> {
        let missing = items.iter().filter(|item| !self.has(item));
        missing.cloned().collect()
    }

    /// Those of `items` that it has.
    pub(super) fn present(&self, items: &BTreeSet<Jid>) -> Vec<Jid> {
        let present = items.iter().filter(|item| self.has(item));
        present.cloned().collect()
    }

    pub(super) fn remove_all(&mut self, items: &[Jid]) {
        for item in items {
            self.0.remove(item.as_str());
        }
    }

    fn has(&self, item: &Jid) -> bool {
        self.0.contains_key(item.as_str())
    }
}

impl Extend<Jid> for Blocked {
    fn extend<I: IntoIterator<Item = Jid>>(&mut self, items: I) {
        let items = items.into_iter();
        self.0
            .extend(items.map(|item| (item.as_str().into(), item)));
    }
}

impl FromIterator<Jid> for Blocked {
    fn from_iter<I: IntoIterator<Item = Jid>>(items: I) -> Self {
        let mut blocked = Self::default();
        blocked.extend(items);
        blocked
    }
}

impl Resident for Blocked {
    type Key = Jid;
    type Value = ();
    const COLLECTION: Collection<Map<Jid, ()>> = Self::STORED;

    fn load(entries: Vec<(Jid, ())>) -> Self {
        entries.into_iter().map(|(item, ())| item).collect()
    }
}

/// Whether the account's list shuts `peer` out.
pub(super) fn shuts_out(account: &Account, peer: &Jid) -> bool {
    account
        .resident::<Blocked>()
        .is_some_and(|blocked| blocked.matches(peer))
        && !is_exempt(account, peer)
}

/// The account's own addresses, [§5](https://xmpp.org/extensions/xep-0191.html#privacy), and its host, which
/// speaks for the operator.
pub(super) fn is_exempt(account: &Account, peer: &Jid) -> bool {
    let (own, peer) = (account.jid(), peer.bare_str());
    peer == own.as_str() || peer == own.domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_match_as_section_6_says() {
        check("romeo@example/orchard", "romeo@example/orchard", true);
        check("romeo@example/orchard", "romeo@example/garden", false);
        check("romeo@example/orchard", "romeo@example", false);
        check("romeo@example", "romeo@example/orchard", true);
        check("romeo@example", "romeo@example", true);
        check("romeo@example", "example", false);
        check("example/orchard", "example/orchard", true);
        check("example/orchard", "romeo@example/orchard", false);
        check("example/orchard", "example", false);
        check("example", "example", true);
        check("example", "example/orchard", true);
        check("example", "romeo@example/orchard", true);
        check("example", "romeo@sub.example", false);
    }

    #[track_caller]
    fn check(item: &str, peer: &str, matches: bool) {
        let blocked: Blocked = [Jid::parse(item).unwrap()].into_iter().collect();
        let peer = Jid::parse(peer).unwrap();
        assert_eq!(blocked.matches(&peer), matches, "{item} {peer}");
    }
}
