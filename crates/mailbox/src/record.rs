//! An entry as it is stored, and back.
//!
//! An entry's own XML is a message with the entry's head (`from`, `to`, `id`, type, language). With no shared body it
//! is the whole message. With one it holds only the children that this mailbox added, and `dropped` says which children
//! of the body this mailbox does not show: the body is what the sender sent, stored once for everybody.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use jid::{BareJid, Jid};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use stanza::{Output, Stanza, Timestamp, ids};
use store::limits::ID_MAX;
use store::{
    Batch, BodyId, Collection, Entry, EntryId, Found, Log, Map, Searchable, Spoken, Version,
};
use xml::Ns;

use crate::class::Class;
use crate::error::{Refused, Unreadable};
use crate::flight::Flight;
use crate::hex;
use crate::wire_id::WireKey;

/// Every account's messages: what `archive`, `offline`, resumption and push are cursors on.
pub const LOG: Collection<Log<Data>> =
    Collection::new("mailbox.log", Version(1)).searchable(Searchable {
        version: 1,
        text: text_said,
    });

/// The class of an entry that its owner emptied: its id, time and peer are still there, so that the archive has no gap
/// that a client could fall into ([XEP-0313]), and pages of the archive leave it out.
///
/// [XEP-0313]: https://xmpp.org/extensions/xep-0313.html#business-storeret-retention
pub const HOLE: u8 = 3;

/// What an account's mailbox keeps besides its entries.
pub const STATE: Collection<Map<(), State>> = Collection::new("mailbox.state", Version(1));

/// What an account's mailbox keeps besides its entries.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct State {
    /// The key of its wire ids. It never changes while the log lives.
    pub key: WireKey,
}

/// The 128 random bits that name a session in the log, so that they mean nothing in another life of the server. Shown
/// as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u128);

impl SessionId {
    /// Calls `with` with the digits.
    pub fn with_digits<R>(self, with: impl FnOnce(&str) -> R) -> R {
        hex::with_digits(self.0.to_be_bytes(), with)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_digits(|digits| f.write_str(digits))
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_digits(|digits| serializer.serialize_str(digits))
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| D::Error::custom("not a session id"))
    }
}

/// Which stanza of which session became an entry. After a crash these tell how far the log goes beyond the count of
/// handled stanzas (the `h` of XEP-0198) that is stored apart: such a message is in the sender's log and perhaps nowhere
/// else, and comes again.
///
/// What went to several addresses at once has several entries of one ordinal: the last of them is not known by it.
///
/// Only what stays in the sender's own log proves anything: its [`Class::Archive`] entries. What is kept elsewhere, or
/// until delivery only, needs a checkpoint of the session in the same batch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Inbound {
    /// The session that sent it.
    pub session: SessionId,
    /// How many stanzas it had sent then, this one included. Not taken modulo 2^32.
    pub ordinal: u64,
}

/// What an entry keeps besides the fixed columns of the log.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Data {
    /// Where it came from, when one of our sessions with stream management sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Inbound>,
    /// Which children of the shared body are left out, by their place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<u32>,
    /// Kept for the session it was sent to only: it may not wait for another one ([`may_wait`](crate::may_wait)).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub session_only: bool,
}

/// Who must still get an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owed {
    /// Nobody: only the archive shows it, such as what its owner sent.
    Nobody,
    /// So many sessions have it in their outboxes now; the first that accepts it settles it. At least 1.
    Sessions(u16),
    /// Nobody can take it now: it waits.
    Later,
}

/// A message to be recorded in one mailbox.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// The message as this mailbox shows it: stamped `from`, its own `to`, without forged ids. Without a `<stanza-id/>`
    /// of ours, whose value is drawn here, and without a delay.
    pub message: &'a Stanza,
    /// What it is kept for: [`classify`](crate::classify).
    pub class: Class,
    /// When it came, which is the stamp of a later delivery and of archive results.
    pub at: Timestamp,
    /// The other party of the conversation.
    pub peer: &'a BareJid,
    /// Who must still get it.
    pub owed: Owed,
    /// The body to refer to, when several mailboxes keep the message.
    pub body: Option<&'a SharedBody>,
    /// Which stanza of which session it was, when that session has stream management on.
    pub inbound: Option<Inbound>,
}

/// A message stored once for several mailboxes.
#[derive(Clone, Debug)]
pub struct SharedBody {
    id: BodyId,
    base: Stanza,
    /// Until this is gone, somebody may come to refer to it.
    _flight: Option<Arc<Flight>>,
}

impl SharedBody {
    /// Stores what left the sender's pipeline under a fresh id. It stays while entries refer to it; when no entry of
    /// this batch does, it is not stored.
    #[must_use]
    pub fn store(id: BodyId, base: Stanza, batch: &mut Batch) -> Self {
        batch.put_body(id, text_of(&base));
        Self {
            id,
            base,
            _flight: None,
        }
    }

    /// The same, on a flight of its sender.
    pub(crate) fn aboard(self, flight: Arc<Flight>) -> Self {
        Self {
            _flight: Some(flight),
            ..self
        }
    }

    /// Its id in the store.
    #[must_use]
    pub fn id(&self) -> BodyId {
        self.id
    }

    /// Splits a message into the body and what it leaves out of it, by place, and from which place on it has children of
    /// its own.
    fn difference(&self, message: &Stanza) -> (Vec<u32>, usize) {
        let mut children = message.children().peekable();
        let mut dropped = Vec::new();
        let mut own_from = 0;
        for (place, child) in (0..).zip(self.base.children()) {
            match children.peek() {
                Some(kept) if kept.as_str() == child.as_str() => {
                    children.next();
                    own_from += 1;
                }
                _ => dropped.push(place),
            }
        }
        (dropped, own_from)
    }
}

impl NewEntry<'_> {
    /// Whether the owner sent it: then it is not from the other party.
    pub(crate) fn is_sent(&self) -> bool {
        let from = self.message.from();
        from.is_some_and(|from| from.bare_str() != self.peer.as_str())
    }

    /// The entry to append at this position.
    pub(crate) fn stored(&self, id: EntryId, session_only: bool) -> Entry<Data> {
        let (dropped, own_from) = match self.body {
            None => (Vec::new(), 0),
            Some(body) => body.difference(self.message),
        };
        let xml = written(|out| {
            let is_own = |place| place >= own_from;
            self.message.write_with(out, Output::default(), is_own);
        });
        let data = Data {
            inbound: self.inbound,
            dropped,
            session_only,
        };
        let message_id = message_id(self.message);
        Entry {
            // Only what the archive shows is asked for by peer, and nothing else pays for that index.
            peer: match self.class {
                Class::Archive => self.peer.to_text(),
                Class::Delivery | Class::None => Arc::default(),
            },
            sender: self.message.from().map(Jid::to_text).unwrap_or_default(),
            message_id: message_id.as_ref().into(),
            class: self.class.column(),
            due: self.owed != Owed::Nobody,
            body: self.body.map(SharedBody::id),
            xml,
            ..Entry::new(id, self.at.as_micros(), data)
        }
    }
}

/// The message that an entry stands for, as its mailbox shows it. A tombstone reads as the tombstone.
///
/// # Errors
///
/// [`Unreadable`] when the entry's XML or its body is not what this crate wrote.
pub fn message_of(found: &Found<Data>) -> Result<Stanza, Unreadable> {
    let unreadable = Unreadable { id: found.entry.id };
    let read = |text: &str| Stanza::from_stored(text.as_bytes()).map_err(|_| unreadable.clone());
    let own = read(&found.entry.xml)?;
    let body = match (&found.body, found.entry.body) {
        (Some(body), Some(_)) => read(body)?,
        (None, Some(_)) if !found.tombstone => return Err(unreadable),
        _ => return Ok(own),
    };
    let dropped = &found.entry.data.dropped;
    let kept = (0_u32..)
        .zip(body.children())
        .filter(|(place, _)| !dropped.contains(place));
    let children = kept.map(|(_, child)| child).chain(own.children());
    let head = own.clone().without_children();
    Ok(children.fold(head, |message, child| {
        message.with_child(child.to_fragment())
    }))
}

/// What an entry of an archive can be found by: the text of its `<body/>`. Of several, in several languages, all.
fn text_said(spoken: &Spoken<'_>) -> Option<String> {
    if spoken.class != Class::Archive.column() {
        return None;
    }
    let own = body_text(spoken.xml);
    own.or_else(|| body_text(spoken.body?))
}

fn body_text(xml: &str) -> Option<String> {
    let message = Stanza::from_stored(xml.as_bytes()).ok()?;
    let is_body =
        |child: &stanza::ChildRef<'_>| child.ns() == Ns::Content && child.name() == "body";
    let bodies: Vec<String> = message
        .children()
        .filter(is_body)
        .map(|child| child.text())
        .collect();
    (!bodies.is_empty()).then(|| bodies.join("\n"))
}

/// By what its sender knows a message again: its origin id, or else its `id`; empty when it has neither.
#[must_use]
pub fn message_id(message: &Stanza) -> Cow<'_, str> {
    match ids::origin_id(message) {
        Some(origin) => origin.into(),
        None => message.id().unwrap_or_default().into(),
    }
}

/// Draws the position behind the newest one.
pub(crate) fn next_position(newest: &mut EntryId) -> Result<EntryId, Refused> {
    let next = newest.0.checked_add(1).filter(|next| *next <= ID_MAX);
    *newest = EntryId(next.ok_or(Refused::NoPositions)?);
    Ok(*newest)
}

/// A stanza as text for the store.
pub(crate) fn text_of(stanza: &Stanza) -> Arc<str> {
    written(|out| stanza.write(out, Output::default()))
}

/// A thread keeps so much memory for writing.
const SCRATCH_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What `write` writes, in an allocation of its exact size.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Arc<str> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        write(scratch);
        let text = std::str::from_utf8(scratch).expect("a stanza is made of texts");
        let text = Arc::from(text);
        if scratch.capacity() > SCRATCH_BYTES_MAX {
            *scratch = Vec::new();
        }
        text
    })
}
