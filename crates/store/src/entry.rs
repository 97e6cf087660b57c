//! Log entries and the bodies they refer to.

use std::fmt;
use std::sync::Arc;

/// An entry's position in its owner's log: drawn by the caller under the owner's lock, always above every id before it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntryId(pub u64);

/// A body: a text stored once and kept while anything refers to it. Ids are drawn from
/// [`Store::new_body_id`](crate::Store::new_body_id).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BodyId(pub u64);

/// An entry to append: fixed columns, its own XML as text, and `data` as JSON.
#[derive(Clone, Eq, PartialEq)]
pub struct Entry<T> {
    /// Its position. Above every id the owner's log ever had, or the batch fails.
    pub id: EntryId,
    /// When, in microseconds since 1970 UTC.
    pub at: i64,
    /// The other party's bare JID in text form, which pages can be filtered by. May be empty.
    pub peer: Arc<str>,
    /// Who sent it, in text form, for look-up by sender and message id. May be empty.
    pub sender: Arc<str>,
    /// The id the sender gave it (origin-id or `id`). May be empty.
    pub message_id: Arc<str>,
    /// A small number of the caller's that pages can be filtered by.
    pub class: u8,
    /// Whether somebody has yet to act on it; due entries of all owners are found fast.
    pub due: bool,
    /// The body it refers to and keeps alive.
    pub body: Option<BodyId>,
    /// Its own XML.
    pub xml: Arc<str>,
    /// What the caller keeps besides.
    pub data: T,
}

impl<T> Entry<T> {
    /// An entry with nothing but its position, time and data.
    pub fn new(id: EntryId, at: i64, data: T) -> Self {
        let empty: Arc<str> = Arc::default();
        Self {
            id,
            at,
            peer: Arc::clone(&empty),
            sender: Arc::clone(&empty),
            message_id: Arc::clone(&empty),
            class: 0,
            due: false,
            body: None,
            xml: empty,
            data,
        }
    }
}

/// Texts are left out: entries hold what users wrote.
impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id.0)
            .field("at", &self.at)
            .field("class", &self.class)
            .field("due", &self.due)
            .field("body", &self.body.map(|body| body.0))
            .finish_non_exhaustive()
    }
}

/// An entry that was read, with the text of its body.
#[derive(Clone, Eq, PartialEq)]
pub struct Found<T> {
    /// The entry as it is now.
    pub entry: Entry<T>,
    /// Whether it was tombstoned: then it has no body, and its XML is the tombstone.
    pub tombstone: bool,
    /// The body's text, unless there is none or the query left it out.
    pub body: Option<Arc<str>>,
}

impl Found<Stored> {
    /// The texts it carries, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        let entry = &self.entry;
        let head = entry.peer.len() + entry.sender.len() + entry.message_id.len();
        head + entry.xml.len()
            + entry.data.json.len()
            + self.body.as_ref().map_or(0, |body| body.len())
    }
}

impl<T> fmt::Debug for Found<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("entry", &self.entry)
            .field("tombstone", &self.tombstone)
            .finish_non_exhaustive()
    }
}

/// JSON text of a value with the version it was written with.
#[derive(Clone, Eq, PartialEq)]
pub struct Stored {
    /// The version of the collection when it was written.
    pub version: u16,
    /// JSON text.
    pub json: Arc<str>,
}

/// The text is left out: values may be secrets.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored(v{}, {} bytes)", self.version, self.json.len())
    }
}
