//! Questions as a back end sees them, and its answers. Features use the typed forms of [`ask`](crate::Ask).

use std::sync::Arc;

use crate::collection::Declared;
use crate::entry::{BodyId, EntryId, Found, Stored};
use crate::limits::PAGE_BYTES_MAX;
use crate::owner::Owner;
use crate::words::Needle;

/// One question to a back end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Query {
    /// One value: [`Answer::Value`].
    Get {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Text form of the key.
        key: String,
    },
    /// The values whose key starts with `prefix`, in key order: [`Answer::Values`].
    Range {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Text form; empty for all.
        prefix: String,
    },
    /// How many values an owner has: [`Answer::Count`].
    Count {
        /// The map.
        collection: Declared,
        /// Whose.
        owner: Owner,
    },
    /// All owners holding a key, in owner order, with their values: [`Answer::Holders`].
    Holders {
        /// The map.
        collection: Declared,
        /// Text form of the key.
        key: String,
    },
    /// All owners that have anything in a map or log, in owner order: [`Answer::Owners`].
    Owners {
        /// The collection.
        collection: Declared,
    },
    /// A page of a log: [`Answer::Entries`].
    Page {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which entries.
        page: Page,
    },
    /// How many entries a page's filters leave, whatever its limit: [`Answer::Count`].
    PageCount {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which entries.
        page: Page,
    },
    /// How many entries a page's filters leave, whatever its limit, and how much they hold: [`Answer::Size`].
    PageSize {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which entries.
        page: Page,
    },
    /// The entries of a page with a text, the best first: [`Answer::Entries`], made with [`ranked`](crate::ranked).
    Best {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
        /// Which entries.
        page: Page,
    },
    /// The newest entry that is findable by its text: [`Answer::Newest`].
    Indexed {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
    },
    /// How many entries of all owners are findable by their text, at most: [`Answer::Count`].
    IndexedOfAll,
    /// The newest id an owner's log ever had, trimmed or not: [`Answer::Newest`].
    Newest {
        /// The log.
        collection: Declared,
        /// Whose.
        owner: Owner,
    },
    /// All owners with due entries, in owner order: [`Answer::Owners`].
    OwnersDue {
        /// The log.
        collection: Declared,
    },
    /// A body's text: [`Answer::Body`].
    Body {
        /// Which.
        id: BodyId,
    },
    /// The highest body id there is: [`Answer::Newest`].
    NewestBody,
    /// What this back end can do that not every one can: [`Answer::Offers`].
    Offers,
    /// Every collection on disk with the newest version it was written with: [`Answer::Collections`].
    Collections,
}

/// A back end's answer; each [`Query`] says which it gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A value or none.
    Value(Option<Stored>),
    /// Keys in text form with values.
    Values(Vec<(String, Stored)>),
    /// A count.
    Count(u64),
    /// Owners with values.
    Holders(Vec<(Owner, Stored)>),
    /// Owners.
    Owners(Vec<Owner>),
    /// Entries in id order, whichever way the page went.
    Entries(Entries<Stored>),
    /// The newest id.
    Newest(Option<u64>),
    /// A body's text.
    Body(Option<Arc<str>>),
    /// Names and versions, in name order.
    Collections(Vec<(String, u16)>),
    /// How much there is.
    Size(Size),
    /// What the back end can do.
    Offers(Offers),
}

/// What a back end can do that not every one can.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Offers {
    /// Pages with a [`text`](Page::text).
    pub full_text: bool,
}

/// How much a part of a log holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Size {
    /// How many entries.
    pub entries: u64,
    /// The bytes of their XML and their bodies. A body that several mailboxes share counts in each.
    pub bytes: u64,
}

/// A page that was read.
#[derive(Clone, Debug)]
pub struct Entries<T> {
    /// The entries, in id order whichever way the page went.
    pub found: Vec<Found<T>>,
    /// Whether the filters leave more entries beyond this page, in its direction.
    pub more: bool,
}

/// Which entries of a log, and which page of them. All filters must hold; the default is the first page of all.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only ids above this one.
    pub after: Option<EntryId>,
    /// Only ids below this one.
    pub before: Option<EntryId>,
    /// Only entries at or after this time, in microseconds since 1970 UTC. A back end may take it that times grow with ids,
    /// but for an hour.
    pub start: Option<i64>,
    /// Only entries at or before this time.
    pub end: Option<i64>,
    /// Only entries with this peer.
    pub peer: Option<String>,
    /// Only entries of this sender.
    pub sender: Option<String>,
    /// Only entries with this message id.
    pub message_id: Option<String>,
    /// Only entries of this class.
    pub class: Option<u8>,
    /// Only entries that are due.
    pub due: bool,
    /// Only entries whose text has these words, as far as the log is [indexed](crate::Store::index). Nothing, where the
    /// log is not [searchable](crate::Searchable) or the back end does not offer it.
    pub text: Option<Needle>,
    /// Only this entry.
    pub id: Option<EntryId>,
    /// From the newest back instead of from the oldest on.
    pub backwards: bool,
    /// How many at most, as far as [`limits::PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX) allows; 0 and everything past [`limits::PAGE_ENTRIES_MAX`](crate::limits::PAGE_ENTRIES_MAX) is that.
    pub entries_max: usize,
    /// How many bytes of text: the entry that reaches it is the page's last. 0 and everything past
    /// [`limits::PAGE_BYTES_MAX`](crate::limits::PAGE_BYTES_MAX) is that.
    pub bytes_max: usize,
    /// Leaves the bodies' texts out.
    pub without_bodies: bool,
}

impl Page {
    /// The limit that holds.
    pub fn limit(&self) -> usize {
        match self.entries_max {
            0 => crate::limits::PAGE_ENTRIES_MAX,
            some => some.min(crate::limits::PAGE_ENTRIES_MAX),
        }
    }

    fn bytes_limit(&self) -> usize {
        match self.bytes_max {
            0 => PAGE_BYTES_MAX,
            some => some.min(PAGE_BYTES_MAX),
        }
    }

    /// For back ends: makes a page of the entries that the filters leave, in the page's direction. Takes no more of
    /// them than it needs: one past the limit.
    ///
    /// # Errors
    ///
    /// The first error among the entries.
    pub fn fill<E>(
        &self,
        entries: impl IntoIterator<Item = Result<Found<Stored>, E>>,
    ) -> Result<Entries<Stored>, E> {
        let mut found = Vec::new();
        let mut size_bytes = 0;
        let mut more = false;
        for entry in entries {
            if found.len() >= self.limit() || size_bytes >= self.bytes_limit() {
                more = true;
                break;
            }
            let entry = entry?;
            size_bytes += entry.size_bytes();
            found.push(entry);
        }
        if self.backwards {
            found.reverse();
        }
        Ok(Entries { found, more })
    }
}
