//! Where an account's devices are notified, resident with it: one registration per push service and node.

use std::{collections::BTreeMap, fmt};

use engine::account::{Account, Resident, Resource};
use engine::pipeline::Context;
use jid::Jid;
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Version};

/// Which registration of an account: its service and node, as text.
pub(super) type Key = String;

/// One registration. What it publishes with may be a secret, and is not printed.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Registration {
    /// The push service.
    pub(super) service: Jid,
    /// The node there.
    #[serde(default)]
    pub(super) node: Option<String>,
    /// The form that goes with each notification, as it came.
    #[serde(default)]
    pub(super) options: Option<String>,
    /// The resource of the client that registered last.
    #[serde(default)]
    pub(super) resource: String,
    /// What it calls itself by when it signs in, whatever its resource is, if it does.
    #[serde(default)]
    pub(super) client: Option<String>,
    /// Whose messages wake nobody, as bare addresses.
    #[serde(default)]
    pub(super) muted: Vec<String>,
    /// Who is no contact wakes nobody.
    #[serde(default)]
    pub(super) ignores_unknown: bool,
    /// The service wants to be told what is urgent.
    #[serde(default)]
    pub(super) wants_priority: bool,
    /// Microseconds since 1970 UTC: which is the oldest.
    #[serde(default)]
    pub(super) since: i64,
    /// How many notifications failed since one was taken.
    #[serde(default)]
    pub(super) failures: u32,
}

impl Registration {
    /// Its key: no address has a line break in it.
    pub(super) fn key(&self) -> Key {
        key(&self.service, self.node.as_deref())
    }

    /// Whether `resource` is the client that registered.
    pub(super) fn is_of(&self, resource: &Resource) -> bool {
        match (client_of(resource), &self.client) {
            (Some(client), Some(own)) => client == *own,
            _ => resource.full_jid().resource() == self.resource,
        }
    }

    /// Whether messages from `sender` wake the device.
    pub(super) fn wants(&self, account: &Account, sender: &Jid) -> bool {
        let is_muted = self.muted.iter().any(|muted| muted == sender.bare_str());
        !is_muted && (!self.ignores_unknown || account.contacts().item(&sender.bare()).is_some())
    }
}

/// The client's own name for itself.
pub(super) fn client_of(resource: &Resource) -> Option<String> {
    Some(resource.session().client_id()?.to_string())
}

/// The key of a service and node.
pub(super) fn key(service: &Jid, node: Option<&str>) -> Key {
    match node {
        Some(node) => format!("{service}\n{node}"),
        None => service.to_string(),
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({} for {})", self.service, self.resource)
    }
}

/// All registrations of an account.
#[derive(Debug, Default)]
pub(super) struct Registrations(pub(super) BTreeMap<Key, Registration>);

impl Registrations {
    /// Where they are stored.
    pub(super) const STORED: Collection<Map<Key, Registration>> =
        Collection::new("push.registrations", Version(1));

    /// The one that was made first.
    pub(super) fn oldest(&self) -> Option<Key> {
        let oldest = self.0.iter().min_by_key(|(_, one)| one.since);
        oldest.map(|(key, _)| key.clone())
    }
}

impl Resident for Registrations {
    type Key = Key;
    type Value = Registration;
    const COLLECTION: Collection<Map<Key, Registration>> = Self::STORED;

    fn load(entries: Vec<(Key, Registration)>) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Adds `registration`, or takes it for the one it replaces, for good once the run's batch is stored.
pub(super) fn put(account: &mut Account, cx: &Context<'_>, registration: Registration) {
    let key = registration.key();
    if !account.is_anonymous() {
        cx.batch()
            .put(Registrations::STORED, account.owner(), &key, &registration);
    }
    let all = &mut account.resident_mut::<Registrations>().0;
    let before = all.insert(key.clone(), registration);
    cx.undo_if_lost(Box::new(move |account| {
        let all = &mut account.resident_mut::<Registrations>().0;
        match before {
            Some(before) => all.insert(key, before),
            None => all.remove(&key),
        };
    }));
}

/// Removes registrations.
pub(super) fn remove(account: &mut Account, cx: &Context<'_>, keys: Vec<Key>) {
    let mut removed = Vec::new();
    for key in keys {
        let Some(gone) = account.resident_mut::<Registrations>().0.remove(&key) else {
            continue;
        };
        if !account.is_anonymous() {
            cx.batch()
                .delete(Registrations::STORED, account.owner(), &key);
        }
        removed.push((key, gone));
    }
    cx.undo_if_lost(Box::new(move |account| {
        account.resident_mut::<Registrations>().0.extend(removed);
    }));
}
