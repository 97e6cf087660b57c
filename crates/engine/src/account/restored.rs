//! Sessions of an earlier life of the server that are still to be resumed: they come back with their account, without a
//! transport, and nobody sees that anything happened.
//!
//! A server that stopped in good order left what was on its way to each ([`Queue`](super::stored::Queue)), and its client
//! gets nothing twice. After a crash it gets what is due in the mailbox and was for it; who else is there is asked anew
//! when it resumes; and each request of its own that was under way is answered with an error.
//!
//! After a power cut, which another boot of the machine shows, sessions end as those without stream management do: what
//! the store has may be older than what the client was told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use jid::Jid;
use stanza::{ErrorType, IqType, Stanza, StanzaError, Timestamp};
use store::{EntryId, Owner, StoreError};

use super::{
    Account, Presence, detached,
    iq::target_of,
    mail, noted,
    noted::{ResumableNote, SessionNote},
    resent::{Handled, SentBefore, sent_lately},
    stored::{self, Counts, Item, Queue},
};
use crate::{
    metrics::own::Resuming,
    permission::Role,
    pipeline::{
        Context, Gates,
        decide::{Decision, decide},
        events::SessionDetached,
    },
    server::Server,
    session::{
        Acks, Resumption, Session, SessionId, Slot, SmId,
        frame::{Delivery, Fate, Frame},
        resumption::Request,
    },
};

/// A start lets every session wait for so long, however little was left: its client has to find out first.
const GRANTED_BY_START: Duration = Duration::from_secs(300);

/// What the store has of one session.
pub(crate) struct StoredSession {
    pub(super) resource: String,
    pub(super) note: SessionNote,
    pub(super) counts: Option<Counts>,
    pub(super) queue: Option<Queue>,
}

/// After a crash: what the account's own archive has of sessions though their counts do not cover it. Their clients send
/// it again.
pub(super) async fn look_for_uncovered(
    server: &Server,
    owner: &Owner,
    sessions: &[StoredSession],
) -> Result<Vec<SentBefore>, StoreError> {
    // A stop in good order before the client came back changes nothing about that.
    let is_crash =
        |stored: &&StoredSession| stored.queue.as_ref().is_none_or(|it| it.trusts_client);
    let crashed = sessions.iter().filter(is_crash);
    let crashed: Vec<(SmId, Handled)> = crashed
        .filter_map(|stored| {
            let id = stored.note.resumable.as_ref()?.id()?;
            Some((id, Handled::Through(stored.counts.as_ref()?.handled)))
        })
        .collect();
    match crashed.is_empty() {
        true => Ok(Vec::new()),
        false => sent_lately(server.store(), owner, &crashed).await,
    }
}

/// A session that is back, and until when it waits.
pub(crate) type Waits = (Arc<Session>, Instant);

/// The account was read: sessions noted in an earlier life of the server wait on, or end now. `role` is what its user may
/// do, if it may sign in.
pub(crate) fn bring_back(
    account: &mut Account,
    cx: &Context<'_>,
    sessions: Vec<StoredSession>,
    role: Option<Role>,
) -> Vec<Waits> {
    let mut back = Vec::new();
    let mut gone = Vec::new();
    let mut crashed = Vec::new();
    let shared = shared(&sessions);
    for stored in sessions {
        let is_crash = stored.queue.is_none();
        match role.and_then(|role| bring_one_back(account, cx, &stored, role, &shared)) {
            Some(waits) => {
                if is_crash {
                    crashed.push(waits.0.id());
                }
                back.push(waits);
            }
            None => gone.push(stored),
        }
    }
    if !crashed.is_empty() {
        share_out(account, cx, &crashed);
    }
    for stored in gone {
        if let Some(id) = stored.note.resumable.as_ref().and_then(ResumableNote::id) {
            let handled = stored.counts.map_or(0, |counts| counts.handled);
            stored::forget(&mut cx.batch(), account.owner(), id);
            stored::put_ended(&mut cx.batch(), account.owner(), id, handled);
        }
        noted::take_back(account, cx, &stored.resource, stored.note);
    }
    for (session, _) in &back {
        cx.tell(
            SessionDetached {
                session: session.id(),
            },
            account,
        );
    }
    back
}

fn bring_one_back(
    account: &mut Account,
    cx: &Context<'_>,
    stored: &StoredSession,
    role: Role,
    shared: &Shared,
) -> Option<Waits> {
    let server = cx.server();
    let note = stored.note.resumable.as_ref()?;
    let id = note.id()?;
    // Without its count it is of a backup.
    let counts = stored.counts.clone()?;
    let is_same_boot = note.boot.as_deref() == server.boot_id();
    if stored.queue.is_none() && !is_same_boot {
        tracing::info!(account = %account.jid(), "the machine was started anew since; a session is not resumed");
        return None;
    }
    let full_jid = account.jid().with_resource(&stored.resource).ok()?;
    let bytes_max = usize::try_from(server.limits().outbox_bytes_max).unwrap_or(usize::MAX);
    let number = server.new_session_id();
    let binder = note.client.binder();
    let session = Session::new(number, full_jid.clone(), role, bytes_max, binder);
    let hold = Duration::from_secs(note.hold_seconds);
    let left = left(note, hold, cx.timestamp());
    let mut resumption = Resumption::back(id, hold, counts.handled);
    resumption.until = Some(cx.timestamp().plus(left));
    resumption.position = EntryId(counts.position);
    let (confirmed, unacked) = match stored.queue.clone() {
        Some(queue) => {
            resumption.requests = counts.requests.into();
            taken_up(account, &mut resumption, queue, shared)
        }
        None => {
            resumption.trusts_client = true;
            resumption.lost_presence = true;
            for request in counts.requests {
                let frame = given_up(account, request);
                resumption.waiting.push(frame, cx.timestamp());
            }
            (0, VecDeque::new())
        }
    };
    let acks = Acks::restored(resumption, counts.handled, confirmed, unacked);
    session.turn_acks_on(acks);
    account.connect(session.clone(), note.client.name());
    server.sessions.fetch_add(1, Ordering::Relaxed);
    server.detached.fetch_add(1, Ordering::Relaxed);
    server.metrics().resuming(Resuming::Restored);
    dress(account, cx, session.id(), &stored.note);
    let mut batch = cx.batch();
    batch.delete(stored::QUEUES, account.owner(), &id);
    noted::write_one(account, server, &mut batch, session.id());
    tracing::debug!(jid = %full_jid, "a session of before the start waits to be resumed");
    Some((session, cx.now() + left))
}

/// How long it waits on.
fn left(note: &ResumableNote, hold: Duration, now: Timestamp) -> Duration {
    let until = note.until.map(Timestamp::from_micros);
    let left = until.map_or(hold, |until| until.since(now).min(hold));
    left.max(GRANTED_BY_START)
}

/// What the account knows of it besides.
fn dress(account: &mut Account, cx: &Context<'_>, id: SessionId, note: &SessionNote) {
    let Some(resumable) = &note.resumable else {
        return;
    };
    let presence = resumable.presence.as_ref().and_then(|presence| {
        let stanza = Stanza::from_stored(presence.xml.as_bytes()).ok()?;
        let since = Timestamp::from_micros(presence.since);
        Some(Presence::new(&stanza, since))
    });
    let Some(resource) = account.resource_mut(id) else {
        return;
    };
    resource.presence = presence;
    resource.interested = resumable.interested;
    resource.directed = note.directed.iter().cloned().collect();
    for name in &resumable.marks {
        if let Some(name) = cx.host().mark(name) {
            resource.marks.restore(name);
        }
    }
    resource.noted = true;
}

/// What was on its way when the server stopped is on its way again.
fn taken_up(
    account: &mut Account,
    resumption: &mut Resumption,
    queue: Queue,
    shared: &Shared,
) -> (u32, VecDeque<Frame>) {
    let mut confirmed = queue.confirmed;
    let mut unacked = VecDeque::new();
    resumption.lost_presence = queue.lost_presence;
    resumption.trusts_client = queue.trusts_client;
    for item in queue.unacked {
        match slot_of(account, item, shared) {
            Some(slot) => unacked.extend(detached::unstamped(account, slot)),
            // Nobody can be given it any more.
            None => confirmed = confirmed.wrapping_add(1),
        }
    }
    for item in queue.waiting {
        if let Some(slot) = slot_of(account, item, shared) {
            resumption.waiting.push_slot(slot);
        }
    }
    (confirmed, unacked)
}

/// Entries that are on their way to several sessions.
type Shared = BTreeMap<EntryId, Arc<Delivery>>;

fn shared(sessions: &[StoredSession]) -> Shared {
    let queues = sessions.iter().filter_map(|stored| stored.queue.as_ref());
    let items = queues.flat_map(|queue| queue.unacked.iter().chain(&queue.waiting));
    let mut holders: BTreeMap<EntryId, usize> = BTreeMap::new();
    for item in items {
        if let Item::Entry { id, .. } = item {
            *holders.entry(EntryId(*id)).or_default() += 1;
        }
    }
    let several = holders.into_iter().filter(|(_, count)| *count > 1);
    several
        .map(|(id, count)| (id, Arc::new(Delivery::new(count, count))))
        .collect()
}

/// It is in the hands of this session, if it is there.
fn slot_of(account: &mut Account, item: Item, shared: &Shared) -> Option<Slot> {
    let slot = item.into_slot()?;
    let Slot::Entry { id, to, gates } = slot else {
        return Some(slot);
    };
    let entry = account.mailbox.due(id)?;
    let slot = match shared.get(&id) {
        None => Slot::Entry { id, to, gates },
        // It would be gone for one with the other's ack.
        Some(delivery) => Slot::Frame {
            at: entry.at,
            frame: Frame {
                stanza: Arc::new(entry.message().ok()?),
                to,
                gates,
                fate: Fate::Reroute {
                    delivery: Some(delivery.clone()),
                    entry: Some(id),
                },
            },
        },
    };
    account.mailbox.offered([id]);
    Some(slot)
}

/// Whoever was to answer this will not, or already has.
fn given_up(account: &Account, request: Request) -> Frame {
    let error = StanzaError::new(stanza::Condition::InternalServerError).with_type(ErrorType::Wait);
    let from = request
        .to
        .unwrap_or_else(|| Jid::from(account.jid().clone()));
    let answer = Stanza::iq(IqType::Error, &request.id)
        .with_from(from)
        .with_child(error.to_fragment());
    Frame {
        stanza: Arc::new(answer),
        to: None,
        gates: Gates::OPEN,
        fate: Fate::Drop,
    }
}

/// What is due after a crash goes to those who were to get it, as of when it came. What one of them has for good is due
/// only because that had not been written yet: if it waited on, what comes now would have to wait behind it.
fn share_out(account: &mut Account, cx: &Context<'_>, sessions: &[SessionId]) {
    let mut taken = Vec::new();
    let mut due: Vec<(EntryId, Timestamp, Stanza)> = account
        .mailbox
        .waiting()
        .chain(account.mailbox.strays())
        .filter_map(|entry| {
            let message = entry.message().ok()?;
            let message = mail::with_archive_id(account, entry.wire_id, message);
            Some((entry.id, entry.at, message))
        })
        .collect();
    due.sort_by_key(|(id, ..)| *id);
    for (id, at, message) in due {
        let to = message
            .to()
            .cloned()
            .unwrap_or_else(|| account.jid().clone().into());
        let target = target_of(account, message.from(), &to);
        let facts = account.resources().map(|resource| resource.facts(&to));
        let Decision::Deliver(indexes) = decide(message.kind(), target, facts) else {
            continue;
        };
        let mut recipients = mail::recipients(account, &indexes);
        recipients.retain(|session| sessions.contains(session));
        let had_some = !recipients.is_empty();
        recipients.retain(|session| has_not(account, *session, id));
        if had_some && recipients.is_empty() {
            taken.push(id);
            continue;
        }
        account.mailbox.offered(recipients.iter().map(|_| id));
        let like = Frame {
            stanza: Arc::new(message),
            to: Some(to),
            gates: Gates::OPEN,
            fate: mail::fate(account, &recipients, Some(id)),
        };
        for resource in account.resources() {
            if recipients.contains(&resource.session().id())
                && let Some(it) = resource.session().outbox().resumption_mut()
            {
                it.waiting.push(like.clone(), at);
            }
        }
    }
    if !taken.is_empty() {
        mail::accepted(account, cx, taken, None);
    }
}

/// Whether the session's client has not acked an entry as new as this.
fn has_not(account: &Account, session: SessionId, id: EntryId) -> bool {
    account.resource(session).is_some_and(|resource| {
        let outbox = resource.session().outbox();
        outbox.resumption().is_some_and(|it| it.position < id)
    })
}
