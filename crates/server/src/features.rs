//! The list of features, as the configuration asks about them.

use engine::{
    command::CommandEntry,
    module::{Entry, Key},
};

use crate::config::Features;

/// Every feature this binary has.
pub(crate) const ALL: &[Entry] = modules::ALL;

/// Every command of them.
pub(crate) fn commands() -> impl Iterator<Item = &'static CommandEntry> {
    ALL.iter().flat_map(|entry| entry.commands)
}

/// Answers the configuration from the list.
pub(crate) struct Known;

impl Features for Known {
    fn names(&self) -> Vec<&'static str> {
        ALL.iter().map(|entry| entry.name).collect()
    }

    fn keys(&self, name: &str) -> Vec<Key> {
        let entry = ALL.iter().find(|entry| entry.name == name);
        entry.map_or_else(Vec::new, Entry::keys)
    }

    fn check(&self, name: &str, value: &serde_json::Value) -> Result<(), String> {
        match ALL.iter().find(|entry| entry.name == name) {
            Some(entry) => entry.check(value),
            None => Err("there is no such feature".to_owned()),
        }
    }
}
