//! Who is in which group.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::account::{AccountRecord, Circle};
use jid::{BareJid, Domain};

use super::{
    config::Declared,
    stored::{Member, Stored},
};

/// The groups of a host, by name.
#[derive(Debug, Default)]
pub(super) struct Table {
    groups: BTreeMap<String, Entry>,
    limit: usize,
}

/// One group.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) label: String,
    /// Those who are named in the configuration.
    pub(super) declared: BTreeSet<BareJid>,
    /// Those whom a command has named.
    pub(super) stored: BTreeSet<BareJid>,
    /// Who else is in it, where it is for everybody; in the order in which they came.
    others: Vec<BareJid>,
    pub(super) everybody: bool,
    /// It is so by a command only.
    pub(super) everybody_stored: bool,
    /// Somebody found no room in it.
    is_full: bool,
    circle: Arc<Circle>,
}

impl Table {
    /// The groups of the configuration and of commands; in those for everybody there is nobody yet.
    pub(super) fn new(declared: &[Declared], stored: Stored, limit: usize) -> Self {
        let mut groups: BTreeMap<String, Entry> = declared
            .iter()
            .map(|group| {
                let mut entry = Entry::new(&group.label);
                entry.declared.clone_from(&group.members);
                entry.everybody = group.everybody;
                (group.name.clone(), entry)
            })
            .collect();
        for (name, members) in stored {
            let entry = groups
                .entry(name)
                .or_insert_with_key(|name| Entry::new(name));
            for member in members {
                match member {
                    Member::Account(account) => {
                        entry.stored.insert(account);
                    }
                    Member::Everybody => {
                        entry.everybody_stored = !entry.everybody;
                        entry.everybody = true;
                    }
                }
            }
        }
        let mut table = Self { groups, limit };
        table.draw_all();
        table
    }

    /// Whether it has to be known which accounts there are.
    pub(super) fn is_for_everybody(&self) -> bool {
        self.groups.values().any(|group| group.everybody)
    }

    /// These are the accounts of the host.
    pub(super) fn fill(&mut self, mut accounts: Vec<(BareJid, AccountRecord)>) {
        accounts.sort_by_key(|(_, record)| record.created);
        for (account, _) in accounts {
            for group in self.groups.values_mut().filter(|group| group.everybody) {
                group.admit(&account, self.limit);
            }
        }
        self.draw_all();
    }

    /// Says which groups are too large.
    pub(super) fn complain(&self, host: &Domain) {
        for (name, _) in self.groups.iter().filter(|(_, group)| group.is_full) {
            tracing::warn!(%host, group = %name, limit = self.limit, "a shared group has more members than shared_group_members_max; the rest is left out");
        }
    }

    /// There is a new account. Whether anything has changed.
    pub(super) fn came(&mut self, account: &BareJid) -> bool {
        let mut has_changed = false;
        for group in self.groups.values_mut().filter(|group| group.everybody) {
            if group.admit(account, self.limit) {
                group.draw(self.limit);
                has_changed = true;
            }
        }
        has_changed
    }

    /// An account is gone. Whoever is named in the configuration stays in the group. Whether anything has changed.
    pub(super) fn went(&mut self, account: &BareJid) -> bool {
        let mut has_changed = false;
        for group in self.groups.values_mut() {
            let before = group.others.len();
            group.others.retain(|other| other != account);
            if group.stored.remove(account) || group.others.len() < before {
                group.draw(self.limit);
                has_changed = true;
            }
        }
        self.groups.retain(|_, group| !group.is_empty());
        has_changed
    }

    /// The groups of an account, by name. One without other members gives no contacts.
    pub(super) fn circles(&self, account: &BareJid) -> Vec<Arc<Circle>> {
        let groups = self.groups.values();
        groups
            .filter(|group| group.circle.contains(account))
            .map(|group| group.circle.clone())
            .collect()
    }

    /// Everybody in a group with this account, and itself.
    pub(super) fn neighbours(&self, account: &BareJid) -> BTreeSet<BareJid> {
        let groups = self.groups.values();
        groups
            .filter(|group| group.circle.contains(account))
            .flat_map(|group| group.circle.members().cloned())
            .collect()
    }

    /// Into which groups commands have put this account.
    pub(super) fn stored_groups_of(&self, account: &BareJid) -> Vec<String> {
        let groups = self.groups.iter();
        groups
            .filter(|(_, group)| group.stored.contains(account))
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.groups.iter()
    }

    pub(super) fn group(&self, name: &str) -> Option<&Entry> {
        self.groups.get(name)
    }

    fn draw_all(&mut self) {
        for group in self.groups.values_mut() {
            group.draw(self.limit);
        }
    }
}

impl Entry {
    fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            declared: BTreeSet::new(),
            stored: BTreeSet::new(),
            others: Vec::new(),
            everybody: false,
            everybody_stored: false,
            is_full: false,
            circle: Arc::new(Circle::new(label, [])),
        }
    }

    /// Whether it is in nobody's interest any more: a command made it and nobody is left.
    fn is_empty(&self) -> bool {
        self.declared.is_empty() && self.stored.is_empty() && !self.everybody
    }

    /// Lets an account in that is not named, if there is room.
    fn admit(&mut self, account: &BareJid, limit: usize) -> bool {
        if self.declared.contains(account) || self.stored.contains(account) {
            return false;
        }
        let has_room = self.declared.union(&self.stored).count() + self.others.len() < limit;
        match has_room {
            true => self.others.push(account.clone()),
            false => self.is_full = true,
        }
        has_room
    }

    /// Makes the circle of what is known.
    fn draw(&mut self, limit: usize) {
        let named = self.declared.union(&self.stored);
        self.is_full |= named.clone().count() > limit;
        let members = named.chain(&self.others).take(limit).cloned();
        self.circle = Arc::new(Circle::new(&self.label, members));
    }

    /// Who is in it.
    pub(super) fn members(&self) -> impl Iterator<Item = &BareJid> {
        self.circle.members()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_everybody_follows_accounts_up_to_the_limit() {
        let mut table = Table::new(&[everybody()], Stored::new(), 2);
        assert!(table.is_for_everybody());
        table.fill(vec![made("b@x", 2), made("c@x", 3), made("a@x", 1)]);
        check(&table, "a@x b@x");
        assert!(!table.came(&jid("d@x")));
        check(&table, "a@x b@x");
        assert!(table.went(&jid("a@x")));
        check(&table, "b@x");
        assert!(table.came(&jid("e@x")));
        check(&table, "b@x e@x");
        assert!(!table.went(&jid("c@x")));
    }

    #[test]
    fn whom_a_command_has_named_goes_with_the_account() {
        let stored = Stored::from([(
            "all".to_owned(),
            vec![Member::Account(jid("a@x")), Member::Account(jid("b@x"))],
        )]);
        let mut table = Table::new(&[], stored, 10);
        assert!(!table.is_for_everybody());
        check(&table, "a@x b@x");
        assert_eq!(table.stored_groups_of(&jid("a@x")), ["all"]);
        assert!(table.went(&jid("a@x")));
        check(&table, "b@x");
        assert!(table.went(&jid("b@x")));
        assert!(table.group("all").is_none());
    }

    fn everybody() -> Declared {
        Declared {
            name: "all".to_owned(),
            label: "Verona".to_owned(),
            members: BTreeSet::new(),
            everybody: true,
        }
    }

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn made(text: &str, created: i64) -> (BareJid, AccountRecord) {
        let record = AccountRecord {
            created,
            ..AccountRecord::default()
        };
        (jid(text), record)
    }

    #[track_caller]
    fn check(table: &Table, members: &str) {
        let group = table.group("all").unwrap();
        let got: Vec<&str> = group.members().map(|member| member.as_str()).collect();
        assert_eq!(got.join(" "), members);
    }
}
