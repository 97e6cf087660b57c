//! Sessions without a transport, [XEP-0198 §5]: they stay in their account's list, present and routable, until somebody
//! resumes them or their time is over.
//!
//! Nobody is told of any of this but features ([`SessionDetached`], [`SessionResumed`]); only the end of a session is an
//! end ([`ending`]).
//!
//! [XEP-0198 §5]: https://xmpp.org/extensions/xep-0198.html#resumption

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use jid::Jid;
use stanza::{Kind, Stanza, Timestamp, delay::Delay};
use stream::StreamFault;

use super::{
    Account, AccountCell,
    ending::{self, End},
    mail::{self, Entries},
    noted, presence,
};
use crate::{
    metrics::own::{GivenUp, Resuming},
    pipeline::{
        Context, Gates,
        events::{SessionDetached, SessionResumed},
    },
    server::Server,
    session::{
        AckTooHigh, Session, SessionId, Slot, SmId,
        frame::{Fate, Frame},
        sm::Acked,
    },
};

/// Why a session is not resumed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotResumed {
    /// There is none of that id: there never was, or it has ended.
    NotFound,
    /// The client says to have got more than was sent.
    TooHigh(AckTooHigh),
}

/// The session lost its transport of this number; if it can be resumed, it waits. Whether it does.
pub(crate) fn lose(account: &mut Account, cx: &Context<'_>, id: SessionId, transport: u32) -> Lost {
    let Some(session) = account.resource(id).map(|it| it.session().clone()) else {
        return Lost::Nothing;
    };
    let hold = {
        let mut outbox = session.outbox();
        let Some(hold) = outbox
            .resumption()
            .filter(|resumption| !resumption.is_starting)
            .map(|resumption| resumption.hold)
        else {
            return Lost::CannotBeResumed;
        };
        if !outbox.detach(transport, cx.timestamp()) {
            return Lost::Nothing;
        }
        if let Some(resumption) = outbox.resumption_mut() {
            resumption.until = Some(cx.timestamp().plus(hold));
        }
        hold
    };
    session.forget_inactivity();
    let server = cx.server();
    let limits = server.limits();
    server.metrics().resuming(Resuming::Detached);
    let detached = server.detached.fetch_add(1, Ordering::Relaxed);
    tracing::info!(jid = %session.full_jid(), hold_seconds = hold.as_secs(), "session waits to be resumed");
    noted::changed(account, cx, id);
    // Who stops gives up nobody.
    let is_stopping = server.stopping.load(Ordering::Relaxed);
    if !is_stopping && detached >= u64::from(limits.detached_sessions_max) {
        give_up(account, cx, id, GivenUp::TooManyOfAll);
        return Lost::Nothing;
    }
    if !is_stopping {
        make_room(account, cx, limits.detached_sessions_per_account_max, id);
    }
    if account.resource(id).is_none() {
        return Lost::Nothing;
    }
    cx.tell(SessionDetached { session: id }, account);
    Lost::Waits(cx.now() + hold)
}

/// What became of a session that lost its transport.
pub(crate) enum Lost {
    /// It waits until then.
    Waits(Instant),
    /// It ends.
    CannotBeResumed,
    /// It sits on another transport, or has ended.
    Nothing,
}

/// Ends the sessions that waited longest, until no more than `max` wait.
fn make_room(account: &mut Account, cx: &Context<'_>, max: u32, newest: SessionId) {
    let mut waiting: Vec<SessionId> = account
        .resources()
        .map(|resource| resource.session())
        .filter(|session| session.is_detached() && session.id() != newest)
        .map(|session| session.id())
        .collect();
    // Those of a lower number bound earlier; which of them lost its transport first matters little.
    waiting.sort_unstable();
    let others_max = usize::try_from(max.saturating_sub(1)).unwrap_or(usize::MAX);
    let surplus = waiting.len().saturating_sub(others_max);
    for id in waiting.into_iter().take(surplus) {
        give_up(account, cx, id, GivenUp::TooManyOfAccount);
    }
    if max == 0 {
        give_up(account, cx, newest, GivenUp::TooManyOfAccount);
    }
}

/// Ends one session that waits, so that another may bind. Whether there was one.
pub(crate) fn end_one(account: &mut Account, cx: &Context<'_>) -> bool {
    let longest = account
        .resources()
        .map(|resource| resource.session())
        .filter(|session| session.is_detached())
        .map(|session| session.id())
        .min();
    if let Some(id) = longest {
        give_up(account, cx, id, GivenUp::TooManyOfAccount);
    }
    longest.is_some()
}

/// A session that waits is given up.
pub(crate) fn give_up(account: &mut Account, cx: &Context<'_>, id: SessionId, why: GivenUp) {
    ending::finish(account, cx, id, &End::GivenUp(why));
}

/// The time of a session that lost its transport of this number is over, unless it was resumed.
fn hold_over(account: &mut Account, cx: &Context<'_>, session: &Session, transport: u32) {
    let still_waits = {
        let outbox = session.outbox();
        let is_same = |it: &crate::session::Resumption| it.transport == transport && it.is_detached;
        outbox.resumption().is_some_and(is_same)
    };
    if still_waits {
        tracing::info!(jid = %session.full_jid(), "session was not resumed in time");
        give_up(account, cx, session.id(), GivenUp::TimeOver);
    }
}

/// A client that signed in asks for its session: it is on the way to another transport from here on, and what the client
/// has got by now is settled. The session, and the number of its transport.
pub(crate) fn take_over(
    account: &mut Account,
    cx: &Context<'_>,
    id: SmId,
    h: u32,
) -> Result<(Arc<Session>, u32), NotResumed> {
    let is_it = |session: &Arc<Session>| {
        let outbox = session.outbox();
        outbox.resumption().is_some_and(|it| it.id == id)
    };
    let found = account
        .resources()
        .map(|resource| resource.session())
        .find(|session| is_it(session))
        .cloned();
    let Some(session) = found else {
        return Err(NotResumed::NotFound);
    };
    let nothing = NotResumed::NotFound;
    let mut outbox = session.outbox();
    let taken = match &mut outbox.acks {
        None => return Err(nothing),
        Some(acks) => acks.acked(h).map_err(NotResumed::TooHigh)?,
    };
    if let Some(resumption) = outbox.resumption_mut() {
        resumption.until = None;
    }
    let was_detached = outbox.is_detached();
    let transport = outbox.take_over(cx.timestamp()).ok_or(nothing)?;
    drop(outbox);
    session.forget_inactivity();
    // A connection that it sat on until now finds out and ends.
    session.wake();
    if was_detached {
        cx.server().detached.fetch_sub(1, Ordering::Relaxed);
    }
    noted::changed(account, cx, session.id());
    let entries = entries_of(taken, true);
    if !entries.is_empty() {
        mail::accepted(account, cx, entries, None);
    }
    Ok((session, transport))
}

/// What the client has for good.
pub(crate) fn entries_of(taken: Acked, is_resumable: bool) -> Entries {
    let mut entries = Entries::new();
    for frame in taken {
        if let Fate::Reroute { delivery, entry } = frame.fate {
            let is_settled = delivery.is_none_or(|delivery| delivery.take(is_resumable));
            entries.extend(entry.filter(|_| is_settled));
        }
    }
    entries
}

/// The session sits on its new transport: what the client did not ack comes again, then what waited. Whether it still
/// was the newest.
pub(crate) fn resumed(
    account: &mut Account,
    cx: &Context<'_>,
    id: SessionId,
    transport: u32,
) -> bool {
    let Some(session) = account.resource(id).map(|it| it.session().clone()) else {
        return false;
    };
    let is_ours = session
        .outbox()
        .resumption()
        .is_some_and(|it| it.transport == transport && !it.is_attached && !it.is_detached);
    if !is_ours {
        return false;
    }
    session.outbox().retransmit(|frame| late(account, frame));
    catch_up(account, cx, &session);
    if account.mailbox.has_waiting() {
        mail::flush(account, cx, id);
    }
    cx.server().metrics().resuming(Resuming::Resumed);
    tracing::info!(jid = %session.full_jid(), "session resumed");
    cx.tell(SessionResumed { session: id }, account);
    true
}

impl Account {
    /// The messages that the client of a session which waits to be resumed has not taken, as far as anybody knows: those
    /// on their way to it alone, and copies of others. Oldest first.
    #[must_use]
    pub fn untaken_messages(&self, id: SessionId) -> Vec<Arc<Stanza>> {
        let Some(resource) = self.resource(id) else {
            return Vec::new();
        };
        let outbox = resource.session().outbox();
        let unacked = outbox.acks.iter().flat_map(|acks| acks.unacked());
        let waiting = outbox.resumption().into_iter();
        let waiting = waiting.flat_map(|resumption| resumption.waiting.iter());
        unacked
            .map(|frame| frame.stanza.clone())
            .chain(waiting.filter_map(|slot| match slot {
                Slot::Frame { frame, .. } => Some(frame.stanza.clone()),
                Slot::Entry { id, .. } => Some(Arc::new(self.mailbox.due(*id)?.message().ok()?)),
            }))
            .filter(|stanza| matches!(stanza.kind(), Kind::Message(_)))
            .collect()
    }
}

/// Moves as much of what waited to a client as there is room for. Behind all of it comes the presence that gave way.
pub(crate) fn catch_up(account: &Account, cx: &Context<'_>, session: &Arc<Session>) {
    let mut outbox = session.outbox();
    while let Some(slot) = outbox.next_waiting() {
        if let Some(frame) = revived(account, slot) {
            outbox.append(frame);
        }
    }
    let asks = outbox
        .resumption_mut()
        .is_some_and(|it| it.waiting.is_empty() && std::mem::take(&mut it.lost_presence));
    drop(outbox);
    session.wake();
    if asks {
        presence::ask_again(account, cx, session.id());
    }
}

/// What waited, with the moment it came. `None` when it is nowhere any more: it was taken back.
pub(super) fn revived(account: &Account, slot: Slot) -> Option<Frame> {
    match slot {
        Slot::Frame { mut frame, at } => {
            if matches!(frame.stanza.kind(), Kind::Message(_) | Kind::Presence(_)) {
                stamp(account, &mut frame, at);
            }
            Some(frame)
        }
        Slot::Entry { id, to, gates } => {
            let entry = account.mailbox.due(id)?;
            let message = mail::with_archive_id(account, entry.wire_id, entry.message().ok()?);
            let mut frame = Frame {
                stanza: Arc::new(message),
                to,
                gates,
                fate: Fate::Reroute {
                    delivery: None,
                    entry: Some(id),
                },
            };
            stamp(account, &mut frame, entry.at);
            Some(frame)
        }
    }
}

/// The same without that moment: it was written once.
pub(super) fn unstamped(account: &Account, slot: Slot) -> Option<Frame> {
    match slot {
        Slot::Frame { frame, .. } => Some(frame),
        Slot::Entry { id, to, gates } => {
            let entry = account.mailbox.due(id)?;
            let message = mail::with_archive_id(account, entry.wire_id, entry.message().ok()?);
            Some(Frame {
                stanza: Arc::new(message),
                to,
                gates,
                fate: Fate::Reroute {
                    delivery: None,
                    entry: Some(id),
                },
            })
        }
    }
}

/// What was written and not acked, with the moment it came if it is a message that the mailbox knows.
pub(super) fn late(account: &Account, mut frame: Frame) -> Frame {
    if let Fate::Reroute {
        entry: Some(entry), ..
    } = frame.fate
        && let Some(entry) = account.mailbox.due(entry)
    {
        stamp(account, &mut frame, entry.at);
    }
    frame
}

/// [XEP-0203](https://xmpp.org/extensions/xep-0203.html): what our host delayed before is not stamped again.
fn stamp(account: &Account, frame: &mut Frame, at: Timestamp) {
    let host: Jid = account.jid().to_domain().into();
    let is_stamped = |stanza: &Stanza| {
        stanza.children().any(|child| {
            let is_delay = child.is("delay", stanza::delay::NS);
            is_delay
                && child
                    .tree()
                    .root()
                    .attr("from")
                    .is_some_and(|from| from == host.as_str())
        })
    };
    if !is_stamped(&frame.stanza) {
        let delay = Delay::new(at, host.clone()).to_fragment();
        frame.stanza = Arc::new(frame.stanza.as_ref().clone().with_child(delay));
    }
}

impl Server {
    /// A session lost its transport of this number: it waits for a while, or ends.
    pub(crate) fn lose_transport(
        self: &Arc<Self>,
        cell: &Arc<AccountCell>,
        session: &Arc<Session>,
        transport: u32,
    ) {
        let gates = Gates::after(session.gate());
        let lost = self.visit(cell, gates, |account, cx| {
            let lost = lose(account, cx, session.id(), transport);
            if matches!(lost, Lost::CannotBeResumed) {
                ending::finish(account, cx, session.id(), &End::Gone);
            }
            lost
        });
        match lost {
            Some(Lost::Waits(until)) => self.give_up_at(until, cell, session, transport),
            Some(Lost::Nothing) => {}
            // Whatever state the account was in, nothing reaches the session any more.
            Some(Lost::CannotBeResumed) | None => {
                session.outbox().rest();
            }
        }
    }

    /// Ends the session when its time is over, unless it was resumed by then.
    pub(crate) fn give_up_at(
        self: &Arc<Self>,
        until: Instant,
        cell: &Arc<AccountCell>,
        session: &Arc<Session>,
        transport: u32,
    ) {
        let sleep = self.environment().sleep_until(until);
        let (server, cell) = (Arc::downgrade(self), cell.clone());
        let session = Arc::downgrade(session);
        self.environment().spawn(Box::pin(async move {
            sleep.await;
            let (Some(server), Some(session)) = (server.upgrade(), session.upgrade()) else {
                return;
            };
            let gates = Gates::after(session.gate());
            server.visit(&cell, gates, |account, cx| {
                hold_over(account, cx, &session, transport);
            });
            server.retire_idle(&cell);
        }));
    }
}

/// The stream error of a connection whose session went on to another.
pub(crate) const TAKEN_OVER: StreamFault = StreamFault::Replaced;
