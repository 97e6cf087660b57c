//! What is due, in memory: the entries whose owner must still get them, with who has them in hand.
//!
//! Nothing here is stored. After a crash every due entry is back, in nobody's hands.

use std::collections::BTreeMap;
use std::ops::Bound;

use stanza::{Stanza, Timestamp};
use store::{EntryId, Found, Seq};

use crate::class::Class;
use crate::error::{Refused, Unreadable};
use crate::limits::{DUE_BYTES_MAX, DUE_ENTRIES_MAX};
use crate::record::{Data, NewEntry, message_of};

/// The gate of an entry whose batch was not handed over yet: no store ever opens it.
pub(crate) const UNSUBMITTED: Seq = Seq(u64::MAX);

/// The due entries of one account, by position.
#[derive(Debug, Default)]
pub(crate) struct Due {
    items: BTreeMap<EntryId, Item>,
    bytes: usize,
    /// How many wait for any resource, in nobody's hands.
    waiting: usize,
    /// How many somebody has in hand.
    in_hand: usize,
}

/// One due entry.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) class: Class,
    pub(crate) at: Timestamp,
    pub(crate) session_only: bool,
    /// How many sessions have it in their outboxes.
    offers: u16,
    /// The batch it was recorded with; nothing to wait for when it was read back.
    pub(crate) gate: Seq,
    content: Content,
}

/// Recorded in this life of the account, or read back. What was read back is parsed only when somebody wants it.
#[derive(Debug)]
enum Content {
    Live(Box<Stanza>),
    Stored(Box<Found<Data>>),
}

impl Item {
    /// What `new` records, in the hands of so many sessions.
    pub(crate) fn live(new: &NewEntry<'_>, session_only: bool, offers: u16) -> Self {
        Self {
            class: new.class,
            at: new.at,
            session_only,
            offers,
            gate: UNSUBMITTED,
            content: Content::Live(Box::new(new.message.clone())),
        }
    }

    pub(crate) fn read_back(found: Found<Data>) -> Self {
        Self {
            class: Class::of_column(found.entry.class),
            at: Timestamp::from_micros(found.entry.at),
            session_only: found.entry.data.session_only,
            offers: 0,
            gate: Seq::NONE,
            content: Content::Stored(Box::new(found)),
        }
    }

    /// Whether no session has it in its outbox.
    pub(crate) fn is_free(&self) -> bool {
        self.offers == 0
    }

    /// Whether it waits for any resource.
    fn waits(&self) -> bool {
        self.is_free() && !self.session_only
    }

    pub(crate) fn message(&self) -> Result<Stanza, Unreadable> {
        match &self.content {
            Content::Live(message) => Ok(Stanza::clone(message)),
            Content::Stored(found) => message_of(found),
        }
    }

    fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Live(message) => message.bytes_len(),
            Content::Stored(found) => {
                let body = found.body.as_ref().map_or(0, |body| body.len());
                size_of::<Found<Data>>() + found.entry.xml.len() + body
            }
        }
    }
}

impl Due {
    /// Whether a message of this size may become due.
    pub(crate) fn room_for(&self, size_bytes: usize) -> Result<(), Refused> {
        if self.items.len() >= DUE_ENTRIES_MAX {
            return Err(Refused::TooMany {
                limit: DUE_ENTRIES_MAX,
            });
        }
        if self.bytes.saturating_add(size_bytes) > DUE_BYTES_MAX {
            return Err(Refused::TooLarge {
                limit_bytes: DUE_BYTES_MAX,
            });
        }
        Ok(())
    }

    pub(crate) fn insert(&mut self, id: EntryId, item: Item) {
        self.bytes += item.size_bytes();
        self.waiting += usize::from(item.waits());
        self.in_hand += usize::from(!item.is_free());
        self.items.insert(id, item);
    }

    pub(crate) fn remove(&mut self, id: EntryId) -> Option<Item> {
        let item = self.items.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(item.size_bytes());
        self.waiting -= usize::from(item.waits());
        self.in_hand -= usize::from(!item.is_free());
        Some(item)
    }

    pub(crate) fn get(&self, id: EntryId) -> Option<&Item> {
        self.items.get(&id)
    }

    /// Notes that one session more, or one less, has the entry in its outbox.
    pub(crate) fn offer(&mut self, id: EntryId, is_offered: bool) {
        let Some(item) = self.items.get_mut(&id) else {
            return;
        };
        let (waited, was_free) = (item.waits(), item.is_free());
        item.offers = match is_offered {
            true => item.offers.saturating_add(1),
            false => item.offers.saturating_sub(1),
        };
        self.waiting = self.waiting + usize::from(item.waits()) - usize::from(waited);
        self.in_hand = self.in_hand + usize::from(was_free) - usize::from(item.is_free());
    }

    /// How many wait for any resource.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many some session has in its outbox.
    pub(crate) fn in_hand(&self) -> usize {
        self.in_hand
    }

    /// Whether there is one between two positions.
    pub(crate) fn has_between(&self, first: EntryId, last: EntryId) -> bool {
        let between = (Bound::Excluded(first), Bound::Excluded(last));
        first < last && self.items.range(between).next().is_some()
    }

    /// Those behind a position.
    pub(crate) fn behind(&mut self, id: EntryId) -> impl Iterator<Item = &mut Item> {
        self.items
            .range_mut((Bound::Excluded(id), Bound::Unbounded))
            .map(|(_, item)| item)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, &Item)> {
        self.items.iter().map(|(id, item)| (*id, item))
    }

    /// The positions of those that match, in order.
    pub(crate) fn ids(&self, matches: impl Fn(EntryId, &Item) -> bool) -> Vec<EntryId> {
        self.iter()
            .filter(|(id, item)| matches(*id, item))
            .map(|(id, _)| id)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
