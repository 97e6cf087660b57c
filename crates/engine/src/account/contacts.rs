//! What an account knows of its contacts: subscriptions, names, groups, and the roster's version.
//!
//! To its own list come the contacts that features provide ([`circles`](super::circles)), of which nothing is kept
//! here. [`Contacts::standing`], [`Contacts::standings`], [`Contacts::item`] and [`Contacts::listed`] have both
//! together; [`Contacts::get`] and [`Contacts::iter`] are the own list.
//!
//! These facts are resident with the account and stored one value per contact. `jabber:iq:roster` is
//! served over them by the feature `roster`. Removed contacts leave a marker with their version, so
//! that a client with an older roster gets a difference instead of everything (RFC 6121 §2.6).

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use jid::BareJid;
use serde::{Deserialize, Serialize};
use stanza::{Stanza, Timestamp};
use store::{Batch, Collection, Map, Owner, Version};

use super::{
    circles::Joined,
    roster_version::{RosterChange, RosterVersion},
    subscription::Standing,
};

/// One value per contact.
pub(crate) const CONTACTS: Collection<Map<BareJid, StoredContact>> =
    Collection::new("roster.contacts", Version(1));

/// Markers of removed contacts kept per account; the oldest go first, and a client whose roster is
/// older than that gets all of it.
const REMOVED_MAX: usize = 128;

/// One contact of an account.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// Subscriptions, approval, and whether the roster lists it.
    pub standing: Standing,
    /// The name the user gave it.
    pub name: Option<String>,
    /// The groups the user put it in, sorted.
    pub groups: Vec<String>,
    /// The contact's unanswered subscription request, whole.
    pub request: Option<Arc<Stanza>>,
    /// The roster version at which it last changed.
    pub version: u64,
    /// Which change of this account's contacts made it so, in this life of the server.
    change: u64,
}

/// How a contact is stored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct StoredContact {
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    version: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

impl Contact {
    /// Whether there is nothing to keep.
    pub(crate) fn is_blank(&self) -> bool {
        self.standing.is_blank() && self.name.is_none() && self.groups.is_empty()
    }

    /// Whether the same would be stored, the version aside.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let request = |contact: &Self| contact.request.as_ref().map(Arc::as_ptr);
        self.standing == other.standing
            && self.name == other.name
            && self.groups == other.groups
            && request(self) == request(other)
    }

    fn to_stored(&self) -> StoredContact {
        StoredContact {
            standing: self.standing,
            name: self.name.clone(),
            groups: self.groups.clone(),
            request: self
                .request
                .as_ref()
                .and_then(|stanza| String::from_utf8(stanza.to_stored()).ok()),
            version: self.version,
            removed: false,
        }
    }
}

/// All contacts of one account, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    known: BTreeMap<BareJid, Contact>,
    /// Removed contacts by the version that removed them.
    removed: BTreeMap<u64, BareJid>,
    /// The newest version.
    version: u64,
    /// How many changes there were in this life of the server.
    change: u64,
    /// Rosters older than this can't be brought up to date by a difference.
    oldest_version: u64,
    /// What features provide.
    pub(super) joined: Option<Box<Joined>>,
}

impl Contacts {
    /// Made from what the store holds.
    ///
    /// Versions begin at the second the account was made: a client that knew another account of this
    /// name, since deleted, knows none of them.
    pub(crate) fn load(stored: Vec<(BareJid, StoredContact)>, created: Timestamp) -> Self {
        let oldest_version = u64::try_from(created.as_seconds()).unwrap_or(0);
        let mut contacts = Self {
            version: oldest_version,
            oldest_version,
            ..Self::default()
        };
        let mut known = Vec::with_capacity(stored.len());
        for (jid, mut value) in stored {
            contacts.version = contacts.version.max(value.version);
            if value.removed {
                contacts.removed.insert(value.version, jid);
                continue;
            }
            let request = value
                .request
                .as_deref()
                .and_then(|xml| Stanza::from_stored(xml.as_bytes()).ok())
                .map(Arc::new);
            if !value.standing.listed && value.version > 0 {
                contacts.removed.insert(value.version, jid.clone());
            }
            value.groups.shrink_to_fit();
            let contact = Contact {
                standing: value.standing,
                name: value.name,
                groups: value.groups,
                request,
                version: value.version,
                change: 0,
            };
            known.push((jid, contact));
        }
        // Made at once, a map has full nodes; one that grew in order has half-full ones.
        contacts.known = known.into_iter().collect();
        if contacts.removed.len() >= REMOVED_MAX {
            let oldest = contacts.removed.keys().next().copied().unwrap_or(0);
            contacts.oldest_version = contacts.oldest_version.max(oldest);
        }
        contacts
    }

    /// One contact.
    #[must_use]
    pub fn get(&self, jid: &BareJid) -> Option<&Contact> {
        self.known.get(jid)
    }

    /// What a contact and the account are to each other; blank for strangers.
    #[must_use]
    pub fn standing(&self, jid: &BareJid) -> Standing {
        let own = self
            .known
            .get(jid)
            .map(|contact| contact.standing)
            .unwrap_or_default();
        self.with_provided(jid, own)
    }

    /// The same of all, each once.
    pub fn standings(&self) -> impl Iterator<Item = (&BareJid, Standing)> {
        let own = self
            .known
            .iter()
            .map(|(jid, contact)| (jid, self.with_provided(jid, contact.standing)));
        own.chain(self.only_provided().map(|(jid, one)| (jid, one.standing)))
    }

    /// All contacts of its own list, also those the roster does not show.
    pub fn iter(&self) -> impl Iterator<Item = (&BareJid, &Contact)> {
        self.known.iter()
    }

    /// One contact as the roster shows it.
    #[must_use]
    pub fn item(&self, jid: &BareJid) -> Option<Cow<'_, Contact>> {
        self.merged(jid, self.known.get(jid))
    }

    /// All that the roster shows, its own list first.
    pub fn listed(&self) -> impl Iterator<Item = (&BareJid, Cow<'_, Contact>)> {
        let own = self
            .known
            .iter()
            .filter_map(|(jid, own)| Some((jid, self.merged(jid, Some(own))?)));
        let provided = self.only_provided();
        own.chain(provided.filter_map(|(jid, _)| Some((jid, self.merged(jid, None)?))))
    }

    /// How many the roster shows of its own list, which is what the limit is about.
    #[must_use]
    pub fn listed_count(&self) -> usize {
        let own = self.known.values();
        own.filter(|contact| contact.standing.listed).count()
    }

    /// How many there are, listed or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The roster's version.
    #[must_use]
    pub fn version(&self) -> RosterVersion {
        RosterVersion {
            own: self.version,
            provided: self.mark(),
        }
    }

    /// What changed since `version`, oldest first; `None` when that is not known any more. Of what features
    /// provided before nothing is known.
    #[must_use]
    pub fn changes_since(&self, version: RosterVersion) -> Option<Vec<RosterChange<'_>>> {
        let RosterVersion { own, provided } = version;
        if own < self.oldest_version || own > self.version || provided != self.mark() {
            return None;
        }
        let change = |jid, now, own| RosterChange {
            jid,
            now,
            version: RosterVersion { own, provided },
        };
        let newer = self
            .known
            .iter()
            .filter(|(_, contact)| contact.version > own);
        let listed = newer.filter_map(|(jid, contact)| {
            let now = self.merged(jid, Some(contact))?;
            Some(change(jid, Some(now), contact.version))
        });
        let removed = self.removed.range(own + 1..).filter_map(|(at, jid)| {
            let known = self.known.get(jid);
            match (self.merged(jid, known), known) {
                // Its last change is among those above.
                (Some(_), Some(contact)) if contact.version > own => None,
                (now, _) => Some(change(jid, now, *at)),
            }
        });
        let mut changes: Vec<_> = listed.chain(removed).collect();
        changes.sort_by_key(|change| change.version.own);
        Some(changes)
    }

    /// Sets or removes (`None`) a contact and puts the change into `batch`.
    ///
    /// The roster's version moves only when the roster shows the change.
    pub(crate) fn set(
        &mut self,
        jid: &BareJid,
        contact: Option<Contact>,
        owner: &Owner,
        batch: &mut Batch,
    ) {
        self.change += 1;
        let is_provided = self.is_provided(jid);
        let was_listed = is_provided
            || self
                .known
                .get(jid)
                .is_some_and(|contact| contact.standing.listed);
        match contact {
            Some(mut contact) => {
                contact.change = self.change;
                if contact.standing.listed || is_provided {
                    self.version += 1;
                    contact.version = self.version;
                    self.removed.retain(|_, removed| removed != jid);
                } else {
                    // Its value is also the marker of its removal from the roster, if it was on it before.
                    contact.version = self.removal_of(jid).unwrap_or(0);
                }
                batch.put(CONTACTS, owner, jid, &contact.to_stored());
                self.known.insert(jid.clone(), contact);
            }
            None => {
                self.known.remove(jid);
                let version = match (was_listed, self.removal_of(jid)) {
                    (true, _) => {
                        self.version += 1;
                        self.removed.insert(self.version, jid.clone());
                        self.version
                    }
                    (false, Some(version)) => version,
                    (false, None) => return batch.delete(CONTACTS, owner, jid),
                };
                let marker = StoredContact {
                    version,
                    removed: true,
                    ..StoredContact::default()
                };
                batch.put(CONTACTS, owner, jid, &marker);
                if self.removed.len() > REMOVED_MAX
                    && let Some((oldest, forgotten)) = self.removed.pop_first()
                {
                    self.oldest_version = oldest;
                    if !self.known.contains_key(&forgotten) {
                        batch.delete(CONTACTS, owner, &forgotten);
                    }
                }
            }
        }
    }

    /// The version at which the roster lost this contact, while that is known.
    fn removal_of(&self, jid: &BareJid) -> Option<u64> {
        let (version, _) = self.removed.iter().find(|(_, removed)| *removed == jid)?;
        Some(*version)
    }

    /// The number of the last change.
    pub(crate) fn change(&self) -> u64 {
        self.change
    }

    /// Undoes change number `change` of one contact, unless a later one touched the same: that one's
    /// batch carried the whole of it. Nobody has seen the versions the change drew.
    pub(crate) fn restore(&mut self, jid: &BareJid, before: Option<Contact>, change: u64) {
        let is_newer = self
            .known
            .get(jid)
            .is_some_and(|contact| contact.change > change);
        if is_newer {
            return;
        }
        match before {
            Some(before) => {
                self.removed.retain(|_, removed| removed != jid);
                self.known.insert(jid.clone(), before);
            }
            None => {
                self.known.remove(jid);
            }
        }
    }
}
