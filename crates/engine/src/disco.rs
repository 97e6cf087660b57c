//! What a host and its accounts say of themselves: the facts that features declare and the feature
//! `disco` (XEP-0030) serves.

use std::collections::BTreeSet;

/// Features of a host and of its accounts, sorted.
#[derive(Clone, Debug, Default)]
pub struct Disco {
    host: BTreeSet<&'static str>,
    account: BTreeSet<&'static str>,
}

impl Disco {
    pub(crate) fn add_host_feature(&mut self, feature: &'static str) {
        self.host.insert(feature);
    }

    pub(crate) fn add_account_feature(&mut self, feature: &'static str) {
        self.account.insert(feature);
    }

    /// What the host offers.
    pub fn host_features(&self) -> impl Iterator<Item = &'static str> {
        self.host.iter().copied()
    }

    /// What an account offers.
    pub fn account_features(&self) -> impl Iterator<Item = &'static str> {
        self.account.iter().copied()
    }
}
