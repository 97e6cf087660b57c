//! Messages for an account: who gets one, whether the mailbox keeps it, and what waited before.

use std::sync::Arc;

use jid::Jid;
use mailbox::{
    Class, Cleared, NewEntry, Owed, Recorded, Reliance, Waiting, WireId,
    limits::{DUE_BYTES_MAX, DUE_ENTRIES_MAX},
    may_wait,
};
use smallvec::SmallVec;
use stanza::{Condition, Kind, MessageType, Stanza, StanzaError, delay::Delay};
use store::EntryId;

use super::{
    Account, Resource,
    archiving::{class_of, inbound, is_kept},
    bounces, iq, noted, stored,
};
use crate::{
    envelope::Envelope,
    losses::{self, Mending},
    pipeline::{
        Context, Gates, Stage,
        decide::{Decision, Recipients, Target, decide},
        events::{Chosen, MessageArrived, archive_id},
    },
    router::route_error,
    sabotage::Sabotage,
    session::{
        Session, SessionId,
        frame::{Delivery, Fate, Frame, weight},
        marks::ReadsArchive,
    },
};

/// Entries that a client takes at once: hardly ever more than one.
pub(crate) type Entries = SmallVec<[EntryId; 2]>;

/// So many entries that sessions have taken are settled at once instead of within a second.
const UNSETTLED_MAX: usize = 512;

impl Account {
    /// The batch of an entry failed: nobody sees it.
    pub(crate) fn withdraw(&mut self, entry: EntryId) {
        self.mailbox.withdrawn(entry);
    }
}

/// A message passed the recipient's screens: decide, record, fork, deliver.
pub(crate) fn arrived(account: &mut Account, cx: &Context<'_>, mut event: MessageArrived) {
    let kind = event.envelope.stanza().kind();
    let to = event.envelope.to().clone();
    let target = iq::target(account, &event.envelope);
    match decide(
        kind,
        target,
        account.resources().map(|resource| resource.facts(&to)),
    ) {
        Decision::Deliver(indexes) => deliver(account, cx, &mut event, &indexes),
        Decision::Store => {
            let class = class_of(account, cx, &event.envelope);
            keep(account, cx, &mut event, class);
        }
        Decision::Refuse(condition) => {
            cx.host()
                .pipeline()
                .message_arrived
                .at(Stage::Fork, &mut event, account, cx);
            route_error(cx, &event.envelope, &StanzaError::new(condition));
        }
        Decision::Handle | Decision::Drop => {}
    }
}

/// Somebody takes it now, or right after what waits for it.
fn deliver(
    account: &mut Account,
    cx: &Context<'_>,
    event: &mut MessageArrived,
    indexes: &Recipients,
) {
    let class = class_of(account, cx, &event.envelope);
    if event.envelope.stanza().kind().is_error() && class != Class::Archive {
        bounces::look_for_original(account, cx, &event.envelope);
    }
    // A backlog is on its way to a session: what comes now must not overtake it. One that nobody can take
    // yet holds back nothing: who is named gets what names it, RFC 6121 §8.5.3.1.
    if account.mailbox.has_waiting()
        && account
            .resources()
            .any(|resource| awaits_backlog(account, resource))
        && may_wait(event.envelope.stanza())
        && class != Class::None
    {
        return keep(account, cx, event, class);
    }
    event.recipients = recipients(account, indexes);
    let envelope = &event.envelope;
    let reliance = Reliance {
        sender_acknowledged: envelope.sender_has_acks(),
        recipient_acknowledges: event
            .recipients
            .iter()
            .filter_map(|id| account.resource(*id))
            .any(|resource| resource.session().has_acks()),
        nobody_takes_it: false,
    };
    let entry = match reliance.must_log(class, may_wait(envelope.stanza())) {
        false => None,
        true => {
            let sessions = u16::try_from(event.recipients.len()).unwrap_or(u16::MAX);
            match record(account, cx, event, class, Owed::Sessions(sessions)) {
                Ok(recorded) => Some(recorded.id),
                Err(()) if is_history(account, cx, event, class) => None,
                // A full mailbox does not stop a message somebody can take, but its loss is not covered.
                Err(()) if reliance.sender_acknowledged => {
                    return route_error(
                        cx,
                        &event.envelope,
                        &StanzaError::new(Condition::ResourceConstraint),
                    );
                }
                Err(()) => None,
            }
        }
    };
    cx.host()
        .pipeline()
        .message_arrived
        .at(Stage::Fork, event, account, cx);
    let like = Frame {
        stanza: event.envelope.stanza().clone(),
        to: Some(event.envelope.to().clone()),
        gates: Gates::OPEN,
        fate: fate(account, &event.recipients, entry),
    };
    push_all(account, cx, &event.recipients, &like);
}

/// Whether what waits is on its way to a resource, or some of it: not what its client finds in the archive.
fn awaits_backlog(account: &Account, resource: &Resource) -> bool {
    let is_for = |waiting: Waiting<'_>| waiting.wire_id.is_none();
    resource.takes_messages()
        && (!resource.has_mark::<ReadsArchive>() || account.mailbox.waiting().any(is_for))
}

/// What becomes of frames of one message to so many sessions.
pub(super) fn fate(account: &Account, recipients: &[SessionId], entry: Option<EntryId>) -> Fate {
    let delivery = (recipients.len() > 1).then(|| {
        let resumable = recipients
            .iter()
            .filter_map(|id| account.resource(*id))
            .filter(|resource| resource.session().outbox().resumption().is_some());
        Arc::new(Delivery::new(recipients.len(), resumable.count()))
    });
    Fate::Reroute { delivery, entry }
}

fn push_all(account: &Account, cx: &Context<'_>, recipients: &[SessionId], like: &Frame) {
    for id in recipients {
        if let Some(resource) = account.resource(*id) {
            cx.push_frame(resource.session(), like.clone());
        }
    }
}

/// Nobody can take it now, XEP-0160.
fn keep(account: &mut Account, cx: &Context<'_>, event: &mut MessageArrived, class: Class) {
    let may_wait = may_wait(event.envelope.stanza());
    let reliance = Reliance {
        nobody_takes_it: true,
        ..Reliance::default()
    };
    let is_refused = match reliance.must_log(class, may_wait) {
        true => {
            record(account, cx, event, class, Owed::Later).is_err()
                && !is_history(account, cx, event, class)
        }
        false => account.is_anonymous() || (may_wait && is_refused(event.envelope.stanza())),
    };
    cx.host()
        .pipeline()
        .message_arrived
        .at(Stage::Fork, event, account, cx);
    if is_refused {
        let error = StanzaError::new(Condition::ServiceUnavailable);
        route_error(cx, &event.envelope, &error);
    }
}

/// What may not be kept though it has something to say is refused, so that its sender knows; a chat
/// state or a hint-only message is dropped.
fn is_refused(message: &Stanza) -> bool {
    message.has_body()
}

/// Puts the message into the mailbox. What everybody gets of it from now on has the id that the archive gave it.
fn record(
    account: &mut Account,
    cx: &Context<'_>,
    event: &mut MessageArrived,
    class: Class,
    owed: Owed,
) -> Result<Recorded, ()> {
    let envelope = &event.envelope;
    let recorded = match record_of(account, cx, envelope, class, owed) {
        Err(()) if owed != Owed::Nobody => {
            make_room(account, cx, envelope.stanza().bytes_len(), owed);
            record_of(account, cx, envelope, class, owed)?
        }
        recorded => recorded?,
    };
    if let Some(id) = recorded.wire_id {
        let id = archive_id(id, account.jid().as_str());
        event.envelope.stanza_mut().push_child(id);
    }
    Ok(recorded)
}

/// There is no room for what is due, and the archive keeps it all the same: its owner finds it there.
fn is_history(
    account: &mut Account,
    cx: &Context<'_>,
    event: &mut MessageArrived,
    class: Class,
) -> bool {
    class == Class::Archive && record(account, cx, event, class, Owed::Nobody).is_ok()
}

/// As much is due as may. What the archive has gives way to what comes, oldest first: it is nowhere else for the sender
/// to be told of, and whoever looks into the archive finds it.
fn make_room(account: &mut Account, cx: &Context<'_>, bytes: usize, owed: Owed) {
    let (entries_max, bytes_max) = due_max(cx, owed);
    let gone = account.mailbox.give_way(
        entries_max.saturating_sub(1),
        bytes_max.saturating_sub(bytes),
    );
    clear(account, cx, gone);
}

/// Puts a message into the mailbox and watches over its batch.
fn record_of(
    account: &mut Account,
    cx: &Context<'_>,
    envelope: &Envelope,
    class: Class,
    owed: Owed,
) -> Result<Recorded, ()> {
    if owed == Owed::Later && is_full(account, cx, envelope.stanza().bytes_len()) {
        return Err(());
    }
    let message = envelope
        .stanza()
        .as_ref()
        .clone()
        .with_to(Some(envelope.to().clone()));
    let new = NewEntry {
        message: &message,
        class,
        at: cx.timestamp(),
        peer: &envelope.from().bare(),
        owed,
        body: envelope.body().map(AsRef::as_ref),
        inbound: own_session(account, envelope).and_then(|session| inbound(session)),
    };
    let recorded = account
        .mailbox
        .record(&new, &mut cx.batch())
        .map_err(|refused| {
            tracing::debug!(account = %account.jid(), %refused, "a message was not kept");
        })?;
    settle(account, cx);
    if let Some(session) = envelope.session()
        && envelope.is_whole()
        && cx.server().sabotage() != Sabotage::CountOutsideBatch
    {
        stored::count_along(session, &mut cx.batch());
    }
    // A home that keeps it tells its sender.
    if !envelope
        .crossing()
        .is_some_and(|crossing| crossing.is_kept())
    {
        cx.bounce_if_lost(envelope.stanza(), envelope.gates().needs);
    }
    cx.mend_if_lost(Mending::Withdraw(recorded.id));
    Ok(recorded)
}

/// The session that sent it, if it is one of the account's: whom it is from and whom it is for have one entry of it.
fn own_session<'a>(account: &Account, envelope: &'a Envelope) -> Option<&'a Arc<Session>> {
    let is_own = envelope.from().bare_str() == account.jid().as_str();
    envelope.session().filter(|_| is_own)
}

/// Whether more would wait than the operator lets.
fn is_full(account: &Account, cx: &Context<'_>, bytes: usize) -> bool {
    let (entries_max, bytes_max) = due_max(cx, Owed::Later);
    let held = account.mailbox.held_bytes();
    account.mailbox.due_len() >= entries_max || held.saturating_add(bytes) > bytes_max
}

/// How many entries may be due, and how many bytes: for those who are there what the mailbox lets, for those who are
/// not what the operator lets.
fn due_max(cx: &Context<'_>, owed: Owed) -> (usize, usize) {
    let most = (DUE_ENTRIES_MAX, DUE_BYTES_MAX);
    if owed != Owed::Later {
        return most;
    }
    let limits = cx.server().limits();
    let entries = usize::try_from(limits.offline_messages_max).unwrap_or(usize::MAX);
    let bytes = usize::try_from(limits.offline_bytes_max).unwrap_or(usize::MAX);
    (entries.min(most.0), bytes.min(most.1))
}

pub(super) fn recipients(account: &Account, indexes: &Recipients) -> Chosen {
    indexes
        .iter()
        .filter_map(|index| account.sessions.get(*index))
        .map(|resource| resource.session().id())
        .collect()
}

/// A resource can take messages now: what waits goes there in order, with the moment each came
/// (XEP-0160, XEP-0203), as much at once as half its outbox holds. The rest follows as it takes these.
pub(crate) fn flush(account: &mut Account, cx: &Context<'_>, session: SessionId) {
    let Some(resource) = account.resource(session) else {
        return;
    };
    if !resource.takes_messages() {
        return;
    }
    let reads_archive = resource.has_mark::<ReadsArchive>();
    let session = resource.session().clone();
    let host: Jid = account.jid().to_domain().into();
    let mut room = session.outbox().room();
    let mut offered = Vec::new();
    let mut unwanted = Vec::new();
    for waiting in account.mailbox.waiting() {
        if reads_archive && waiting.wire_id.is_some() {
            continue;
        }
        match waiting.message() {
            // It came before its sender was shut out.
            Ok(message)
                if message
                    .from()
                    .is_some_and(|from| !cx.may_address(account, from)) =>
            {
                unwanted.push(waiting.id);
            }
            Ok(message) => {
                let delay = Delay::new(waiting.at, host.clone());
                let message = with_archive_id(account, waiting.wire_id, message);
                let stanza = Arc::new(message.with_child(delay.to_fragment()));
                let fate = Fate::Reroute {
                    delivery: None,
                    entry: Some(waiting.id),
                };
                let frame = Frame {
                    stanza,
                    to: None,
                    gates: Gates::on(waiting.gate),
                    fate,
                };
                let weight = weight(&frame);
                if weight > room && !offered.is_empty() {
                    break;
                }
                room = room.saturating_sub(weight);
                cx.push_frame(&session, frame);
                offered.push(waiting.id);
            }
            Err(error) => {
                tracing::error!(account = %account.jid(), %error, "a stored message is damaged and was skipped");
                unwanted.push(waiting.id);
            }
        }
    }
    account.mailbox.offered(offered);
    if !unwanted.is_empty() {
        accepted(account, cx, unwanted, None);
    }
}

/// What stands in the mailbox, as everybody gets it: with the id that the archive gave it.
pub(super) fn with_archive_id(account: &Account, id: Option<WireId>, message: Stanza) -> Stanza {
    match id {
        Some(id) => message.with_child(archive_id(id, account.jid().as_str())),
        None => message,
    }
}

/// What was kept for one session only and lost it: the sender is told, and it is forgotten.
pub(crate) fn give_up_strays(account: &mut Account, cx: &Context<'_>) {
    let strays: Vec<(EntryId, Option<Stanza>)> = account
        .mailbox
        .strays()
        .map(|stray| (stray.id, stray.message().ok()))
        .collect();
    if strays.is_empty() {
        return;
    }
    for message in strays.iter().filter_map(|(_, message)| message.as_ref()) {
        let to = message.to().cloned();
        let frame = Frame {
            stanza: Arc::new(message.clone()),
            to,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        };
        refuse(account, cx, &frame);
    }
    accepted(account, cx, strays.into_iter().map(|(id, _)| id), None);
}

/// A session took these entries for good; it has room for more of what waits.
pub(crate) fn accepted(
    account: &mut Account,
    cx: &Context<'_>,
    entries: impl IntoIterator<Item = EntryId>,
    by: Option<SessionId>,
) {
    let now = account.mailbox.accepted(entries);
    if let Some(session) = by.filter(|_| !now.is_empty()) {
        let is_resumable =
            |it: &Resource| it.session().has_acks() && it.session().outbox().resumption().is_some();
        if account.resource(session).is_some_and(is_resumable) {
            noted::acked(account, cx, session);
        }
    }
    clear(account, cx, now);
    if let Some(session) = by
        && account.mailbox.has_waiting()
    {
        flush(account, cx, session);
    }
}

/// These entries are settled; the disk learns of it later.
pub(crate) fn clear(account: &mut Account, cx: &Context<'_>, now: Cleared) {
    if now.is_empty() {
        return;
    }
    account.unsettled.extend(now);
    match account.unsettled.len() < UNSETTLED_MAX {
        true => noted::list(account, cx),
        false => settle(account, cx),
    }
}

/// Writes on disk what sessions have taken. Nobody waits for that: who had a message and said so asks for it again only
/// after a crash within the last second, and then knows it by its id. So it goes along with the next message that is
/// recorded, behind which nothing has to be noted of a removed one, or is done once for all of a second.
pub(crate) fn settle(account: &mut Account, cx: &Context<'_>) {
    let unsettled = std::mem::take(&mut account.unsettled);
    if unsettled.is_empty() {
        return;
    }
    account.mailbox.settle(&unsettled, &mut cx.batch());
    cx.mend_if_lost(Mending::Unsettle(unsettled));
}

/// A session ended without having taken this entry.
pub(crate) fn released(account: &mut Account, entry: Option<EntryId>) {
    account.mailbox.released(entry);
}

/// A session ended without having taken this message, and nobody else has it.
pub(crate) fn redeliver(
    account: &mut Account,
    cx: &Context<'_>,
    frame: &Frame,
    entry: Option<EntryId>,
) {
    let own: Jid = account.jid().clone().into();
    let decision = decide(
        frame.stanza.kind(),
        Target::Bare,
        account.resources().map(|resource| resource.facts(&own)),
    );
    match (decision, entry) {
        (Decision::Deliver(indexes), entry) => {
            let recipients = recipients(account, &indexes);
            account.mailbox.offered(
                entry
                    .into_iter()
                    .flat_map(|entry| recipients.iter().map(move |_| entry)),
            );
            let like = Frame {
                fate: fate(account, &recipients, entry),
                ..frame.clone()
            };
            push_all(account, cx, &recipients, &like);
        }
        // It is in the mailbox and waits for the next resource.
        (Decision::Store, Some(_)) => {}
        (_, Some(entry)) => {
            // Kept for the ended session only.
            accepted(account, cx, [entry], None);
            refuse(account, cx, frame);
        }
        (Decision::Store, None) => {
            if !record_untaken(account, cx, frame) {
                refuse(account, cx, frame);
            }
        }
        (_, None) => refuse(account, cx, frame),
    }
}

/// Keeps a message that was on its way to a session that ended. The archive decided when it came.
fn record_untaken(account: &mut Account, cx: &Context<'_>, frame: &Frame) -> bool {
    let is_kept = is_kept(account, &frame.stanza) && may_wait(&frame.stanza);
    let Some(from) = frame.stanza.from().filter(|_| is_kept) else {
        return false;
    };
    let to = frame
        .to
        .clone()
        .unwrap_or_else(|| account.jid().clone().into());
    let envelope = Envelope::share(from.clone(), to, &frame.stanza);
    record_of(account, cx, &envelope, Class::Delivery, Owed::Later).is_ok()
}

/// Tells the sender that its message reached nobody, if it was one that anybody would miss.
fn refuse(account: &Account, cx: &Context<'_>, frame: &Frame) {
    let is_missed = match frame.stanza.kind() {
        Kind::Message(MessageType::Error | MessageType::Headline) => false,
        _ => frame.stanza.has_body() || is_kept(account, &frame.stanza),
    };
    if !is_missed {
        return;
    }
    let error = StanzaError::new(Condition::RecipientUnavailable);
    let (Some(sender), Some(reply)) = (
        frame.stanza.from().cloned(),
        frame.stanza.reply_error(&error),
    ) else {
        return;
    };
    let to = frame
        .to
        .clone()
        .unwrap_or_else(|| account.jid().clone().into());
    cx.route_regardless(speak_as(account, &to, sender, reply));
}

/// What a session of the account sent could not be kept: it gets it back, from the address it was for, at once. Whoever
/// sent it and is gone is told nothing.
pub(crate) fn bounce_own(account: &Account, cx: &Context<'_>, stanza: &Stanza) {
    let Some(resource) = stanza.from().and_then(|from| account.resource_by_jid(from)) else {
        return;
    };
    if let Some(reply) = stanza.reply_error(&losses::not_stored()) {
        let from = stanza.to().cloned();
        let from = from.unwrap_or_else(|| account.jid().clone().into());
        cx.push_regardless(resource.session(), &Arc::new(reply.with_from(from)));
    }
}

/// The account answers in the place of one of its resources.
pub(crate) fn speak_as(account: &Account, own: &Jid, to: Jid, stanza: Stanza) -> Envelope {
    Envelope::from_account_as(account.jid(), Some(own), to, stanza)
}
