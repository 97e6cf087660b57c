//! What a user wants archived, [XEP-0441](https://xmpp.org/extensions/xep-0441.html): resident with the account, and one
//! rule.

use std::collections::BTreeSet;

use engine::account::Resident;
use jid::Jid;
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Version};

use super::policy::Policy;

/// A user's preferences. Addresses are kept prepared.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Preferences {
    /// For addresses on neither list.
    pub(super) default: Policy,
    /// Whose messages are taken.
    pub(super) always: BTreeSet<String>,
    /// Whose are not.
    pub(super) never: BTreeSet<String>,
}

/// What the user decided; nothing yet, and the host's policy holds.
#[derive(Debug, Default)]
pub(super) struct Chosen(pub(super) Option<Preferences>);

impl Chosen {
    /// Where it is stored.
    pub(super) const STORED: Collection<Map<(), Preferences>> =
        Collection::new("archive.preferences", Version(1));
}

impl Resident for Chosen {
    type Key = ();
    type Value = Preferences;
    const COLLECTION: Collection<Map<(), Preferences>> = Self::STORED;

    fn load(entries: Vec<((), Preferences)>) -> Self {
        Self(entries.into_iter().next().map(|((), chosen)| chosen))
    }
}

impl Preferences {
    /// Whether messages from or to `peer` are taken, [§2.2]: a listed address with a resource means this resource, one
    /// without all of them.
    ///
    /// What the text leaves open: the closer match counts, and of two that are equally close the one that keeps less.
    ///
    /// [§2.2]: https://xmpp.org/extensions/xep-0441.html#jid-matching
    pub(super) fn takes(&self, peer: &Jid, is_contact: impl FnOnce() -> bool) -> bool {
        for form in [peer.as_str(), peer.bare_str()] {
            if self.never.contains(form) {
                return false;
            }
            if self.always.contains(form) {
                return true;
            }
        }
        self.default.takes(is_contact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_for_those_on_no_list() {
        check(Policy::Always, &[], &[], "nurse@example", true);
        check(Policy::Never, &[], &[], "nurse@example", false);
        check(Policy::Roster, &[], &[], "nurse@example", false);
        check(Policy::Roster, &[], &[], "romeo@example/orchard", true);
    }

    #[test]
    fn lists_overrule_the_default() {
        check(
            Policy::Never,
            &["nurse@example"],
            &[],
            "nurse@example/hall",
            true,
        );
        check(
            Policy::Always,
            &[],
            &["nurse@example"],
            "nurse@example/hall",
            false,
        );
        check(
            Policy::Roster,
            &[],
            &["romeo@example"],
            "romeo@example",
            false,
        );
    }

    #[test]
    fn an_address_with_a_resource_means_that_one() {
        let orchard = &["romeo@example/orchard"];
        check(Policy::Never, orchard, &[], "romeo@example/orchard", true);
        check(Policy::Never, orchard, &[], "romeo@example/garden", false);
        check(Policy::Never, orchard, &[], "romeo@example", false);
        let romeo = &["romeo@example"];
        check(
            Policy::Always,
            orchard,
            romeo,
            "romeo@example/orchard",
            true,
        );
        check(
            Policy::Always,
            orchard,
            romeo,
            "romeo@example/garden",
            false,
        );
        check(
            Policy::Always,
            romeo,
            orchard,
            "romeo@example/orchard",
            false,
        );
    }

    #[test]
    fn who_is_on_both_lists_is_not_archived() {
        let romeo = &["romeo@example"];
        check(Policy::Always, romeo, romeo, "romeo@example/orchard", false);
    }

    /// Romeo is a contact.
    #[track_caller]
    fn check(default: Policy, always: &[&str], never: &[&str], peer: &str, takes: bool) {
        let list = |jids: &[&str]| jids.iter().map(ToString::to_string).collect();
        let preferences = Preferences {
            default,
            always: list(always),
            never: list(never),
        };
        let peer = Jid::parse(peer).unwrap();
        let is_contact = || peer.bare_str() == "romeo@example";
        assert_eq!(
            preferences.takes(&peer, is_contact),
            takes,
            "{preferences:?} {peer}"
        );
    }
}
