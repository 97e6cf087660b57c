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
    pages::{Packed, Pages},
    roster_version::{RosterChange, RosterVersion},
    subscription::Standing,
};

/// One value per contact.
pub(crate) const CONTACTS: Collection<Map<BareJid, StoredContact>> =
    Collection::new("roster.contacts", Version(1));

/// Markers of removed contacts kept per account; the oldest go first, and a client whose roster is
/// older than that gets all of it.
const REMOVED_MAX: usize = 128;

/// One contact of an account, by itself.
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
    pub(super) change: u32,
}

/// A look at one of an account's contacts.
#[derive(Clone, Debug)]
pub struct ContactRef<'a> {
    contacts: &'a Contacts,
    jid: BareJid,
    packed: Packed<'a>,
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

impl<'a> ContactRef<'a> {
    /// Its address.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// Subscriptions, approval, and whether the roster lists it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.packed.standing()
    }

    /// The name the user gave it.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.packed.name()
    }

    /// The groups the user put it in, sorted.
    pub fn groups(&self) -> impl Iterator<Item = &'a str> {
        self.packed.groups()
    }

    /// The contact's unanswered subscription request, whole.
    #[must_use]
    pub fn request(&self) -> Option<&'a Arc<Stanza>> {
        self.contacts.requests.get(&self.jid)
    }

    /// The roster version at which it last changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.packed.version()
    }

    /// It by itself.
    #[must_use]
    pub fn to_contact(&self) -> Contact {
        Contact {
            request: self.request().cloned(),
            ..self.packed.unpack()
        }
    }
}

/// All contacts of one account, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    known: Pages,
    /// Requests without an answer, which few contacts have.
    requests: BTreeMap<BareJid, Arc<Stanza>>,
    /// Removed contacts by the version that removed them.
    removed: BTreeMap<u64, BareJid>,
    /// The newest version.
    version: u64,
    /// How many changes there were in this life of the server.
    change: u32,
    /// Rosters older than this can't be brought up to date by a difference.
    oldest_version: u64,
    /// What features provide.
    pub(super) joined: Option<Box<Joined>>,
}

/// What somebody and the account are to each other.
#[derive(Clone, Debug)]
pub struct Tie {
    jid: BareJid,
    standing: Standing,
}

impl Tie {
    /// Who it is.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// The same, by itself.
    #[must_use]
    pub fn into_jid(self) -> BareJid {
        self.jid
    }

    /// What the two are to each other.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

/// A contact as the roster shows it.
#[derive(Clone, Debug)]
pub enum RosterItem<'a> {
    /// As it stands in the account's own list.
    Own(ContactRef<'a>),
    /// With what features provide.
    Provided(BareJid, Cow<'a, Contact>),
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
        for (jid, value) in stored {
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
            if let Some(request) = request {
                contacts.requests.insert(jid.clone(), request);
            }
            if !value.standing.listed && value.version > 0 {
                contacts.removed.insert(value.version, jid.clone());
            }
            let contact = Contact {
                standing: value.standing,
                name: value.name,
                groups: value.groups,
                request: None,
                version: value.version,
                change: 0,
            };
            known.push((jid, contact));
        }
        known.sort_unstable_by(|(one, _), (next, _)| one.cmp(next));
        contacts.known = Pages::pack(&known);
        if contacts.removed.len() >= REMOVED_MAX {
            let oldest = contacts.removed.keys().next().copied().unwrap_or(0);
            contacts.oldest_version = contacts.oldest_version.max(oldest);
        }
        contacts
    }

    /// One contact.
    #[must_use]
    pub fn get(&self, jid: &BareJid) -> Option<ContactRef<'_>> {
        let packed = self.known.get(jid)?;
        Some(self.look(jid.clone(), packed))
    }

    fn look<'a>(&'a self, jid: BareJid, packed: Packed<'a>) -> ContactRef<'a> {
        ContactRef {
            contacts: self,
            jid,
            packed,
        }
    }

    /// What a contact and the account are to each other; blank for strangers.
    #[must_use]
    pub fn standing(&self, jid: &BareJid) -> Standing {
        let own = self
            .known
            .get(jid)
            .map(Packed::standing)
            .unwrap_or_default();
        match self.is_provided(jid) {
            true => own.provided(),
            false => own,
        }
    }

    /// The same of all, each once.
    pub fn standings(&self) -> impl Iterator<Item = Tie> {
        let own = self.known.iter_with_jids().map(|(jid, contact)| Tie {
            standing: match self.joined.is_some() && self.is_provided(&jid) {
                true => contact.standing().provided(),
                false => contact.standing(),
            },
            jid,
        });
        let provided = self.only_provided().map(|(jid, contact)| Tie {
            jid: jid.clone(),
            standing: contact.standing,
        });
        own.chain(provided)
    }

    /// All contacts of its own list, also those the roster does not show.
    pub fn iter(&self) -> impl Iterator<Item = ContactRef<'_>> {
        let known = self.known.iter_with_jids();
        known.map(|(jid, packed)| self.look(jid, packed))
    }

    /// Requests of contacts that have no answer, in order.
    pub(super) fn requests(&self) -> impl Iterator<Item = (&BareJid, &Arc<Stanza>)> {
        self.requests.iter()
    }

    /// One contact as the roster shows it.
    #[must_use]
    pub fn item(&self, jid: &BareJid) -> Option<Contact> {
        let own = self.get(jid);
        match self.provided(jid, own.as_ref()) {
            Some(contact) => Some(contact.into_owned()),
            None => own
                .filter(|own| own.standing().listed)
                .map(|own| own.to_contact()),
        }
    }

    /// All that the roster shows, its own list first.
    pub fn listed(&self) -> impl Iterator<Item = RosterItem<'_>> {
        let own = self.iter().filter_map(|contact| {
            let provided = match self.joined.is_some() {
                true => self.provided(contact.jid(), Some(&contact)),
                false => None,
            };
            match provided {
                Some(merged) => Some(RosterItem::Provided(contact.jid().clone(), merged)),
                None => contact
                    .standing()
                    .listed
                    .then_some(RosterItem::Own(contact)),
            }
        });
        let others = self.only_provided().filter_map(|(jid, _)| {
            let contact = self.provided(jid, None)?;
            Some(RosterItem::Provided(jid.clone(), contact))
        });
        own.chain(others)
    }

    /// How many the roster shows of its own list, which is what the limit is about.
    #[must_use]
    pub fn listed_count(&self) -> usize {
        self.known
            .iter()
            .filter(|contact| contact.standing().listed)
            .count()
    }

    /// How many there are, listed or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    pub fn changes_since(&self, version: RosterVersion) -> Option<Vec<RosterChange>> {
        let RosterVersion { own, provided } = version;
        if own < self.oldest_version || own > self.version || provided != self.mark() {
            return None;
        }
        let change = |jid, now, own| RosterChange {
            jid,
            now,
            version: RosterVersion { own, provided },
        };
        let newer = self.iter().filter(|contact| contact.version() > own);
        let listed = newer.filter_map(|contact| {
            let now = self.item(contact.jid())?;
            Some(change(contact.jid().clone(), Some(now), contact.version()))
        });
        let removed = self.removed.range(own + 1..).filter_map(|(at, jid)| {
            match (self.item(jid), self.get(jid)) {
                // Its last change is among those above.
                (Some(_), Some(contact)) if contact.version() > own => None,
                (now, _) => Some(change(jid.clone(), now, *at)),
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
        let was_listed = self.standing(jid).listed;
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
                self.put(jid, Some(contact));
            }
            None => {
                self.put(jid, None);
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
                    if self.known.get(&forgotten).is_none() {
                        batch.delete(CONTACTS, owner, &forgotten);
                    }
                }
            }
        }
    }

    fn put(&mut self, jid: &BareJid, contact: Option<Contact>) {
        match contact.as_ref().and_then(|contact| contact.request.clone()) {
            Some(request) => {
                self.requests.insert(jid.clone(), request);
            }
            None => {
                self.requests.remove(jid);
            }
        }
        self.known.set(jid, contact);
    }

    /// The version at which the roster lost this contact, while that is known.
    fn removal_of(&self, jid: &BareJid) -> Option<u64> {
        let (version, _) = self.removed.iter().find(|(_, removed)| *removed == jid)?;
        Some(*version)
    }

    /// The number of the last change.
    pub(crate) fn change(&self) -> u32 {
        self.change
    }

    /// Undoes change number `change` of one contact, unless a later one touched the same: that one's
    /// batch carried the whole of it. Nobody has seen the versions the change drew.
    pub(crate) fn restore(&mut self, jid: &BareJid, before: Option<Contact>, change: u32) {
        let is_newer = self
            .known
            .get(jid)
            .is_some_and(|contact| contact.change() > change);
        if is_newer {
            return;
        }
        if before.is_some() {
            self.removed.retain(|_, removed| removed != jid);
        }
        self.put(jid, before);
    }
}
