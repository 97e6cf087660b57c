//! What stands in the journal and not in the tables yet: not operation by operation, but what they come to. What comes
//! and goes in the meantime, such as an entry that was delivered, never gets to the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use store::{
    Batch, BodyId, Declared, Entry, EntryId, Op, Owner, Query, Stored, Trim, check_append,
    limits::ID_MAX,
};

use super::frame::range;

/// What a part of the journal comes to.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// In the order of owners, so that what lies together in the tables is written together.
    pub(crate) owners: BTreeMap<Owner, Owned>,
    /// The bodies that were put here.
    pub(crate) bodies: BTreeMap<BodyId, Body>,
    /// Bodies of the part before this one that lost a reference here: perhaps their last.
    released: BTreeSet<BodyId>,
}

/// What is pending of one owner.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    /// By collection and key.
    pub(crate) values: BTreeMap<(&'static str, Arc<str>), Value>,
    pub(crate) logs: BTreeMap<&'static str, PendingLog>,
}

/// What a map's value is to be.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) map: Declared,
    /// The value and when it may be removed; `None` when it is to go now.
    pub(crate) value: Option<(Stored, Option<i64>)>,
}

/// What is pending of one log.
#[derive(Debug)]
pub(crate) struct PendingLog {
    pub(crate) log: Declared,
    /// Appended here and not removed since.
    pub(crate) entries: BTreeMap<EntryId, Entry<Stored>>,
    /// The first and the last that were appended here, removed or not.
    pub(crate) appended: Option<(EntryId, EntryId)>,
    /// What happens to entries that were appended before.
    pub(crate) below: Vec<Below>,
}

/// From the first entry to the last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Below {
    Trim(EntryId, EntryId),
    Done(EntryId, EntryId),
}

/// A body that was put here, with the number of entries that refer to it.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) xml: Arc<str>,
    references: u64,
}

/// The newest id each log ever had, as far as it is remembered.
pub(crate) type Heads = BTreeMap<&'static str, BTreeMap<Owner, EntryId>>;

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.bodies.is_empty()
    }

    /// Whether an answer could be another one with this than without.
    pub(crate) fn concerns(&self, query: &Query) -> bool {
        match query {
            Query::Get { owner, .. }
            | Query::Range { owner, .. }
            | Query::Count { owner, .. }
            | Query::Page { owner, .. }
            | Query::PageCount { owner, .. }
            | Query::PageSize { owner, .. }
            | Query::Best { owner, .. }
            | Query::Indexed { owner, .. }
            | Query::Newest { owner, .. } => self.owners.contains_key(owner),
            Query::Body { id } => self.bodies.contains_key(id) || !self.owners.is_empty(),
            Query::Offers => false,
            _ => !self.is_empty(),
        }
    }

    /// The newest entry that was appended to a log here, removed or not.
    pub(crate) fn newest(&self, log: &Declared, owner: &Owner) -> Option<EntryId> {
        let log = self.owners.get(owner)?.logs.get(log.name)?;
        log.appended.map(|(_, newest)| newest)
    }

    /// Takes in what a sound batch does: one that [`Check`] has let pass.
    pub(crate) fn take<'a>(
        &mut self,
        ops: impl IntoIterator<Item = &'a Op>,
        before: Option<&Self>,
    ) {
        let mut put = Vec::new();
        for op in ops {
            match op {
                Op::Put {
                    collection,
                    owner,
                    key,
                    value,
                    expires,
                } => {
                    let value = Value {
                        map: *collection,
                        value: Some((value.clone(), *expires)),
                    };
                    self.set(owner, key, value);
                }
                Op::Delete {
                    collection,
                    owner,
                    key,
                } => {
                    let value = Value {
                        map: *collection,
                        value: None,
                    };
                    self.set(owner, key, value);
                }
                Op::Append {
                    collection,
                    owner,
                    entry,
                } => {
                    if let Some(body) = entry.body.and_then(|id| self.bodies.get_mut(&id)) {
                        body.references += 1;
                    }
                    let log = self.log(collection, owner);
                    let first = log.appended.map_or(entry.id, |(first, _)| first);
                    log.appended = Some((first, entry.id));
                    log.entries.insert(entry.id, Entry::clone(entry));
                }
                Op::Trim {
                    collection,
                    owner,
                    which,
                } => self.trim(collection, owner, *which, before),
                Op::Done {
                    collection,
                    owner,
                    first,
                    last,
                } => self.log(collection, owner).done(*first, *last),
                Op::PutBody { id, xml } => {
                    put.push(*id);
                    let body = Body {
                        xml: Arc::clone(xml),
                        references: 0,
                    };
                    self.bodies.insert(*id, body);
                }
                // None of what the journal keeps.
                _ => {}
            }
        }
        for id in put {
            if self
                .bodies
                .get(&id)
                .is_some_and(|body| body.references == 0)
            {
                self.bodies.remove(&id);
            }
        }
    }

    fn owned(&mut self, owner: &Owner) -> &mut Owned {
        self.owners.entry(owner.clone()).or_default()
    }

    fn set(&mut self, owner: &Owner, key: &Arc<str>, value: Value) {
        let values = &mut self.owned(owner).values;
        values.insert((value.map.name, Arc::clone(key)), value);
    }

    fn log(&mut self, log: &Declared, owner: &Owner) -> &mut PendingLog {
        let logs = &mut self.owned(owner).logs;
        logs.entry(log.name).or_insert_with(|| PendingLog {
            log: *log,
            entries: BTreeMap::new(),
            appended: None,
            below: Vec::new(),
        })
    }

    fn trim(&mut self, log: &Declared, owner: &Owner, which: Trim, before: Option<&Self>) {
        let Some((first, last)) = range(which).filter(|(first, last)| first <= last) else {
            return;
        };
        if let Some(before) = before {
            self.released.extend(before.bodies_of(log, owner, which));
        }
        for body in self.log(log, owner).trim(first, last) {
            if let Some(found) = self.bodies.get_mut(&body) {
                found.references -= 1;
                if found.references == 0 {
                    self.bodies.remove(&body);
                }
            } else {
                self.released.insert(body);
            }
        }
    }

    /// The bodies that entries refer to which are to be removed.
    fn bodies_of(&self, log: &Declared, owner: &Owner, which: Trim) -> Vec<BodyId> {
        let log = self
            .owners
            .get(owner)
            .and_then(|owned| owned.logs.get(log.name));
        let (Some(log), Some((first, last))) = (log, range(which)) else {
            return Vec::new();
        };
        if first > last {
            return Vec::new();
        }
        let entries = log.entries.range(first..=last);
        entries.filter_map(|(_, entry)| entry.body).collect()
    }
}

impl PendingLog {
    fn trim(&mut self, first: EntryId, last: EntryId) -> Vec<BodyId> {
        self.add_below(first, last, Below::Trim);
        let gone: Vec<EntryId> = self
            .entries
            .range(first..=last)
            .map(|(id, _)| *id)
            .collect();
        gone.iter()
            .filter_map(|id| self.entries.remove(id)?.body)
            .collect()
    }

    fn done(&mut self, first: EntryId, last: EntryId) {
        if first > last {
            return;
        }
        self.add_below(first, last, Below::Done);
        for (_, entry) in self.entries.range_mut(first..=last) {
            entry.due = false;
        }
    }

    /// Keeps what concerns entries from before, as one with what was kept last where it can be.
    fn add_below(&mut self, first: EntryId, last: EntryId, kind: fn(EntryId, EntryId) -> Below) {
        let last = match self.appended {
            Some((appended, _)) if appended <= first => return,
            Some((appended, _)) => last.min(EntryId(appended.0 - 1)),
            None => last,
        };
        let new = kind(first, last);
        let joined = match (self.below.last(), new) {
            (Some(Below::Trim(from, to)), Below::Trim(..))
            | (Some(Below::Done(from, to)), Below::Done(..)) => (first.0 <= to.0.saturating_add(1)
                && *from <= first)
                .then(|| kind(*from, last.max(*to))),
            _ => None,
        };
        match (joined, self.below.last_mut()) {
            (Some(joined), Some(known)) => *known = joined,
            _ => self.below.push(new),
        }
    }
}

/// Looks whether batches are sound by what is known without the tables. What it does not let pass may be sound or not:
/// the tables tell.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    /// Newest first.
    parts: [Option<&'a Pending>; 2],
    /// The newest id of a body so far.
    newest_body: BodyId,
    /// What these batches appended to each log.
    appended: BTreeMap<(&'static str, &'a Owner), Vec<Appended>>,
    put: BTreeMap<BodyId, Put>,
    released: BTreeSet<BodyId>,
    batch: usize,
}

/// An entry that one of these batches appended, and its body.
type Appended = (EntryId, Option<BodyId>);

/// A body that one of these batches put.
#[derive(Debug)]
struct Put {
    batch: usize,
    is_referred_to: bool,
}

impl<'a> Check<'a> {
    /// Behind these parts, newest first.
    pub(crate) fn new(parts: [Option<&'a Pending>; 2], newest_body: BodyId) -> Self {
        Self {
            parts,
            newest_body,
            appended: BTreeMap::new(),
            put: BTreeMap::new(),
            released: BTreeSet::new(),
            batch: 0,
        }
    }

    /// Whether these batches are sound behind what came before, as far as `heads` knows the logs they append to.
    pub(crate) fn passes(&mut self, batches: &'a [Arc<Batch>], heads: &Heads) -> bool {
        batches.iter().all(|batch| {
            self.batch += 1;
            batch.ops().iter().all(|op| self.op(op, heads))
        })
    }

    /// The newest body id with these batches.
    pub(crate) fn newest_body(&self) -> BodyId {
        self.newest_body
    }

    fn op(&mut self, op: &'a Op, heads: &Heads) -> bool {
        match op {
            Op::Append {
                collection,
                owner,
                entry,
            } => {
                let here = self.appended.get(&(collection.name, owner));
                let newest = match here.and_then(|appended| appended.last()) {
                    Some((newest, _)) => Some(*newest),
                    None => heads
                        .get(collection.name)
                        .and_then(|owners| owners.get(owner).copied()),
                };
                // Of a log that was forgotten again the tables know the newest.
                let Some(newest) = newest else {
                    return false;
                };
                let sound = check_append(collection, entry.id, Some(newest)).is_ok()
                    && entry.body.is_none_or(|body| self.refer(body));
                let appended = self.appended.entry((collection.name, owner)).or_default();
                appended.push((entry.id, entry.body));
                sound
            }
            Op::PutBody { id, .. } => {
                let put = Put {
                    batch: self.batch,
                    is_referred_to: false,
                };
                let sound = *id > self.newest_body && id.0 <= ID_MAX;
                self.newest_body = (*id).max(self.newest_body);
                self.put.insert(*id, put);
                sound
            }
            Op::Trim {
                collection,
                owner,
                which,
            } => {
                for part in self.parts.iter().flatten() {
                    self.released
                        .extend(part.bodies_of(collection, owner, *which));
                }
                let here = self.appended.get(&(collection.name, owner)).into_iter();
                let within = range(*which).map(|(first, last)| first..=last);
                let gone = here
                    .flatten()
                    .filter(|(id, _)| within.as_ref().is_some_and(|within| within.contains(id)));
                self.released.extend(gone.filter_map(|(_, body)| *body));
                true
            }
            _ => true,
        }
    }

    /// Whether a body is there for certain.
    fn refer(&mut self, body: BodyId) -> bool {
        if let Some(put) = self.put.get_mut(&body) {
            let there = put.is_referred_to || put.batch == self.batch;
            put.is_referred_to = true;
            return there && !self.released.contains(&body);
        }
        let there = self
            .parts
            .iter()
            .flatten()
            .any(|part| part.bodies.contains_key(&body));
        let lost = self
            .parts
            .iter()
            .flatten()
            .any(|part| part.released.contains(&body));
        there && !lost && !self.released.contains(&body)
    }
}

#[cfg(test)]
mod tests {
    use store::{Collection, Log, Version};

    use super::*;

    const LOG: Collection<Log<()>> = Collection::new("test.log", Version(1));

    #[test]
    fn only_what_is_above_a_known_newest_passes() {
        let known =
            |id| Heads::from([("test.log", BTreeMap::from([(Owner::Server, EntryId(id))]))]);
        passes(3, &known(2), true);
        passes(3, &known(0), true);
        passes(3, &known(3), false);
        passes(3, &Heads::new(), false);
    }

    #[track_caller]
    fn passes(id: u64, heads: &Heads, expected: bool) {
        let mut batch = Batch::new();
        batch.append(LOG, &Owner::Server, Entry::new(EntryId(id), 0, ()));
        let batches = [Arc::new(batch)];
        let pending = Pending::default();
        let mut check = Check::new([Some(&pending), None], BodyId(0));
        assert_eq!(check.passes(&batches, heads), expected, "{id} {heads:?}");
    }
}
