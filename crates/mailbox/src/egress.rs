//! Messages on their way out: one durable log per remote domain, home, component or service, for messages whose sender was
//! promised that they are safe.
//!
//! An entry stays until the other side has it: trimmed by its acknowledgement, or where it acknowledges nothing, when
//! the socket took it. The log is read back at a start; what grows too old goes back to its sender once. Messages leave
//! in the order they came. What is not here: connections, retries and the bounce itself.

use std::collections::VecDeque;

use jid::Domain;
use stanza::{Stanza, Timestamp};
use store::{
    Ask, Batch, Collection, Entries, EntryId, Found, Log, Owner, Page, Question, Seq, Trim, Version,
};

use crate::class::Class;
use crate::due::UNSUBMITTED;
use crate::error::{Refused, Unreadable};
use crate::limits::{EGRESS_BYTES_MAX, EGRESS_ENTRIES_MAX};
use crate::record::{Data, NewEntry, message_of, next_position};

/// Every destination's messages on their way out.
pub const EGRESS: Collection<Log<Data>> = Collection::new("mailbox.egress", Version(1));

/// Where messages go that leave the accounts of this server.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Destination {
    /// Another home of this server's accounts, by its name.
    Home(Domain),
    /// Another server.
    Remote(Domain),
    /// An external component.
    Component(Domain),
    /// A service inside this server that handles its messages later than they are routed.
    Service(Domain),
}

impl Destination {
    /// Whom its log belongs to. A domain is a component or a service, never both, so these share a kind of owner.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Home(home) => Owner::Home(home.clone()),
            Self::Remote(domain) => Owner::Remote(domain.clone()),
            Self::Component(domain) | Self::Service(domain) => Owner::Service(domain.clone()),
        }
    }

    /// The destination of a log found at a start (`EGRESS.log_owners()`); `None` when such an owner has none.
    /// `is_component` says what the configuration makes of a domain of ours.
    #[must_use]
    pub fn of_owner(owner: &Owner, is_component: impl Fn(&Domain) -> bool) -> Option<Self> {
        match owner {
            Owner::Home(home) => Some(Self::Home(home.clone())),
            Owner::Remote(domain) => Some(Self::Remote(domain.clone())),
            Owner::Service(domain) if is_component(domain) => Some(Self::Component(domain.clone())),
            Owner::Service(domain) => Some(Self::Service(domain.clone())),
            _ => None,
        }
    }

    /// Its domain, or a home's name.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Home(domain)
            | Self::Remote(domain)
            | Self::Component(domain)
            | Self::Service(domain) => domain,
        }
    }
}

/// What loading asks, in one snapshot.
pub type EgressQuestion = (Ask<Option<EntryId>>, Ask<Entries<Data>>);

/// The answer to it.
pub type EgressAnswer = <EgressQuestion as Question>::Answer;

/// One destination's messages on their way out, as they are kept in memory.
#[derive(Debug)]
pub struct Egress {
    destination: Destination,
    owner: Owner,
    newest: EntryId,
    /// The newest position whose batch was handed over.
    submitted: EntryId,
    /// In order; the first `sent` of them were given to the connection.
    entries: VecDeque<Outgoing>,
    sent: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Outgoing {
    id: EntryId,
    at: Timestamp,
    gate: Seq,
    size_bytes: usize,
    message: Result<Stanza, Unreadable>,
}

/// A message that was not given to the connection yet.
#[derive(Clone, Copy, Debug)]
pub struct Unsent<'a> {
    /// Its position.
    pub id: EntryId,
    /// When it came: one that waited long carries a delay stamp.
    pub at: Timestamp,
    /// It may go out only when this gate is open; nothing behind it may overtake it.
    pub gate: Seq,
    /// The message. A damaged entry is to be passed over.
    pub message: &'a Result<Stanza, Unreadable>,
}

/// A message that goes back to its sender.
#[derive(Clone, Debug)]
pub struct Undeliverable {
    /// Its position, which nothing has any more.
    pub id: EntryId,
    /// The message; damaged ones cannot be answered.
    pub message: Result<Stanza, Unreadable>,
}

impl Egress {
    /// What must be read to load a destination's log.
    #[must_use]
    pub fn question(destination: &Destination) -> EgressQuestion {
        let owner = destination.owner();
        let all = Page {
            entries_max: EGRESS_ENTRIES_MAX,
            ..Page::default()
        };
        (EGRESS.newest(&owner), EGRESS.page(&owner, all))
    }

    /// The log as it was read: nothing of it counts as sent.
    #[must_use]
    pub fn load(destination: Destination, answer: EgressAnswer) -> Self {
        let (newest, entries) = answer;
        let owner = destination.owner();
        let mut egress = Self {
            destination,
            owner,
            newest: newest.unwrap_or_default(),
            submitted: newest.unwrap_or_default(),
            entries: VecDeque::new(),
            sent: 0,
            bytes: 0,
        };
        for found in &entries.found {
            egress.push(Outgoing::read_back(found));
        }
        egress
    }

    /// Appends a message behind all others. Its class and who is owed do not matter: everything here is for delivery.
    ///
    /// # Errors
    ///
    /// [`Refused`] when as much waits as may; the sender gets an error, and nothing has changed.
    pub fn append(&mut self, new: &NewEntry<'_>, batch: &mut Batch) -> Result<EntryId, Refused> {
        let size_bytes = new.message.bytes_len();
        let (entries, bytes) = (self.entries.len(), self.bytes);
        if entries >= EGRESS_ENTRIES_MAX || bytes.saturating_add(size_bytes) > EGRESS_BYTES_MAX {
            return Err(Refused::EgressFull { entries, bytes });
        }
        let id = next_position(&mut self.newest)?;
        let new = NewEntry {
            class: Class::Delivery,
            ..*new
        };
        batch.append(EGRESS, &self.owner, new.stored(id, false));
        self.push(Outgoing {
            id,
            at: new.at,
            gate: UNSUBMITTED,
            size_bytes,
            message: Ok(new.message.clone()),
        });
        Ok(id)
    }

    /// Takes back a message whose batch failed; its sender must get an error.
    pub fn withdrawn(&mut self, id: EntryId) -> Option<Stanza> {
        let place = self
            .entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()?;
        if place < self.sent {
            self.sent -= 1;
        }
        let taken = self.entries.remove(place)?;
        self.bytes = self.bytes.saturating_sub(taken.size_bytes);
        taken.message.ok()
    }

    /// Notes under which number the batch was handed over that messages were last appended to.
    pub fn submitted(&mut self, seq: Seq) {
        let behind = self
            .entries
            .partition_point(|entry| entry.id <= self.submitted);
        for entry in self.entries.iter_mut().skip(behind) {
            entry.gate = seq;
        }
        self.submitted = self.newest;
    }

    /// What was not given to the connection yet, in order.
    pub fn unsent(&self) -> impl Iterator<Item = Unsent<'_>> {
        self.entries.iter().skip(self.sent).map(|entry| Unsent {
            id: entry.id,
            at: entry.at,
            gate: entry.gate,
            message: &entry.message,
        })
    }

    /// Notes that everything up to this position was given to the connection.
    pub fn sent(&mut self, through: EntryId) {
        self.sent = self
            .sent
            .max(self.entries.partition_point(|entry| entry.id <= through));
    }

    /// Notes that the connection is gone: what it did not acknowledge is to be sent again.
    pub fn lost(&mut self) {
        self.sent = 0;
    }

    /// Trims what the other side has: everything up to this position. A trim that fails does no harm, because the next
    /// one covers it.
    pub fn acknowledged(&mut self, through: EntryId, batch: &mut Batch) {
        let _ = self.take(
            self.entries.partition_point(|entry| entry.id <= through),
            batch,
        );
    }

    /// Takes out what came before `older_than` and is not acknowledged, for the senders to get it back: once, because
    /// the same batch that stores the bounces trims it.
    pub fn expire(&mut self, older_than: Timestamp, batch: &mut Batch) -> Vec<Undeliverable> {
        self.take(
            self.entries
                .iter()
                .take_while(|entry| entry.at < older_than)
                .count(),
            batch,
        )
    }

    /// Takes out everything: the destination is gone for good.
    pub fn give_up(&mut self, batch: &mut Batch) -> Vec<Undeliverable> {
        self.take(self.entries.len(), batch)
    }

    /// Where it goes.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// When the oldest message came, from which the age limit counts.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        self.entries.front().map(|entry| entry.at)
    }

    /// How many messages are here, sent or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is here, so that it need not be kept in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How much memory the messages take.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, entry: Outgoing) {
        self.bytes += entry.size_bytes;
        self.entries.push_back(entry);
    }

    /// Takes the oldest `count` messages out of memory and log.
    fn take(&mut self, count: usize, batch: &mut Batch) -> Vec<Undeliverable> {
        let taken: Vec<Outgoing> = self
            .entries
            .drain(..count.min(self.entries.len()))
            .collect();
        self.sent = self.sent.saturating_sub(taken.len());
        if let Some(last) = taken.last() {
            batch.trim(EGRESS, &self.owner, Trim::Through(last.id));
        }
        for entry in &taken {
            self.bytes = self.bytes.saturating_sub(entry.size_bytes);
        }
        taken
            .into_iter()
            .map(|entry| Undeliverable {
                id: entry.id,
                message: entry.message,
            })
            .collect()
    }
}

impl Outgoing {
    fn read_back(found: &Found<Data>) -> Self {
        let message = message_of(found);
        let size_bytes = message.as_ref().map_or(0, Stanza::bytes_len);
        Self {
            id: found.entry.id,
            at: Timestamp::from_micros(found.entry.at),
            gate: Seq::NONE,
            size_bytes,
            message,
        }
    }
}
