//! Notifying devices: which are to be now, the request to their push service, and what its answer means.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{
    Envelope, Server,
    account::{Account, Resource},
    module::AccountMessage,
    pipeline::Context,
};
use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::{Condition, ErrorType, IqType, Kind, Stanza, StanzaError};

use super::{
    Push,
    config::Told,
    limits::{BODY_BYTES_MAX, FAILURES_MAX, PATIENCE, pause},
    notable::Urgency,
    pending::{self, Due, Note, Pending},
    protocol::Notification,
    registration::{self, Key, Registration, Registrations},
};

/// How long to wait when as many notifications are under way as may.
const BUSY_PAUSE: Duration = Duration::from_secs(30);

/// Asks an account to look what is to be done. It is handed on once what it rests on is durable, so nobody is notified
/// of a message that was not kept.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Look {}

impl AccountMessage for Look {
    const NAME: &'static str = "push.look";
}

/// What became of a notification.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Published {
    pub(super) key: Key,
    /// What it was about.
    pub(super) notes: Vec<Note>,
    pub(super) outcome: Outcome,
}

impl AccountMessage for Published {
    const NAME: &'static str = "push.published";
}

/// What a push service said, or that it said nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Outcome {
    /// It took it.
    Taken,
    /// It will not take any more, [§7.1](https://xmpp.org/extensions/xep-0357.html#publishing-errors).
    Refused,
    /// It could not, this time.
    Failed,
}

impl Outcome {
    /// What the answer to a request to publish means.
    fn of(answer: &Stanza) -> Self {
        if answer.kind() == Kind::Iq(IqType::Result) {
            return Self::Taken;
        }
        let error = answer.children().find(|child| child.name() == "error");
        match error.map(|error| StanzaError::parse(&error.tree().root())) {
            Some(error) if !is_transient(&error) => Self::Refused,
            Some(_) | None => Self::Failed,
        }
    }
}

/// Whether the next try may do better: the service is out of reach, or says so.
fn is_transient(error: &StanzaError) -> bool {
    error.error_type() == ErrorType::Wait
        || matches!(
            error.condition(),
            Condition::RemoteServerNotFound
                | Condition::RemoteServerTimeout
                | Condition::ServiceUnavailable
                | Condition::RecipientUnavailable
                | Condition::InternalServerError
                | Condition::UndefinedCondition
        )
}

impl Push {
    /// Notifies what is due, and sees to it that the rest is looked at in time.
    pub(super) fn look(&self, account: &mut Account, cx: &Context<'_>) {
        let now = cx.now();
        let keys: Vec<Key> = match account.resident::<Pending>() {
            None => return,
            Some(pending) => pending.devices.keys().cloned().collect(),
        };
        let mut next: Option<Instant> = None;
        for key in keys {
            let registration = account.resident::<Registrations>();
            let Some(registration) = registration.and_then(|all| all.0.get(&key)).cloned() else {
                pending::forget(account, cx, &key);
                continue;
            };
            drop_unwanted(account, cx, &key, &registration);
            let until = self.elsewhere_until(account, &key, &registration);
            let Some(waiting) = account.resident_mut::<Pending>().devices.get(&key) else {
                continue;
            };
            match waiting.due(now, until) {
                Due::Nothing => {}
                Due::Now => {
                    if !self.publish(account, cx, &key, &registration) {
                        self.pause(account, &key, now + BUSY_PAUSE);
                        next = Some(next.map_or(now + BUSY_PAUSE, |at| at.min(now + BUSY_PAUSE)));
                        pending::keep(account, cx, &key);
                    }
                }
                Due::At(at) => {
                    next = Some(next.map_or(at, |before| before.min(at)));
                    pending::keep(account, cx, &key);
                }
            }
        }
        if let Some(at) = next {
            look_at(account, cx, at);
        }
    }

    /// Until when the user counts as being at another device than that of `registration`.
    fn elsewhere_until(
        &self,
        account: &Account,
        key: &Key,
        registration: &Registration,
    ) -> Option<Instant> {
        let pending = account.resident::<Pending>()?;
        let is_other = |resource: &&Resource| {
            let session = resource.session();
            !session.is_inactive()
                && !registration.is_of(resource)
                && pending.owned(session.id()) != Some(key)
        };
        account
            .resources()
            .filter(is_other)
            .filter_map(|other| pending.at_hand_until(other.session().id(), self.hold))
            .max()
    }

    fn pause(&self, account: &mut Account, key: &Key, until: Instant) {
        if let Some(waiting) = account.resident_mut::<Pending>().devices.get_mut(key) {
            waiting.not_before = Some(until);
        }
    }

    /// Publishes all that waits for a device. `false` when as many are under way as may.
    fn publish(
        &self,
        account: &mut Account,
        cx: &Context<'_>,
        key: &Key,
        registration: &Registration,
    ) -> bool {
        let most = cx.server().limits().push_notifications_under_way_max;
        let Some(slot) = Slot::take(&self.under_way, most) else {
            return false;
        };
        let Some(waiting) = account.resident_mut::<Pending>().devices.get_mut(key) else {
            return true;
        };
        let count = waiting.count();
        let notes = waiting.take();
        waiting.is_under_way = true;
        waiting.not_before = None;
        let stanza = self.notification(registration, count, &notes);
        let question = Envelope::from_account(account.jid(), registration.service.clone(), stanza);
        let (server, account) = (cx.server().clone(), account.jid().clone());
        let key = key.clone();
        cx.server().environment().spawn(Box::pin(async move {
            let _slot = slot;
            let outcome = ask(&server, question).await;
            tell(&server, &account, key, notes, outcome);
        }));
        true
    }

    /// What is published of `notes`, the last of which counts.
    fn notification(&self, registration: &Registration, count: u32, notes: &[Note]) -> Stanza {
        let last = notes.last();
        let body = match self.tells(Told::LastMessageBody) {
            true => last.and_then(|last| last.body.as_deref()),
            false => None,
        };
        let placeholder = Some(&*self.placeholder).filter(|text| !text.is_empty());
        // Where nothing is told at all, not even that there is a text.
        let body = body.or(placeholder.filter(|_| !self.told.is_empty()));
        let mut told = self.told.clone();
        if body.is_some() && !self.tells(Told::LastMessageBody) {
            told.push(Told::LastMessageBody);
        }
        Notification {
            node: registration.node.as_deref(),
            options: registration.options.as_deref(),
            told: &told,
            count,
            sender: last.map(|last| &last.sender),
            body,
            is_urgent: registration.wants_priority
                && notes.iter().any(|note| note.urgency() >= Urgency::Message),
        }
        .to_stanza()
    }

    fn tells(&self, what: Told) -> bool {
        self.told.contains(&what)
    }

    /// Takes what became of a notification.
    pub(super) fn published(&self, published: Published, account: &mut Account, cx: &Context<'_>) {
        let Published {
            key,
            notes,
            outcome,
        } = published;
        let registration = account.resident::<Registrations>();
        let Some(mut registration) = registration.and_then(|all| all.0.get(&key)).cloned() else {
            return pending::forget(account, cx, &key);
        };
        let failures = match outcome {
            Outcome::Taken => 0,
            Outcome::Failed => registration.failures + 1,
            Outcome::Refused => FAILURES_MAX,
        };
        cx.server()
            .metrics()
            .count_at(&super::NOTIFICATIONS, outcome as usize);
        if failures >= FAILURES_MAX {
            tracing::info!(account = %account.jid(), service = %registration.service, "a push service takes no notifications; its registration is removed");
            registration::remove(account, cx, vec![key.clone()]);
            return pending::forget(account, cx, &key);
        }
        if registration.failures != failures {
            registration.failures = failures;
            registration::put(account, cx, registration);
        }
        let pending = account.resident_mut::<Pending>();
        let waiting = pending.devices.entry(key.clone()).or_default();
        waiting.is_under_way = false;
        match outcome {
            Outcome::Taken => {
                let taken = u32::try_from(notes.len()).unwrap_or(u32::MAX);
                waiting.others = waiting.others.saturating_add(taken);
            }
            Outcome::Failed | Outcome::Refused => {
                waiting.give_back(notes);
                waiting.not_before = Some(cx.now() + pause(failures));
            }
        }
        pending::keep(account, cx, &key);
        self.look(account, cx);
    }
}

/// Who was muted or blocked since wakes nobody.
fn drop_unwanted(account: &mut Account, cx: &Context<'_>, key: &Key, registration: &Registration) {
    let Some(pending) = account.resident::<Pending>() else {
        return;
    };
    let unwanted: Vec<Jid> = pending
        .devices
        .get(key)
        .into_iter()
        .flat_map(|waiting| &waiting.notes)
        .map(|note| &note.sender)
        .filter(|sender| !registration.wants(account, sender) || !cx.may_address(account, sender))
        .cloned()
        .collect();
    if unwanted.is_empty() {
        return;
    }
    if let Some(waiting) = account.resident_mut::<Pending>().devices.get_mut(key) {
        waiting.retain(|note| !unwanted.contains(&note.sender));
    }
    pending::keep(account, cx, key);
}

/// Looks again then, if not before.
fn look_at(account: &mut Account, cx: &Context<'_>, at: Instant) {
    let pending = account.resident_mut::<Pending>();
    if pending.look_at.is_some_and(|before| before <= at) {
        return;
    }
    pending.look_at = Some(at);
    let sleep = cx.server().environment().sleep_until(at);
    let (server, account) = (Arc::downgrade(cx.server()), account.jid().clone());
    cx.server().environment().spawn(Box::pin(async move {
        sleep.await;
        if let Some(server) = server.upgrade() {
            // The host may be gone by now, and its account with it.
            let _ = server.tell_account(&account, &Look {});
        }
    }));
}

async fn ask(server: &Arc<Server>, question: Envelope) -> Outcome {
    match server.ask(question, PATIENCE).await {
        Ok(answer) => Outcome::of(&answer),
        Err(_) => Outcome::Failed,
    }
}

fn tell(server: &Arc<Server>, account: &BareJid, key: Key, notes: Vec<Note>, outcome: Outcome) {
    let published = Published {
        key,
        notes,
        outcome,
    };
    if let Err(error) = server.tell_account(account, &published) {
        tracing::debug!(%account, %error, "what became of a notification is told to nobody");
    }
}

/// So much of a text as goes along.
pub(super) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(BODY_BYTES_MAX));
    text
}

/// One of the notifications that may be under way at once.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(under_way: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let slot = Self(under_way.clone());
        // Counted first, so that what is given back on drop was taken.
        (slot.0.fetch_add(1, Ordering::Relaxed) < most).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_ends_a_registration_unless_it_may_pass() {
        check("<iq type='result' id='1'/>", Outcome::Taken);
        check_error("wait", "resource-constraint", Outcome::Failed);
        check_error("cancel", "remote-server-not-found", Outcome::Failed);
        check_error("cancel", "service-unavailable", Outcome::Failed);
        check_error("cancel", "internal-server-error", Outcome::Failed);
        check_error("cancel", "item-not-found", Outcome::Refused);
        check_error("auth", "forbidden", Outcome::Refused);
        check_error("modify", "not-acceptable", Outcome::Refused);
        check("<iq type='error' id='1'/>", Outcome::Failed);
    }

    #[test]
    fn a_slot_that_was_not_had_is_not_given_back_twice() {
        let under_way = Arc::new(AtomicUsize::new(0));
        let first = Slot::take(&under_way, 1);
        assert!(first.is_some() && Slot::take(&under_way, 1).is_none());
        drop(first);
        assert_eq!(under_way.load(Ordering::Relaxed), 0);
    }

    #[track_caller]
    fn check_error(kind: &str, condition: &str, expected: Outcome) {
        let error = format!(
            "<iq type='error' id='1'><error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        );
        check(&error, expected);
    }

    #[track_caller]
    fn check(xml: &str, expected: Outcome) {
        let tree = xml::Tree::parse_fragment(xml).unwrap();
        let answer = Stanza::accept(&tree.root(), None).unwrap();
        assert_eq!(Outcome::of(&answer), expected, "{xml}");
    }
}
