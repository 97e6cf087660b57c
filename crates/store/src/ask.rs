//! Typed questions: made by a collection, answered by [`Store::read`](crate::Store::read), alone or several in one
//! snapshot.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::collection::{Collection, Declared, Log, Map};
use crate::entry::{BodyId, Entry, EntryId, Found, Stored};
use crate::error::StoreError;
use crate::key::Key;
use crate::owner::Owner;
use crate::query::{Answer, Entries, Page, Query, Size};

/// One typed question. What it asks is visible, so that a caller with a list of unlike questions can send the
/// [`query`](Self::query) of each through [`Store::read_all`](crate::Store::read_all) and [`decode`](Self::decode) later.
pub struct Ask<T> {
    query: Query,
    collection: Option<Declared>,
    decode: fn(Answer, Option<&Declared>) -> Result<T, StoreError>,
}

impl<T> Ask<T> {
    /// The question as the back end sees it.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Reads the answer to [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// [`StoreError::Undecodable`] or [`StoreError::NewerCollection`] when a value does not read as declared;
    /// [`StoreError::Damaged`] when the answer is to another question.
    pub fn decode(&self, answer: Answer) -> Result<T, StoreError> {
        (self.decode)(answer, self.collection.as_ref())
    }
}

impl<K: Key, V: DeserializeOwned> Collection<Map<K, V>> {
    /// One value.
    pub fn get(self, owner: &Owner, key: &K) -> Ask<Option<V>> {
        let query = Query::Get {
            collection: self.declared(),
            owner: owner.clone(),
            key: key.to_key(),
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Value(value) => value
                .map(|value| read_value(&value, declared, ""))
                .transpose(),
            _ => Err(mismatch()),
        })
    }

    /// All values of an owner, in key order.
    pub fn all(self, owner: &Owner) -> Ask<Vec<(K, V)>> {
        self.range(owner, "")
    }

    /// The values whose key starts with `prefix` in text form, in key order (see [`prefix_of`](crate::prefix_of)).
    pub fn range(self, owner: &Owner, prefix: &str) -> Ask<Vec<(K, V)>> {
        let query = Query::Range {
            collection: self.declared(),
            owner: owner.clone(),
            prefix: prefix.to_owned(),
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Values(values) => values
                .into_iter()
                .map(|(key, value)| {
                    let read = read_value(&value, declared, &key)?;
                    Ok((
                        K::from_key(&key).ok_or_else(|| undecodable(declared, &key))?,
                        read,
                    ))
                })
                .collect(),
            _ => Err(mismatch()),
        })
    }

    /// How many values an owner has.
    pub fn count(self, owner: &Owner) -> Ask<u64> {
        let query = Query::Count {
            collection: self.declared(),
            owner: owner.clone(),
        };
        ask(query, self.declared(), |answer, _| as_count(answer))
    }

    /// All owners holding a key, in owner order, with their values.
    pub fn holders(self, key: &K) -> Ask<Vec<(Owner, V)>> {
        let query = Query::Holders {
            collection: self.declared(),
            key: key.to_key(),
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Holders(holders) => holders
                .into_iter()
                .map(|(owner, value)| {
                    let read = read_value(&value, declared, &owner.to_string())?;
                    Ok((owner, read))
                })
                .collect(),
            _ => Err(mismatch()),
        })
    }

    /// All owners that have a value, in owner order.
    pub fn owners(self) -> Ask<Vec<Owner>> {
        ask(
            Query::Owners {
                collection: self.declared(),
            },
            self.declared(),
            |answer, _| as_owners(answer),
        )
    }
}

impl<T: DeserializeOwned> Collection<Log<T>> {
    /// A page of an owner's log.
    pub fn page(self, owner: &Owner, page: Page) -> Ask<Entries<T>> {
        let query = Query::Page {
            collection: self.declared(),
            owner: owner.clone(),
            page,
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Entries(entries) => read_entries(entries, declared),
            _ => Err(mismatch()),
        })
    }

    /// One entry by its id.
    pub fn entry(self, owner: &Owner, id: EntryId) -> Ask<Option<Found<T>>> {
        self.one(
            owner,
            Page {
                id: Some(id),
                entries_max: 1,
                ..Page::default()
            },
        )
    }

    /// The newest entry that is still there.
    pub fn last(self, owner: &Owner) -> Ask<Option<Found<T>>> {
        self.one(
            owner,
            Page {
                backwards: true,
                entries_max: 1,
                ..Page::default()
            },
        )
    }

    /// The newest entry of this sender with this message id.
    pub fn by_message_id(
        self,
        owner: &Owner,
        sender: &str,
        message_id: &str,
    ) -> Ask<Option<Found<T>>> {
        let page = Page {
            sender: Some(sender.to_owned()),
            message_id: Some(message_id.to_owned()),
            backwards: true,
            entries_max: 1,
            ..Page::default()
        };
        self.one(owner, page)
    }

    /// How many entries a page's filters leave, whatever its limit.
    pub fn page_count(self, owner: &Owner, page: Page) -> Ask<u64> {
        let query = Query::PageCount {
            collection: self.declared(),
            owner: owner.clone(),
            page,
        };
        ask(query, self.declared(), |answer, _| as_count(answer))
    }

    /// How many entries a page's filters leave, whatever its limit, and how many bytes they hold.
    pub fn page_size(self, owner: &Owner, page: Page) -> Ask<Size> {
        let query = Query::PageSize {
            collection: self.declared(),
            owner: owner.clone(),
            page,
        };
        ask(query, self.declared(), |answer, _| match answer {
            Answer::Size(size) => Ok(size),
            _ => Err(mismatch()),
        })
    }

    /// The entries of a page with a [`text`](Page::text), the best first: of the newest
    /// [`limits::HITS_RANKED_MAX`](crate::limits::HITS_RANKED_MAX) those that use the words most for their length.
    pub fn best(self, owner: &Owner, page: Page) -> Ask<Entries<T>> {
        let query = Query::Best {
            collection: self.declared(),
            owner: owner.clone(),
            page,
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Entries(entries) => read_entries(entries, declared),
            _ => Err(mismatch()),
        })
    }

    /// The newest entry that is findable by its text.
    pub fn indexed(self, owner: &Owner) -> Ask<Option<EntryId>> {
        let query = Query::Indexed {
            collection: self.declared(),
            owner: owner.clone(),
        };
        ask(query, self.declared(), read_newest)
    }

    /// The newest id an owner's log ever had, also when its entry was trimmed.
    pub fn newest(self, owner: &Owner) -> Ask<Option<EntryId>> {
        let query = Query::Newest {
            collection: self.declared(),
            owner: owner.clone(),
        };
        ask(query, self.declared(), read_newest)
    }

    /// All owners that have an entry, in owner order.
    pub fn log_owners(self) -> Ask<Vec<Owner>> {
        ask(
            Query::Owners {
                collection: self.declared(),
            },
            self.declared(),
            |answer, _| as_owners(answer),
        )
    }

    /// All owners with due entries, in owner order: what recovery at a start asks.
    pub fn owners_due(self) -> Ask<Vec<Owner>> {
        ask(
            Query::OwnersDue {
                collection: self.declared(),
            },
            self.declared(),
            |answer, _| as_owners(answer),
        )
    }

    fn one(self, owner: &Owner, page: Page) -> Ask<Option<Found<T>>> {
        let query = Query::Page {
            collection: self.declared(),
            owner: owner.clone(),
            page,
        };
        ask(query, self.declared(), |answer, declared| match answer {
            Answer::Entries(entries) => Ok(read_entries(entries, declared)?.found.pop()),
            _ => Err(mismatch()),
        })
    }
}

/// Asks how many entries of all owners are findable by their text, at most.
pub(crate) fn indexed_of_all() -> Ask<u64> {
    Ask {
        query: Query::IndexedOfAll,
        collection: None,
        decode: |answer, _| as_count(answer),
    }
}

/// Asks for a body's text.
pub fn body(id: BodyId) -> Ask<Option<Arc<str>>> {
    Ask {
        query: Query::Body { id },
        collection: None,
        decode: |answer, _| match answer {
            Answer::Body(text) => Ok(text),
            _ => Err(mismatch()),
        },
    }
}

fn ask<T>(
    query: Query,
    declared: Declared,
    decode: fn(Answer, Option<&Declared>) -> Result<T, StoreError>,
) -> Ask<T> {
    Ask {
        query,
        collection: Some(declared),
        decode,
    }
}

fn as_count(answer: Answer) -> Result<u64, StoreError> {
    match answer {
        Answer::Count(count) => Ok(count),
        _ => Err(mismatch()),
    }
}

fn as_owners(answer: Answer) -> Result<Vec<Owner>, StoreError> {
    match answer {
        Answer::Owners(owners) => Ok(owners),
        _ => Err(mismatch()),
    }
}

fn read_newest(answer: Answer, _: Option<&Declared>) -> Result<Option<EntryId>, StoreError> {
    match answer {
        Answer::Newest(id) => Ok(id.map(EntryId)),
        _ => Err(mismatch()),
    }
}

fn read_entries<T: DeserializeOwned>(
    entries: Entries<Stored>,
    declared: Option<&Declared>,
) -> Result<Entries<T>, StoreError> {
    let more = entries.more;
    let found = entries
        .found
        .into_iter()
        .map(|found| read_entry(found, declared))
        .collect::<Result<_, _>>()?;
    Ok(Entries { found, more })
}

fn read_entry<T: DeserializeOwned>(
    found: Found<Stored>,
    declared: Option<&Declared>,
) -> Result<Found<T>, StoreError> {
    let Found {
        entry,
        tombstone,
        body,
    } = found;
    let data = read_value(&entry.data, declared, &entry.id.0.to_string())?;
    let entry = Entry {
        id: entry.id,
        at: entry.at,
        peer: entry.peer,
        sender: entry.sender,
        message_id: entry.message_id,
        class: entry.class,
        due: entry.due,
        body: entry.body,
        xml: entry.xml,
        data,
    };
    Ok(Found {
        entry,
        tombstone,
        body,
    })
}

/// Reads a value, taking it through the upgrades between the version it was written with and today's.
fn read_value<V: DeserializeOwned>(
    stored: &Stored,
    declared: Option<&Declared>,
    key: &str,
) -> Result<V, StoreError> {
    let declared = declared.ok_or_else(mismatch)?;
    let known = declared.version.0;
    if stored.version > known {
        let collection = declared.name.to_owned();
        return Err(StoreError::NewerCollection {
            collection,
            found: stored.version,
            known,
        });
    }
    if stored.version == known {
        return serde_json::from_str(&stored.json).map_err(|_| undecodable(Some(declared), key));
    }
    let upgraded = upgrade(stored, declared).ok_or_else(|| undecodable(Some(declared), key))?;
    serde_json::from_value(upgraded).map_err(|_| undecodable(Some(declared), key))
}

fn upgrade(stored: &Stored, declared: &Declared) -> Option<Value> {
    let steps = usize::from(declared.version.0 - stored.version);
    let first = declared.upgrades.len().checked_sub(steps)?;
    let mut value = serde_json::from_str(&stored.json).ok()?;
    for step in declared.upgrades.get(first..)? {
        value = step(value)?;
    }
    Some(value)
}

fn undecodable(declared: Option<&Declared>, key: &str) -> StoreError {
    StoreError::Undecodable {
        collection: declared.map_or("", |declared| declared.name),
        key: key.to_owned(),
    }
}

pub(crate) fn mismatch() -> StoreError {
    StoreError::Damaged {
        detail: "an answer does not fit its question".to_owned(),
    }
}
