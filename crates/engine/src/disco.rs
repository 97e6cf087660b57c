//! What a host and its accounts say of themselves: the facts that features declare and the feature
//! `disco` (XEP-0030) serves.

use std::collections::BTreeSet;

use jid::Jid;
use stanza::form::Form;

/// Features of a host and of its accounts, sorted.
#[derive(Clone, Debug, Default)]
pub struct Disco {
    host: BTreeSet<&'static str>,
    account: BTreeSet<&'static str>,
    forms: Vec<Form>,
    items: Vec<Item>,
}

/// What kind of thing a service is, [XEP-0030 §3](https://xmpp.org/extensions/xep-0030.html#info): one of the
/// registered categories and types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    /// `conference`, `pubsub`, ...
    pub category: &'static str,
    /// `text`, `service`, ...
    pub kind: &'static str,
    /// Its name for people.
    pub name: Option<&'static str>,
}

/// An address that belongs to a host: a service of its users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// Where it is.
    pub jid: Jid,
    /// Which node there; `None` for the address itself.
    pub node: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
}

/// A node of a host: what it is and what belongs to it, [XEP-0030 §3.2](https://xmpp.org/extensions/xep-0030.html#info-nodes).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Node {
    /// What kinds of thing it is.
    pub identities: Vec<Identity>,
    /// What it offers.
    pub features: Vec<&'static str>,
    /// What belongs to it, in order.
    pub items: Vec<Item>,
}

impl Disco {
    pub(crate) fn add_host_feature(&mut self, feature: &'static str) {
        self.host.insert(feature);
    }

    pub(crate) fn add_account_feature(&mut self, feature: &'static str) {
        self.account.insert(feature);
    }

    pub(crate) fn add_host_form(&mut self, form: Form) {
        self.forms.push(form);
        self.forms
            .sort_by(|one, other| one.form_type().cmp(&other.form_type()));
    }

    pub(crate) fn add_host_item(&mut self, item: Item) {
        self.items.push(item);
        self.items.sort_by(|one, other| one.jid.cmp(&other.jid));
    }

    /// Data sets of the host, XEP-0128, by their type.
    #[must_use]
    pub fn host_forms(&self) -> &[Form] {
        &self.forms
    }

    /// The host's items, by address.
    #[must_use]
    pub fn host_items(&self) -> &[Item] {
        &self.items
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
