//! The unit of work: operations on any owners and collections that become visible and durable together or not at all.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;

use crate::collection::{Collection, Declared, Log, Map};
use crate::entry::{BodyId, Entry, EntryId, Stored};
use crate::error::StoreError;
use crate::key::Key;
use crate::owner::Owner;

/// Operations that are stored together. Built anywhere, handed over once with [`Store::submit`](crate::Store::submit).
///
/// Operations take effect in the order they were added.
#[derive(Debug, Default)]
pub struct Batch {
    ops: Vec<Op>,
    size_bytes: usize,
    fault: Option<StoreError>,
}

/// One operation, as a back end sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Sets a map's value.
    Put {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Text form of the key.
        key: Arc<str>,
        /// The value.
        value: Stored,
        /// When [`Batch::expire`] may remove it, in microseconds since 1970 UTC.
        expires: Option<i64>,
    },
    /// Removes a map's value, if there is one.
    Delete {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Text form of the key.
        key: Arc<str>,
    },
    /// Removes all values of one owner whose key starts with `prefix`.
    Clear {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Text form; empty for all.
        prefix: Arc<str>,
    },
    /// Removes what has expired, in every map.
    Expire {
        /// Everything that expires at or before this, in microseconds since 1970 UTC.
        now: i64,
    },
    /// Appends a log entry, which takes a reference to its body.
    Append {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// The entry.
        entry: Box<Entry<Stored>>,
    },
    /// Removes log entries, which drop their references.
    Trim {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which.
        which: Trim,
    },
    /// Marks those entries as no longer due that are there.
    Done {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// The first.
        first: EntryId,
        /// The last.
        last: EntryId,
    },
    /// Replaces an entry's XML, drops its body reference and its message id, if it is there.
    Tombstone {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which.
        id: EntryId,
        /// What stands there instead.
        xml: Arc<str>,
        /// The class it has from now on, if another.
        class: Option<u8>,
    },
    /// Makes further entries of a searchable log findable by their text, the oldest of those that are not yet first.
    Index {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// How many at most.
        entries_max: u32,
    },
    /// Forgets the words of entries that are findable, the newest first.
    Unindex {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// How many at most; with [`UNINDEX_ALL`](crate::limits::UNINDEX_ALL) everybody's.
        entries_max: u32,
    },
    /// Sees to it that nothing removed so far can be read from the files, soon after the batch is stored.
    Scrub,
    /// Stores a body with no reference yet. One that has none at the end of the batch is dropped.
    PutBody {
        /// Its id, not taken.
        id: BodyId,
        /// Its text.
        xml: Arc<str>,
    },
    /// Takes a reference to a body for a holder other than a log entry.
    RefBody {
        /// Which.
        id: BodyId,
    },
    /// Gives back such a reference; the body goes with its last one.
    UnrefBody {
        /// Which.
        id: BodyId,
    },
    /// Removes everything of an owner, in every collection.
    DeleteOwner {
        /// Whose.
        owner: Owner,
    },
}

/// Which entries of a log to remove.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trim {
    /// One entry.
    One(EntryId),
    /// Every entry from one to another, both included.
    Range(EntryId, EntryId),
    /// Every entry up to and with this one.
    Through(EntryId),
    /// Every entry older than this, in microseconds since 1970 UTC.
    Before(i64),
    /// All.
    All,
}

impl Batch {
    /// A batch with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it; then there is nothing to wait for either.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.fault.is_none()
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// What it counts against [`limits::PENDING_BYTES_MAX`](crate::limits::PENDING_BYTES_MAX).
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The operations, for back ends.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Why it cannot be stored, if a value in it does not write as JSON.
    pub fn fault(&self) -> Option<&StoreError> {
        self.fault.as_ref()
    }

    /// Adds all operations of another batch behind those of this one.
    pub fn extend(&mut self, other: Self) {
        self.ops.extend(other.ops);
        self.size_bytes += other.size_bytes;
        self.fault = self.fault.take().or(other.fault);
    }

    /// Sets a value. One that does not write as JSON makes the whole batch fail.
    pub fn put<K: Key, V: Serialize>(
        &mut self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
        key: &K,
        value: &V,
    ) {
        self.put_op(map.declared(), owner, key.to_shared(), value, None);
    }

    /// Sets a value that [`Batch::expire`] removes from `expires` on, in microseconds since 1970 UTC. Until then, and
    /// until somebody calls it, the value is there.
    pub fn put_until<K: Key, V: Serialize>(
        &mut self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
        key: &K,
        value: &V,
        expires: i64,
    ) {
        self.put_op(map.declared(), owner, key.to_shared(), value, Some(expires));
    }

    /// Removes a value, if there is one.
    pub fn delete<K: Key, V>(&mut self, map: Collection<Map<K, V>>, owner: &Owner, key: &K) {
        self.push(Op::Delete {
            collection: map.declared(),
            owner: owner.clone(),
            key: key.to_shared(),
        });
    }

    /// Removes all of an owner's values.
    pub fn clear<K: Key, V>(&mut self, map: Collection<Map<K, V>>, owner: &Owner) {
        self.clear_prefix(map, owner, "");
    }

    /// Removes an owner's values whose key starts with `prefix` (see [`prefix_of`](crate::prefix_of)).
    pub fn clear_prefix<K: Key, V>(
        &mut self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
        prefix: &str,
    ) {
        self.push(Op::Clear {
            collection: map.declared(),
            owner: owner.clone(),
            prefix: prefix.into(),
        });
    }

    /// Removes what has expired at `now` (microseconds since 1970 UTC), of all owners in all maps.
    pub fn expire(&mut self, now: i64) {
        self.push(Op::Expire { now });
    }

    /// Appends an entry. Its id must be above every id the owner's log ever had and its body be stored, or put in this
    /// batch before; otherwise the batch fails.
    pub fn append<T: Serialize>(
        &mut self,
        log: Collection<Log<T>>,
        owner: &Owner,
        entry: Entry<T>,
    ) {
        let Some(data) = self.written(log.declared(), &entry.data) else {
            return;
        };
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
        self.push(Op::Append {
            collection: log.declared(),
            owner: owner.clone(),
            entry: Box::new(entry),
        });
    }

    /// Removes entries; a body goes with its last reference. Ids of removed entries are never free again.
    pub fn trim<T>(&mut self, log: Collection<Log<T>>, owner: &Owner, which: Trim) {
        self.push(Op::Trim {
            collection: log.declared(),
            owner: owner.clone(),
            which,
        });
    }

    /// Marks all entries from one to another as no longer due.
    pub fn done<T>(
        &mut self,
        log: Collection<Log<T>>,
        owner: &Owner,
        which: RangeInclusive<EntryId>,
    ) {
        self.push(Op::Done {
            collection: log.declared(),
            owner: owner.clone(),
            first: *which.start(),
            last: *which.end(),
        });
    }

    /// Puts a tombstone in an entry's place: position, time, peer and sender stay, body and message id go.
    pub fn tombstone<T>(&mut self, log: Collection<Log<T>>, owner: &Owner, id: EntryId, xml: &str) {
        self.push(Op::Tombstone {
            collection: log.declared(),
            owner: owner.clone(),
            id,
            xml: xml.into(),
            class: None,
        });
    }

    /// Leaves of an entry its position, time, peer and sender, under another class, by which pages leave it out.
    pub fn hollow<T>(&mut self, log: Collection<Log<T>>, owner: &Owner, id: EntryId, class: u8) {
        self.push(Op::Tombstone {
            collection: log.declared(),
            owner: owner.clone(),
            id,
            xml: "".into(),
            class: Some(class),
        });
    }

    /// Makes further entries findable by their text, at most so many: see [`Store::index`](crate::Store::index).
    pub fn index<T>(&mut self, log: Collection<Log<T>>, owner: &Owner, entries_max: u32) {
        self.push(Op::Index {
            collection: log.declared(),
            owner: owner.clone(),
            entries_max,
        });
    }

    /// Forgets the words of entries that are findable, at most so many: see [`Store::unindex`](crate::Store::unindex). With
    /// [`UNINDEX_ALL`](crate::limits::UNINDEX_ALL) the index goes that the log is in, whoever else's log is in it.
    pub fn unindex<T>(&mut self, log: Collection<Log<T>>, owner: &Owner, entries_max: u32) {
        self.push(Op::Unindex {
            collection: log.declared(),
            owner: owner.clone(),
            entries_max,
        });
    }

    /// Sees to it that nothing of what was removed, by this batch or before, can be read from the files: as soon after
    /// this batch is stored as no reader needs it any more.
    pub fn scrub(&mut self) {
        self.push(Op::Scrub);
    }

    /// Stores a body under an id from [`Store::new_body_id`](crate::Store::new_body_id). It is kept while entries, or
    /// references taken with [`Batch::ref_body`], refer to it; with none at the end of this batch it is not stored.
    pub fn put_body(&mut self, id: BodyId, xml: impl Into<Arc<str>>) {
        self.push(Op::PutBody {
            id,
            xml: xml.into(),
        });
    }

    /// Takes a reference to a body for a holder that is not a log entry.
    pub fn ref_body(&mut self, id: BodyId) {
        self.push(Op::RefBody { id });
    }

    /// Gives back a reference taken with [`Batch::ref_body`].
    pub fn unref_body(&mut self, id: BodyId) {
        self.push(Op::UnrefBody { id });
    }

    /// Removes everything of an owner, in every collection: account removal.
    pub fn delete_owner(&mut self, owner: &Owner) {
        self.push(Op::DeleteOwner {
            owner: owner.clone(),
        });
    }

    /// A batch that stands in the order but is not stored.
    pub(crate) fn failing(fault: StoreError) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    pub(crate) fn put_op<V: Serialize>(
        &mut self,
        collection: Declared,
        owner: &Owner,
        key: Arc<str>,
        value: &V,
        expires: Option<i64>,
    ) {
        if let Some(value) = self.written(collection, value) {
            self.push(Op::Put {
                collection,
                owner: owner.clone(),
                key,
                value,
                expires,
            });
        }
    }

    pub(crate) fn delete_op(&mut self, collection: Declared, owner: &Owner, key: Arc<str>) {
        self.push(Op::Delete {
            collection,
            owner: owner.clone(),
            key,
        });
    }

    fn written<V: Serialize>(&mut self, collection: Declared, value: &V) -> Option<Stored> {
        match json(value) {
            Ok(json) => Some(Stored {
                version: collection.version.0,
                json,
            }),
            Err(_) => {
                self.fault.get_or_insert(StoreError::Unwritable {
                    collection: collection.name,
                });
                None
            }
        }
    }

    fn push(&mut self, op: Op) {
        self.size_bytes += op.size_bytes();
        self.ops.push(op);
    }
}

/// A thread keeps so much memory for writing values.
const SCRATCH_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A value as JSON, in an allocation of its exact size.
fn json<V: Serialize>(value: &V) -> serde_json::Result<Arc<str>> {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let written = serde_json::to_writer(&mut scratch, value);
    let json = written.map(|()| std::str::from_utf8(&scratch).expect("JSON is text").into());
    if scratch.capacity() <= SCRATCH_BYTES_MAX {
        SCRATCH.set(scratch);
    }
    json
}

impl Op {
    /// A fair estimate of what the operation holds in memory.
    fn size_bytes(&self) -> usize {
        let texts = match self {
            Self::Put { key, value, .. } => key.len() + value.json.len(),
            Self::Delete { key, .. } => key.len(),
            Self::Append { entry, .. } => {
                size_of::<Entry<Stored>>()
                    + entry.peer.len()
                    + entry.sender.len()
                    + entry.message_id.len()
                    + entry.xml.len()
                    + entry.data.json.len()
            }
            Self::Tombstone { xml, .. } | Self::PutBody { xml, .. } => xml.len(),
            Self::Clear { prefix, .. } => prefix.len(),
            Self::Expire { .. }
            | Self::Trim { .. }
            | Self::Done { .. }
            | Self::RefBody { .. }
            | Self::UnrefBody { .. }
            | Self::Index { .. }
            | Self::Unindex { .. }
            | Self::Scrub
            | Self::DeleteOwner { .. } => 0,
        };
        size_of::<Self>() + texts
    }
}
