//! Everybody of a host who can be found, in memory: read once when somebody searches, then kept up to date.
//!
//! What is stored is only who said so; the rest is in the vCards.

use std::{collections::BTreeMap, sync::Arc};

use engine::{
    Host, Server,
    account::{AccountRecord, VCARD},
};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Owner, StoreError, Version};

use super::person::{Person, Wanted};

/// Whether a user wants to be found; nothing where nothing was said.
pub(super) const LISTED: Collection<Map<(), Listed>> =
    Collection::new("user_search.listed", Version(1));

/// vCards that are read at once: each may have a picture.
const CHUNK: usize = 32;

/// What a user said.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Listed(pub(super) bool);

/// Those who can be found, by address.
pub(super) type People = BTreeMap<BareJid, Arc<Person>>;

/// Who can be found.
#[derive(Debug, Default)]
pub(super) enum Directory {
    /// Nobody has searched yet.
    #[default]
    Unread,
    /// It is being read; what happens meanwhile is put on top.
    Reading {
        changes: BTreeMap<BareJid, Change>,
        /// What is read may be out of date already.
        is_stale: bool,
    },
    Ready(People),
}

/// What happened to somebody.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Can be found from now on.
    Came(Person),
    /// Says something else; whether that can be found is not said.
    Said(Person),
    /// Can't be found any more.
    Went,
}

impl Directory {
    /// Something happened to `jid`. There are at most `most` people.
    pub(super) fn note(&mut self, jid: &BareJid, change: Change, most: usize) {
        match self {
            Self::Unread => {}
            Self::Reading { changes, .. } => {
                let change = match (changes.remove(jid), change) {
                    (Some(Change::Came(_)), Change::Said(person)) => Change::Came(person),
                    (Some(Change::Went), Change::Said(_)) => Change::Went,
                    (_, change) => change,
                };
                changes.insert(jid.clone(), change);
            }
            Self::Ready(people) => apply(people, jid, change, most),
        }
    }

    /// Fills in what is known of somebody who came without.
    pub(super) fn fill_in(&mut self, person: Person) {
        let blank = Person::new(&person.jid, None);
        // Meanwhile more may have been said.
        match self {
            Self::Unread => {}
            Self::Reading { changes, .. } => {
                if let Some(Change::Came(known)) = changes.get_mut(&person.jid)
                    && *known == blank
                {
                    *known = person;
                }
            }
            Self::Ready(people) => {
                if let Some(known) = people.get_mut(&person.jid)
                    && **known == blank
                {
                    *known = Arc::new(person);
                }
            }
        }
    }

    /// What is known may not be so any more: it is read again.
    pub(super) fn forget(&mut self) {
        match self {
            Self::Unread => {}
            Self::Reading { is_stale, .. } => *is_stale = true,
            Self::Ready(_) => *self = Self::Unread,
        }
    }

    /// The caller reads it, unless somebody does already.
    pub(super) fn begin(&mut self) -> bool {
        let is_unread = matches!(self, Self::Unread);
        if is_unread {
            *self = Self::Reading {
                changes: BTreeMap::new(),
                is_stale: false,
            };
        }
        is_unread
    }

    /// It was read; gives whom `wanted` finds.
    pub(super) fn end(
        &mut self,
        mut people: People,
        most: usize,
        wanted: &Wanted,
    ) -> Vec<Arc<Person>> {
        let mut stale = false;
        if let Self::Reading { changes, is_stale } = self {
            stale = *is_stale;
            for (jid, change) in std::mem::take(changes) {
                apply(&mut people, &jid, change, most);
            }
        }
        let found = search(&people, wanted);
        *self = match stale {
            true => Self::Unread,
            false => Self::Ready(people),
        };
        found
    }

    /// It could not be read.
    pub(super) fn give_up(&mut self) {
        *self = Self::Unread;
    }

    /// Whom `wanted` finds, sorted by address; `None` while nobody has read it.
    pub(super) fn search(&self, wanted: &Wanted) -> Option<Vec<Arc<Person>>> {
        match self {
            Self::Ready(people) => Some(search(people, wanted)),
            Self::Unread | Self::Reading { .. } => None,
        }
    }
}

fn apply(people: &mut People, jid: &BareJid, change: Change, most: usize) {
    match change {
        Change::Came(person) if people.len() < most || people.contains_key(jid) => {
            people.insert(jid.clone(), Arc::new(person));
        }
        Change::Came(_) => {}
        Change::Said(person) => {
            if let Some(known) = people.get_mut(jid) {
                *known = Arc::new(person);
            }
        }
        Change::Went => {
            people.remove(jid);
        }
    }
}

fn search(people: &People, wanted: &Wanted) -> Vec<Arc<Person>> {
    let found = people.values().filter(|person| wanted.finds(person));
    found.cloned().collect()
}

/// Reads who can be found on `host`: `everybody` who did not refuse, or only who asked for it; at most `most`.
///
/// # Errors
///
/// What the store says.
pub(super) async fn read(
    server: &Server,
    host: &Host,
    everybody: bool,
    most: usize,
) -> Result<People, StoreError> {
    let store = server.store();
    // What was written before this reading began is in it; what is written later is noted.
    let _fate = store.settled(store.submitted()).await;
    let said: BTreeMap<Owner, Listed> =
        store.read(LISTED.holders(&())).await?.into_iter().collect();
    let mut owners: Vec<(BareJid, Owner)> = server
        .accounts(host)
        .await?
        .into_iter()
        .filter(|(_, AccountRecord { disabled, .. })| !disabled)
        .map(|(jid, _)| (jid.clone(), Owner::Account(jid)))
        .filter(|(_, owner)| said.get(owner).map_or(everybody, |listed| listed.0))
        .collect();
    if owners.len() > most {
        let (host, people) = (host.domain(), owners.len());
        tracing::warn!(%host, people, most, "not everybody can be found: raise limits.user_search_people_max");
        owners.truncate(most);
    }
    let mut people = People::new();
    for chunk in owners.chunks(CHUNK) {
        let questions: Vec<_> = chunk
            .iter()
            .map(|(_, owner)| VCARD.get(owner, &()))
            .collect();
        let vcards = store.read(questions).await?;
        for ((jid, _), vcard) in chunk.iter().zip(vcards) {
            let person = Person::new(jid, vcard.as_deref());
            people.insert(jid.clone(), Arc::new(person));
        }
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_while_it_is_read_is_put_on_top() {
        let mut directory = Directory::default();
        let [a, b, c, d] = ["a@x", "b@x", "c@x", "d@x"].map(|jid| BareJid::parse(jid).unwrap());
        directory.note(&a, Change::Came(named(&a, "lost")), 10);
        assert!(directory.begin());
        assert!(!directory.begin(), "somebody reads already");
        directory.note(&a, Change::Said(named(&a, "new")), 10);
        directory.note(&b, Change::Went, 10);
        directory.note(&b, Change::Said(named(&b, "new")), 10);
        directory.note(&c, Change::Came(Person::new(&c, None)), 10);
        directory.fill_in(named(&c, "filled in"));
        directory.note(&d, Change::Said(named(&d, "nobody")), 10);
        let read = [&a, &b].map(|jid| (jid.clone(), Arc::new(named(jid, "old"))));
        let found = directory.end(read.into_iter().collect(), 10, &anybody());
        let names: Vec<_> = found
            .iter()
            .filter_map(|one| one.values().next().map(|(_, first)| first))
            .collect();
        assert_eq!(names, ["new", "filled in"]);
        assert_eq!(directory.search(&anybody()), Some(found));
    }

    #[test]
    fn there_is_a_bound() {
        let mut directory = Directory::Ready(People::new());
        for number in 0..5 {
            let jid = BareJid::parse(&format!("user{number}@x")).unwrap();
            let person = Person::new(&jid, None);
            directory.note(&jid, Change::Came(person), 3);
        }
        assert_eq!(directory.search(&anybody()).unwrap().len(), 3);
    }

    #[test]
    fn what_is_out_of_date_is_read_again() {
        let mut directory = Directory::Ready(People::new());
        directory.forget();
        assert!(directory.begin());
        directory.forget();
        directory.end(People::new(), 10, &anybody());
        assert_eq!(directory.search(&anybody()), None);
        assert!(directory.begin());
        directory.give_up();
        assert!(directory.begin());
    }

    fn named(jid: &BareJid, name: &str) -> Person {
        let vcard = format!("<vCard xmlns='vcard-temp'><FN>{name}</FN></vCard>");
        Person::new(jid, Some(&vcard))
    }

    fn anybody() -> Wanted {
        Wanted::default()
    }
}
