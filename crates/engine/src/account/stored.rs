//! What is stored of sessions that can be resumed, so that they outlive the server.
//!
//! - What a session *is* stands in its note ([`noted`]): its id, its presence with bytes, marks, how long it may wait. It is
//!   written before its client hears of the id, and from then on at the latest with the next count.
//! - How much it has *handled* ([`COUNTS`]): in the batch of each message it sends, otherwise before an `h` is told.
//! - What was *on its way* to it ([`QUEUES`]): only when the server stops in good order. After a crash, what its client did
//!   not ack is what is due in the mailbox.
//! - What sessions that ended had handled ([`ENDED`]), for clients that come too late.

use jid::{FullJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::{Stanza, Timestamp};
use store::{Batch, Collection, EntryId, Map, Owner, Seq, StoreError, Version};

use super::{Account, noted};
use crate::{
    pipeline::{Context, Gates},
    server::Server,
    session::{
        Acks, Session, Slot, SmId,
        frame::{Fate, Frame},
        resumption::Request,
        sm::wire,
    },
};

/// How much each session has handled, by its id.
pub(crate) const COUNTS: Collection<Map<SmId, Counts>> =
    Collection::new("account.sm-counts", Version(1));

/// What was on its way to each session when the server stopped in good order, by its id.
pub(crate) const QUEUES: Collection<Map<SmId, Queue>> =
    Collection::new("account.sm-queues", Version(1));

/// What sessions that ended had handled.
pub(crate) const ENDED: Collection<Map<u64, EndedSession>> =
    Collection::new("account.sm-ended", Version(1));

/// Collections that are true of this store only: what is restored from a backup is older than what clients were told.
pub const NOT_IN_BACKUPS: [&str; 2] = [COUNTS.declared().name, QUEUES.declared().name];

/// So many ended sessions of an account are remembered, as with Prosody; a further one may replace any of them.
const ENDED_MAX: u128 = 10;

/// One session's counts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Counts {
    /// Stanzas handled, not modulo 2^32.
    pub(super) handled: u64,
    /// Requests among them whose answer the client did not ack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) requests: Vec<Request>,
    /// The highest entry of the mailbox that the client has acked.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) position: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(position: &u64) -> bool {
    *position == 0
}

/// What was on its way to one session.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Queue {
    /// How many stanzas its client had acked, modulo 2^32.
    pub(super) confirmed: u32,
    /// Written and not acked, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unacked: Vec<Item>,
    /// Behind them, not written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) waiting: Vec<Item>,
    /// Presence has to be asked for anew.
    pub(super) lost_presence: bool,
    /// The server had crashed before, and the client has not been back since: what it says it got counts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) trusts_client: bool,
}

/// One stanza on its way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Item {
    /// An entry of the mailbox.
    Entry {
        /// Its position.
        id: u64,
        /// The `to` to write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Jid>,
    },
    /// As it is written.
    Stanza {
        /// With its own `to`.
        xml: String,
        /// The `to` to write.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Jid>,
        /// When it came, in microseconds UTC.
        at: i64,
        /// It is for this session: if that ends first, it is routed again or answered.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_own: bool,
    },
}

/// A session that ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct EndedSession {
    id: String,
    /// How many stanzas it had handled, modulo 2^32.
    h: u32,
}

impl Acks {
    /// What is stored of the counts of a session that can be resumed, when it has handled so much.
    fn counts(&self, handled: u64) -> Option<(SmId, Counts)> {
        let resumption = self.resumption.as_ref()?;
        let counts = Counts {
            handled,
            requests: resumption.requests.iter().cloned().collect(),
            position: resumption.position.0,
        };
        Some((resumption.id, counts))
    }
}

/// A message of this session is recorded: the count goes along in the same batch.
pub(crate) fn count_along(session: &Session, batch: &mut Batch) {
    let mut outbox = session.outbox();
    let Some(acks) = outbox.acks.as_deref_mut() else {
        return;
    };
    let taken = acks.taken();
    let Some((id, counts)) = acks.counts(taken) else {
        return;
    };
    if let Some(resumption) = &mut acks.resumption {
        resumption.counted.goes_along(taken);
    }
    put_counts(batch, session.full_jid(), id, &counts);
}

fn put_counts(batch: &mut Batch, full_jid: &FullJid, id: SmId, counts: &Counts) {
    let owner = Owner::Account(full_jid.bare());
    batch.put(COUNTS, &owner, &id, counts);
}

/// Stores that the session has handled so much, and what it is if that changed, in a batch of its own.
pub(crate) fn checkpoint(
    account: &mut Account,
    cx: &Context<'_>,
    session: &Session,
    handled: u64,
) -> Option<Seq> {
    let mut batch = Batch::new();
    let is_starting = session
        .outbox()
        .resumption()
        .is_some_and(|it| it.is_starting);
    match is_starting {
        true => noted::write_one(account, cx.server(), &mut batch, session.id()),
        false => noted::write_if_behind(account, cx.server(), &mut batch, session.id()),
    }
    let (id, counts) = session.outbox().acks.as_ref()?.counts(handled)?;
    put_counts(&mut batch, session.full_jid(), id, &counts);
    let seq = cx.server().store().submit(batch);
    account.last_seq = account.last_seq.max(seq);
    if let Some(resumption) = session.outbox().resumption_mut() {
        resumption.counted.went(handled, seq);
    }
    Some(seq)
}

/// How far the client acked what it got; of what it sent, what is in a batch already.
pub(super) fn write_position(session: &Session, batch: &mut Batch) {
    let outbox = session.outbox();
    let Some(acks) = &outbox.acks else { return };
    let Some(noted) = acks.resumption.as_ref().map(|it| it.counted.noted()) else {
        return;
    };
    if let Some((id, counts)) = acks.counts(noted) {
        put_counts(batch, session.full_jid(), id, &counts);
    }
}

/// A session that could be resumed has ended: only how much it had handled is kept.
pub(super) fn ended(account: &Account, cx: &Context<'_>, full_jid: &FullJid, id: SmId, taken: u64) {
    let owner = account.owner();
    let mut batch = cx.aside();
    batch.delete(noted::SESSIONS, owner, &full_jid.resource().to_owned());
    forget(&mut batch, owner, id);
    put_ended(&mut batch, owner, id, taken);
}

pub(super) fn forget(batch: &mut Batch, owner: &Owner, id: SmId) {
    batch.delete(COUNTS, owner, &id);
    batch.delete(QUEUES, owner, &id);
}

pub(super) fn put_ended(batch: &mut Batch, owner: &Owner, id: SmId, taken: u64) {
    let place = u64::try_from(id.0 % ENDED_MAX).unwrap_or(0);
    let session = EndedSession {
        id: id.to_text(),
        h: wire(taken),
    };
    batch.put(ENDED, owner, &place, &session);
}

/// What is on its way to a session without a transport, when the server stops.
pub(super) fn write_queue(account: &Account, batch: &mut Batch, session: &Session) {
    let outbox = session.outbox();
    let Some(acks) = &outbox.acks else { return };
    let Some(resumption) = acks.resumption.as_deref() else {
        return;
    };
    let (confirmed, unacked) = acks.sent();
    let queue = Queue {
        confirmed,
        unacked: unacked.map(|frame| Item::of(frame, None)).collect(),
        waiting: resumption.waiting.iter().map(Item::of_slot).collect(),
        lost_presence: resumption.lost_presence,
        trusts_client: resumption.trusts_client,
    };
    let id = resumption.id;
    let counts = acks.counts(acks.taken());
    drop(outbox);
    batch.put(QUEUES, account.owner(), &id, &queue);
    if let Some((id, counts)) = counts {
        put_counts(batch, session.full_jid(), id, &counts);
    }
}

impl Item {
    fn of(frame: &Frame, at: Option<Timestamp>) -> Self {
        match &frame.fate {
            // Whoever else was to get it, the mailbox has it.
            Fate::Reroute {
                entry: Some(id), ..
            } => Self::Entry {
                id: id.0,
                to: frame.to.clone(),
            },
            fate => Self::Stanza {
                xml: String::from_utf8(frame.stanza.to_stored()).unwrap_or_default(),
                to: frame.to.clone(),
                at: at.map_or(0, Timestamp::as_micros),
                is_own: matches!(fate, Fate::Reroute { .. }),
            },
        }
    }

    fn of_slot(slot: &Slot) -> Self {
        match slot {
            Slot::Frame { frame, at } => Self::of(frame, Some(*at)),
            Slot::Entry { id, to, .. } => Self::Entry {
                id: id.0,
                to: to.clone(),
            },
        }
    }

    /// As it waits again. `None` when it can't be read.
    pub(super) fn into_slot(self) -> Option<Slot> {
        match self {
            Self::Entry { id, to } => Some(Slot::Entry {
                id: EntryId(id),
                to,
                gates: Gates::OPEN,
            }),
            Self::Stanza {
                xml,
                to,
                at,
                is_own,
            } => {
                let stanza = Stanza::from_stored(xml.as_bytes()).ok()?;
                let fate = match is_own {
                    true => Fate::Reroute {
                        delivery: None,
                        entry: None,
                    },
                    false => Fate::Drop,
                };
                let frame = Frame {
                    stanza: stanza.into(),
                    to,
                    gates: Gates::OPEN,
                    fate,
                };
                Some(Slot::Frame {
                    frame,
                    at: Timestamp::from_micros(at),
                })
            }
        }
    }
}

impl Server {
    /// What an ended session of this id had handled, modulo 2^32, if it is remembered.
    pub(crate) async fn handled_of_ended(
        &self,
        owner: &Owner,
        id: SmId,
    ) -> Result<Option<u32>, StoreError> {
        // It may have ended a moment ago.
        let _fate = self.store().settled(self.store().submitted()).await;
        let ended = self.store().read(ENDED.all(owner)).await?;
        let text = id.to_text();
        let found = ended.into_iter().find(|(_, session)| session.id == text);
        Ok(found.map(|(_, session)| session.h))
    }

    /// Notes that a session has handled so much; the batch that says so.
    pub(crate) fn note_handled(
        self: &std::sync::Arc<Self>,
        cell: &std::sync::Arc<super::AccountCell>,
        session: &Session,
        handled: u64,
    ) -> Option<Seq> {
        self.visit(cell, Gates::OPEN, |account, cx| {
            checkpoint(account, cx, session, handled)
        })?
    }
}

/// The session's note is on disk before the count that is about to go along with a message. Only a session that can be
/// resumed has such a count.
pub(crate) fn before_message(account: &mut Account, cx: &Context<'_>, session: &Session) {
    if session.has_acks() && session.outbox().resumption().is_some() {
        noted::write_if_behind(account, cx.server(), &mut cx.aside(), session.id());
    }
}

/// Everything about sessions that wait, before the server stops in good order.
pub(crate) fn write_queues(account: &mut Account, cx: &Context<'_>) {
    let waiting: Vec<_> = account
        .resources()
        .map(|resource| resource.session().clone())
        .filter(|session| session.is_detached())
        .collect();
    for session in waiting {
        noted::write_one(account, cx.server(), &mut cx.batch(), session.id());
        write_queue(account, &mut cx.batch(), &session);
    }
}
